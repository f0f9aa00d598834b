"""Let the disk be full, or a folder closed, at one write after another of each command."""

import csv
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
import yaml
from PIL import Image

from breaking.events import GROWS, Action, Event, Injection
from breaking.forkserver import Ended
from breaking.kill_groups import same_result
from breaking.kills import described
from breaking.material import Bench, write_discs
from breaking.report import Case, Faults, crashes, last_line, refused, spread

SPARE = ("/cache/manifests/", "checked.json", ".lock", "record.csv", "record.json")
"""Files that a command may do without: they save work, keep two commands apart, or are copies of what is published."""
CLOSED = ("open", "os.rename", "os.link", "os.mkdir")
"""Events that a folder without the right to write is asked for."""


@dataclass(frozen=True)
class Writer:
    """A command that writes.

    Attributes:
        name: Of its folder.
        words: The command line.
        full: How many writes meet a full disk.
        closed: How many meet a folder that may not be written.
        prepare: Fills the folder.
    """

    name: str
    words: Sequence[object]
    full: int
    closed: int
    prepare: Callable[[Path], object] = lambda folder: None


def write_errors(bench: Bench) -> list[Case]:
    """A case for each write that fails."""
    return [case for writer in writers(bench) for case in _cases(bench, writer)]


def writers(bench: Bench) -> Iterator[Writer]:
    """All commands that write."""
    masks, images, best = bench.discs / "masks", bench.discs / "images", bench.checkpoint
    yield Writer("fit", bench.fit_words(), 14, 6)
    score = ("score", "--pred", masks, "--gt", masks, "--json", "out/scores.json", "--csv", "out/rows.csv")
    yield Writer("score", score, 3, 3)
    yield Writer(
        "predict",
        (
            "predict",
            "--ckpt_path",
            best,
            "--config",
            bench.recipe,
            "--images",
            images,
            "--data.root",
            bench.discs,
            "--data.split",
            bench.discs / "split.csv",
            "--out",
            "masks",
        ),
        3,
        2,
    )
    yield Writer(
        "split", ("data", "split", "own", "--out", "lists/split.csv"), 2, 2, lambda at: write_discs(at / "own")
    )
    verify = ("data", "verify", "folder", "--root", bench.discs, "--split", bench.discs / "split.csv")
    yield Writer("verify", (*verify, "--json", "out/found.json"), 2, 2)
    yield Writer("leaderboard", ("leaderboard",), 2, 2, lambda at: _copy_records(bench, at))
    yield Writer("synth", ("data", "synth", "clinicdb", "--out", "drawn", "--n", "3"), 2, 1)


def _copy_records(bench: Bench, folder: Path) -> None:
    import shutil

    shutil.copytree(bench.trained / "leaderboards" / "records", folder / "leaderboards" / "records")


def _cases(bench: Bench, writer: Writer) -> list[Case]:
    def run(inject: Injection) -> tuple[Ended, Path]:
        folder = bench.folder(f"write-{writer.name}")
        writer.prepare(folder)
        return bench.server.polybench(folder, *writer.words, inject=inject), folder

    def attack(injection: Injection) -> Faults:
        ended, folder = run(injection)
        if ended.hit is None:
            return [f"not reached: {len(ended.events)} events"]
        spare = any(part in ended.hit.path for part in SPARE)
        passing = "/cache/" in ended.hit.path and not injection.lasting  # a cache may be built again
        if ended.code == 0 and (passing or spare):
            same = same_result(folder, bench.trained) if writer.name == "fit" else []
            return crashes(ended) + same + half_written(folder)
        names = () if spare else names_of(ended.hit, folder)  # what can't be done without, fails later
        return refused(ended, names=names) + half_written(folder)

    dry, folder = run(Injection())
    if dry.code:
        return [Case(writer.name, lambda: [f"fails unbroken: {last_line(dry.err)}"])]
    cases: list[Case] = []
    disk: tuple[Action, Action] = ("ENOSPC", "EACCES")
    for action, kinds, count in zip(disk, (GROWS, CLOSED), (writer.full, writer.closed), strict=True):
        numbers = [number for number, event in enumerate(dry.events) if event.kind in kinds]
        for k in spread(len(numbers), count):
            injection = Injection(numbers[k], action, lasting=len(cases) % 3 != 2)
            when = f"{action} {'from' if injection.lasting else 'at'} event {injection.at}"
            name = f"{writer.name}: {when}, {described(dry.events[injection.at], folder)}"
            cases.append(Case(name, partial(attack, injection)))
    return cases


def names_of(event: Event, folder: Path) -> list[str]:
    """What a sentence may call the file of an event: its name, its folder, or the cache."""
    path = Path(event.path)
    final = re.sub(r"^\.(.+?)(\.[0-9a-f]{8}-\d+)?\.[^.]+\.tmp$", r"\1", path.name)
    parent = path.parent.relative_to(folder)
    names = [final, str(path.parent)] + ([str(parent)] if parent.name else [])
    return names + ([str(folder / "cache")] if "/cache" in event.path else [])


def half_written(folder: Path) -> Faults:
    """Files under their final name that are not whole; logs that are appended to may end anywhere."""
    readers = {".json": _json, ".ckpt": _checkpoint, ".png": _image, ".yaml": _yaml, ".csv": _table, ".md": _text}
    broken = []
    for path in sorted(folder.rglob("*")):
        appended = path.name == "steps.csv" or path.name.endswith("_metrics.csv")
        if path.suffix in readers and path.is_file() and not appended and ".partial" not in str(path):
            try:
                readers[path.suffix](path)
            except Exception as error:
                broken.append(f"{path.relative_to(folder)} ({type(error).__name__})")
    return [f"half-written: {', '.join(broken)}"] if broken else []


def _json(path: Path) -> None:
    json.loads(path.read_text())


def _checkpoint(path: Path) -> None:
    torch.load(path, weights_only=True)


def _image(path: Path) -> None:
    with Image.open(path) as image:
        image.load()


def _yaml(path: Path) -> None:
    if not yaml.safe_load(path.read_text()):
        raise ValueError("empty")


def _table(path: Path) -> None:
    text = path.read_text()
    widths = {len(row) for row in csv.reader(line for line in text.splitlines() if not line.startswith("#"))}
    if not text.endswith("\n") or len(widths) != 1:
        raise ValueError("not whole")


def _text(path: Path) -> None:
    if not path.read_text().endswith("\n"):
        raise ValueError("not whole")
