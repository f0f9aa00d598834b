"""Disks that take no files: said before the training, and nothing is lost after it."""

import errno
import json
import os
from pathlib import Path

import pytest

from polybench.cli.main import run
from polybench.tasks import SegmentationTask
from tests.cli.recipes import write_recipe

FULL = OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture
def recipe(tmp_path: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return write_recipe(tmp_path, data_root, max_epochs=1)


def fit(recipe: Path, *words: str) -> int:
    return run(["fit", "--config", str(recipe), "--trainer.default_root_dir", "one", *words])


def refuse_below(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every synchronisation of a file below a folder fail, as on a full disk."""
    fsync = os.fsync

    def full(descriptor: int) -> None:
        if Path(f"/proc/self/fd/{descriptor}").readlink().is_relative_to(folder):
            raise FULL
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", full)


@pytest.mark.parametrize("folder", ["one", "leaderboards", "leaderboards/records/clinicdb"])
def test_full_disk_is_said_before_the_training(
    recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], folder: str
) -> None:
    monkeypatch.setattr(SegmentationTask, "training_step", lambda *_: pytest.fail("it trains"))
    refuse_below(tmp_path / folder, monkeypatch)
    assert fit(recipe) == 2
    said = capsys.readouterr().err
    assert f"can't be written to the folder '{tmp_path / folder}' (No space left on device, " in said
    assert "Traceback" not in said


def test_record_that_cannot_be_written_after_the_training_is_kept_and_published_later(
    recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("polybench.experiments.outputs.probe", lambda *_: None)
        refuse_below(tmp_path / "leaderboards", patch)
        assert fit(recipe) == 2
    said = capsys.readouterr().err
    assert f"to the folder '{tmp_path / 'leaderboards' / 'records' / 'clinicdb'}' (No space left" in said
    assert "The numbers are in 'one/record.json' and 'record.csv' beside it." in said
    assert "--ckpt_path last writes the record without training again" in said
    kept = json.loads(Path("one/record.json").read_text())

    monkeypatch.setattr(SegmentationTask, "training_step", lambda *_: pytest.fail("it trains again"))
    assert fit(recipe, "--ckpt_path", "last") == 0
    [path] = Path("leaderboards/records/clinicdb").glob("tiny*.json")
    published = json.loads(path.read_text())
    for one in (kept, published):
        del one["provenance"]["finished_at"]
    assert published["metrics"] == kept["metrics"]
    assert published["training"]["epochs_run"] == 1
    assert published["identity"] == kept["identity"]
    assert published["provenance"] == kept["provenance"]
    assert path.with_suffix(".csv").read_text() == Path("one/record.csv").read_text()
    assert Path("leaderboards/clinicdb.md").is_file()
