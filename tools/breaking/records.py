"""Hostile records: what `polybench leaderboard` does with files that were edited, merged or made up."""

import json
import re
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt

from breaking.material import Bench, one
from breaking.report import Case, Faults, crashes, refused

Edit = Callable[[Path], object]
"""Changes a record, whose table lies beside it under the same name."""
DICE = "per_image@2/dice"


def text(change: Callable[[str], str | bytes], suffix: str = ".json") -> Edit:
    """Write another text."""

    def edit(record: Path) -> None:
        path = record.with_suffix(suffix)
        changed = change(path.read_text())
        path.write_bytes(changed.encode() if isinstance(changed, str) else changed)

    return edit


def fields(change: Callable[[dict[str, Any]], object]) -> Edit:
    """Change the record's content, and take off its seal, which would tell of any change."""

    def changed(before: str) -> str:
        data = json.loads(before)
        change(data)
        data.pop("record_sha256", None)
        return json.dumps(data, indent=2) + "\n"

    return text(changed)


def put(value: str) -> Edit:
    """Put these characters in the place of the first number of Dice."""
    return text(
        lambda before: re.sub(r'("dice": \{\s*"value": )[-\d.e]+', lambda found: found[1] + value, before, count=1)
    )


def better(data: dict[str, Any]) -> None:
    """A Dice that the rows don't give."""
    for protocol in data["metrics"].values():
        if "dice" in protocol["values"]:
            protocol["values"]["dice"]["value"] = 0.999


def without_column(before: str) -> str:
    """The table without the column of Dice."""
    rows = [line.split(",") for line in before.splitlines()]
    at = rows[0].index(next(name for name in rows[0] if name.startswith("per_image@") and name.endswith("/dice")))
    return "\n".join(",".join(row[:at] + row[at + 1 :]) for row in rows) + "\n"


def better_and_cut(record: Path) -> None:
    """A Dice that is made up, and no column that could tell."""
    fields(better)(record)
    text(without_column, ".csv")(record)


def better_unsaid(record: Path) -> None:
    """A Dice that is made up, no column that could tell, and no word that there should be one."""
    better_and_cut(record)
    fields(lambda data: [protocol.update(means=[]) for protocol in data["metrics"].values()])(record)


def cell(value: str) -> Edit:
    """Put this into the last cell of the table."""
    return text(lambda before: before.rstrip("\n").rpartition(",")[0] + f",{value}\n", ".csv")


def _set(*keys: str, value: object) -> Edit:
    def change(data: dict[str, Any]) -> None:
        for key in keys[:-1]:
            data = data[key]
        data[keys[-1]] = value

    return fields(change)


CONFLICT = "<<<<<<< HEAD\n{0}=======\n{0}>>>>>>> other\n"


def marked(before: str) -> str:
    """Conflict markers round the table's second row."""
    lines = before.splitlines(keepends=True)
    return "".join([*lines[:2], CONFLICT.format(lines[2]), *lines[3:]])


EDITS: dict[str, Edit] = {
    "cut short": text(lambda before: before[: len(before) // 2]),
    "empty": text(lambda before: ""),
    "with conflict markers": text(CONFLICT.format),
    "in UTF-16": text(lambda before: before.encode("utf-16")),
    "of a list": text(lambda before: "[1, 2]\n"),
    "of deep nesting": text(lambda before: "[" * 100_000),
    "of a deeply nested configuration": text(
        lambda before: before.replace('"config": {', '"config": {"x": ' + "[" * 3000 + "]" * 3000 + ",", 1)
    ),
    "with an integer of 400 digits": put("9" * 400),
    "with an integer of 5000 digits": put("9" * 5000),
    "with 1e999": put("1e999"),
    "with NaN": put("NaN"),
    "with a text for a number": put('"0.9"'),
    "with a key given twice": text(lambda before: before.replace('"seed": 0,', '"seed": 0, "seed": 1,', 1)),
    "of a schema to come": _set("schema_version", value=99),
    "of a schema that is true": _set("schema_version", value=True),
    "with a seed of 400 digits": _set("seed", value=10**400),
    "with a seed of half": _set("seed", value=0.5),
    "whose dataset leads outside": _set("dataset", "name", value="../../outside"),
    "whose dataset is absolute": _set("dataset", "name", value="/tmp/outside"),
    "with a better Dice": fields(better),
    "with a better Dice and no column of it": better_and_cut,
    "with a better Dice, no column of it, and no word of means": better_unsaid,
    "whose table is missing": lambda record: record.with_suffix(".csv").unlink(),
    "whose table has conflict markers": text(CONFLICT.format, ".csv"),
    "whose table has markers round a row": text(marked, ".csv"),
    "whose table is rubbish": text(lambda before: "rubbish\n\0\0\n", ".csv"),
    "whose table lacks a row": text(lambda before: "".join(before.splitlines(keepends=True)[:-1]), ".csv"),
    "whose table has a row twice": text(lambda before: before + before.splitlines(keepends=True)[-1], ".csv"),
    "whose table has text in a cell": cell("rubbish"),
    "whose table is binary": text(lambda before: bytes(range(256)), ".csv"),
}
LINKS = (
    r"\[q](http://link/)",
    "[q](http://link/)",
    "<script>alert(1)</script>",
    "a | b\n\n# c",
    "![q](http://link/)",
    r"\\[q](http://link/)",
    "<http://link/>",
    "`[q](http://link/)",
    "http://link/",
)


def hostile_records(bench: Bench) -> list[Case]:
    """A case for each edit, and for each text that must stay text."""
    cases = [Case(f"a record {name}", partial(_attack, bench, edit)) for name, edit in EDITS.items()]
    for keys in (("recipe",), ("dataset", "split_note"), ("variant",)):
        cases += [Case(f"{keys[-1]} {link!r}", partial(_attack_page, bench, keys, link)) for link in LINKS]
    return cases


def _copied(bench: Bench) -> tuple[Path, Path]:
    folder = bench.folder("record")
    shutil.copytree(bench.trained / "leaderboards", folder / "leaderboards")
    return folder, one(folder.glob("leaderboards/records/*/small-*.json"))


def _attack(bench: Bench, edit: Edit) -> Faults:
    folder, record = _copied(bench)
    edit(record)
    before = _pages(folder)
    ended = bench.server.polybench(folder, "leaderboard", limit=60)
    changed = ["written: another page"] if _pages(folder) != before else []
    outside = ["written: outside of the folder"] if list(bench.work.glob("outside*")) else []
    return refused(ended, names=(record.stem,)) + changed + outside


def _pages(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.glob("leaderboards/*.md")}


def _attack_page(bench: Bench, keys: tuple[str, ...], link: str) -> Faults:
    """A text of a record stays text on the page: no link, no picture, no HTML, no heading."""
    folder, record = _copied(bench)
    _set(*keys, value=link)(record)
    ended = bench.server.polybench(folder, "leaderboard", limit=60)
    if ended.code:
        return refused(ended, names=(record.stem,))
    faults = crashes(ended)
    for page in folder.glob("leaderboards/*.md"):
        shown = MarkdownIt("commonmark", {"html": True}).enable("table").render(page.read_text())
        live = ('href="http://link', 'src="http://link', "<script", "<h1>c")
        faults += [f"live text: {mark} in {page.name}" for mark in live if mark in shown]
    return faults
