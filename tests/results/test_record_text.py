"""Hostile records: each is refused at once, in a sentence that names the file."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from polybench.cli.main import run
from polybench.results.record_text import MOST_BYTES, parse
from tests.results.factory import store, table


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("1" + "0" * 5000, "integer 10000000000000000000... which is too large"),
        ("-" + "9" * 30, "too large"),
        ("9223372036854775808", "too large"),
        ("1e999", "number 1e999, which is too large"),
        ("-1e999", "too large"),
        ("NaN", "NaN, which is no number"),
        ("-Infinity", "-Infinity, which is no number"),
        ("[" * 60 + "]" * 60, "more than 50 levels"),
        ("[" * 100_000 + "]" * 100_000, "more than 50 levels"),
        ('{"a": {"seed": 1, "seed": 2}}', "key 'seed' twice"),
        (r'{"a": "\ud800"}', "no character"),
        ('{"a": 1} x', "Extra data"),
        ("", "Expecting value"),
    ],
)
def test_text_that_no_record_has_is_refused(text: str, fault: str) -> None:
    with pytest.raises(ValueError, match=fault.replace("...", r"\.\.\.,")):
        parse(text)


def test_numbers_of_records_are_read_as_they_are() -> None:
    assert parse("[9223372036854775807, -0.5, 1e300, 0, true]") == [2**63 - 1, -0.5, 1e300, 0, True]


def _put(text: str | bytes) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(text if isinstance(text, bytes) else text.encode()) and None


def _change(**values: object) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        data = json.loads(path.read_text())
        for key, value in values.items():
            *parents, last = key.split("__")
            place = data
            for parent in parents:
                place = place[parent.replace("image_1", "image@1")]
            place[last] = value
        del data["record_sha256"]
        path.write_text(json.dumps(data))

    return damage


def _replace(make: Callable[[Path], None]) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        path.unlink()
        make(path)

    return damage


def _huge(path: Path) -> None:
    os.truncate(path, MOST_BYTES + 1)


VALUE = {"value": 0.5, "low": 0.5, "high": 0.5, "direction": "higher"}

HOSTILE = {
    "huge integer": _change(seed=10**4000),
    "integer beyond floats": _change(training__wall_seconds=10**400),
    "metric of the wrong type": _change(metrics={"per_image@1": {"n": [], "groups": 1}}),
    "metrics are a list": _change(metrics=[1]),
    "infinite": _change(training__wall_seconds=float("inf")),
    "negative count": _change(training__epochs_run=-1),
    "no size": _change(dataset__size=[0, 64]),
    "escape sequence": _change(recipe="\x1b[2J"),
    "long text": _change(seed="9" * 100_000),
    "version of a protocol": lambda path: (
        path.write_text(path.read_text().replace("per_image@1", f"per_image@{'9' * 5000}")) and None
    ),
    "path in a name": _change(dataset__name="../../x"),
    "no metrics of a protocol": _change(metrics__per_image_1__values={}),
    "metric that is a link": _change(metrics__per_image_1__values={"[q](http://x)": VALUE}),
    "metric with a break": _change(metrics__per_image_1__headline="dice |\n# x"),
    "row that is a link": _change(metrics__per_image_1__what="[q](http://x)"),
    "field of an earlier schema": _change(passes=None),
    "no metrics": _change(metrics={}),
    "bytes": _put(b"\xff\xfe\x00{"),
    "empty": _put(b""),
    "null": _put(b"null"),
    "deep": _put("[" * 200_000),
    "folder": _replace(Path.mkdir),
    "pipe": _replace(os.mkfifo),
    "loop": _replace(lambda path: path.symlink_to(path)),
    "dangling": _replace(lambda path: path.symlink_to("nothing")),
    "enormous": _huge,
}


@pytest.mark.parametrize("damage", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_record_ends_the_command_in_one_sentence(
    damage: Callable[[Path], None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = store(tmp_path, table([0.5] * 60))
    damage(path)
    assert run(["leaderboard", "--root", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert said.startswith("polybench: error: The record '")
    assert path.name in said
    assert said.count("\n") == 1
    assert len(said) < 1000
    assert "\x1b" not in said
