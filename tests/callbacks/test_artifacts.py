"""What a task shows of its test lies in the run's folder, written by one process."""

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from lightning.pytorch import Trainer
from lightning.pytorch.loggers import CSVLogger
from torch import nn

from polybench.callbacks import ArtifactsCallback
from polybench.datasets import ClinicDBDataModule
from polybench.methods.feedback.task import FeedbackSegmentationTask
from polybench.models.fanet import FANetLoss
from polybench.tasks import SegmentationTask
from tests.methods.feedback.feedback_nets import QUIET, Grows, write_red_frames


class Shows(SegmentationTask):
    """Has two files to show."""

    def test_artifacts(self) -> Mapping[str, bytes]:
        return {"a.txt": b"one", "curves/b.bin": b"\x00\x01"}


def finish(folder: Path, rank: int = 0) -> ArtifactsCallback:
    callback = ArtifactsCallback()
    trainer: Any = SimpleNamespace(default_root_dir=str(folder / "run"), fast_dev_run=0, is_global_zero=rank == 0)
    callback.on_test_end(trainer, Shows(nn.Conv2d(3, 1, 1), nn.BCEWithLogitsLoss()))
    return callback


def test_writes_what_the_task_gives(tmp_path: Path) -> None:
    assert finish(tmp_path).paths == [tmp_path / "run" / "a.txt", tmp_path / "run" / "curves" / "b.bin"]
    assert [path.read_bytes() for path in finish(tmp_path).paths] == [b"one", b"\x00\x01"]


def test_other_processes_write_nothing(tmp_path: Path) -> None:
    assert finish(tmp_path, rank=1).paths == []
    assert not list(tmp_path.iterdir())


def test_feedback_task_leaves_its_curve(tmp_path: Path) -> None:
    root = write_red_frames(tmp_path / "data")
    callback = ArtifactsCallback()
    logger = CSVLogger(tmp_path / "logs")
    trainer = Trainer(callbacks=[callback], default_root_dir=tmp_path / "run", **{**QUIET, "logger": logger})
    task = FeedbackSegmentationTask(Grows(), FANetLoss(), iterations=3)
    trainer.test(task, ClinicDBDataModule(str(root), (32, 32), str(root / "split.csv")), verbose=False)
    assert callback.paths == [tmp_path / "run" / "iterations.csv", tmp_path / "run" / "iterations.png"]
    table = pd.read_csv(callback.paths[0], index_col="iteration")
    logged = [float(trainer.logged_metrics[f"test/iteration/{number}/dice"]) for number in (1, 2, 3)]
    assert table["per_image@2/dice"].tolist() == pytest.approx(logged, abs=2e-6)
