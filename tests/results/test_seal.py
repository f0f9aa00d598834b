"""A record that was edited after it was written is refused, whatever was edited."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from polybench.core.errors import RecordError
from polybench.results.record import read_records
from tests.results.factory import store, table

ROWS = table([0.5, 1.0])


def test_seal_is_the_hash_of_all_other_keys(tmp_path: Path) -> None:
    data = json.loads(store(tmp_path, ROWS).read_text())
    seal = data.pop("record_sha256")
    assert seal == hashlib.sha256(json.dumps(data, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data["identity"].update(budget_id="64 images of 32x32"),
        lambda data: data["dataset"].update(manifest_sha256="0" * 64),
        lambda data: data["config"]["model"].update(lr=99),
        lambda data: data["net"].update(parameters=1),
        lambda data: data.update(command="polybench fit --config other.yaml"),
        lambda data: data.pop("table_sha256"),
    ],
    ids=["budget", "manifest", "configuration", "net", "command", "hash of the table"],
)
def test_edited_record_is_refused(tmp_path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    path = store(tmp_path, ROWS)
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))
    with pytest.raises(RecordError, match=rf"{path.name}' was edited after it was written.*restore the file"):
        read_records(tmp_path)


def test_line_ends_and_blanks_are_no_edit(tmp_path: Path) -> None:
    path = store(tmp_path, ROWS)
    [before] = read_records(tmp_path)
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert read_records(tmp_path) == [before]


def test_record_of_an_earlier_version_has_no_seal(tmp_path: Path) -> None:
    path = store(tmp_path, ROWS)
    data = json.loads(path.read_text())
    del data["record_sha256"]
    path.write_text(json.dumps(data))
    [stored] = read_records(tmp_path)
    assert stored.record.record_sha256 is None
