"""A cell knows its own folder again, and shows what has changed."""

from pathlib import Path

import pytest

from polybench.errors import ConfigError
from polybench.runs import read_plan
from polybench.runs.cell import Cell, cells_of
from tests.runs.test_plan import SCHEME, write


def cell(folder: Path, text: str = SCHEME, name: str = "C2-s0") -> Cell:
    cells = cells_of(read_plan(write(folder, text)), folder / "runs", folder / "leaderboards")
    return next(one for one in cells if one.name == name)


def test_same_run_is_known_again(tmp_path: Path) -> None:
    cell(tmp_path).claim(None)
    cell(tmp_path).claim(None)


def test_change_is_refused_and_shown(tmp_path: Path) -> None:
    cell(tmp_path).claim(None)
    with pytest.raises(ConfigError, match="was started as another run") as error:
        cell(tmp_path, SCHEME.replace("max_epochs: 5", "max_epochs: 6")).claim(None)
    assert "---trainer.max_epochs 5" in str(error.value)
    assert "+--trainer.max_epochs 6" in str(error.value)


def test_other_donor_is_another_run(tmp_path: Path) -> None:
    donor = tmp_path / "encoder.safetensors"
    donor.write_bytes(b"one")
    cell(tmp_path).claim(donor)
    donor.write_bytes(b"two")
    with pytest.raises(ConfigError, match="donor sha256"):
        cell(tmp_path).claim(donor)


def test_begun_run_goes_on(tmp_path: Path) -> None:
    one = cell(tmp_path)
    assert "--ckpt_path" not in one.words()
    one.encoder.parent.mkdir(parents=True)
    (one.encoder.parent / "last.ckpt").touch()
    assert one.words()[-2:] == ["--ckpt_path", "last"]


def test_run_without_record_is_not_finished(tmp_path: Path) -> None:
    one = cell(tmp_path)
    one.claim(None)
    with pytest.raises(ConfigError, match="left no record"):
        one.finish()
    assert one.finished() is None
    record = tmp_path / "leaderboards/records/kvasir_seg/patches-scheme-C2-01234567-s0.json"
    record.parent.mkdir(parents=True)
    record.touch()
    one.encoder.parent.mkdir(parents=True)
    one.encoder.touch()
    assert one.finish() == record
    assert one.finished() == record
    record.unlink()
    assert one.finished() is None
