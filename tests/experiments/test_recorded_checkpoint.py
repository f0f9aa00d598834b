"""A selected checkpoint is compared with the record of its run."""

import warnings
from pathlib import Path

import pytest

from polybench.core.checksum import file_sha256
from polybench.experiments.recorded_checkpoint import compare_with_record
from tests.results.factory import provenance, table, trained


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    path = tmp_path / "checkpoints" / "best.ckpt"
    path.parent.mkdir()
    path.write_bytes(b"weights")
    record = trained(table([0.5, 0.75]), provenance=provenance(checkpoint_sha256=file_sha256(path)))
    (tmp_path / "record.json").write_text(record.to_json())
    return path


def test_recorded_checkpoint_is_taken_without_a_word(checkpoint: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        compare_with_record(checkpoint)


def test_another_file_than_the_recorded_one_is_said(checkpoint: Path) -> None:
    checkpoint.write_bytes(b"other weights")
    with pytest.warns(UserWarning, match=r"best.ckpt' is not the checkpoint that the record '.*record.json' is of"):
        compare_with_record(checkpoint)


def test_broken_record_is_said(checkpoint: Path) -> None:
    (checkpoint.parents[1] / "record.json").write_text("{")
    with pytest.warns(UserWarning, match="can't be compared with the record of its run"):
        compare_with_record(checkpoint)


def test_last_checkpoint_is_not_the_recorded_one(checkpoint: Path) -> None:
    last = checkpoint.replace(checkpoint.with_name("last.ckpt"))
    last.write_bytes(b"later weights")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        compare_with_record(last)
