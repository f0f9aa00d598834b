"""How far a run has come: the file that a training writes, and what others read from it."""

import os
from pathlib import Path

import pandas as pd
import pytest

from polybench.callbacks import BestCheckpoint, MeterCallback, ProgressFileCallback
from polybench.core.run_progress import PROGRESS, RunProgress
from polybench.runs.cell_progress import progress_of
from tests.callbacks.test_metrics import trained

HALF = RunProgress(step=20, steps=40, epoch=2, seconds=30.0, headline="val/dice", value=0.51239)


def test_training_leaves_its_steps_epochs_and_headline(data_root: Path, tmp_path: Path) -> None:
    selection = BestCheckpoint(dirpath=tmp_path / "checkpoints", monitor="val/dice", mode="max")
    trained(data_root, tmp_path, ProgressFileCallback(MeterCallback()), selection, enable_checkpointing=True)
    found = RunProgress.read(tmp_path)
    last = pd.read_csv(tmp_path / "metrics.csv").iloc[-1]
    assert found is not None
    assert (found.step, found.steps, found.headline) == (9, 9, "val/dice")
    assert found.value == pytest.approx(last["val/dice"])


def test_line_has_share_headline_and_the_time_that_is_left(tmp_path: Path) -> None:
    HALF.write(tmp_path)
    found = progress_of(tmp_path)
    assert found is not None
    assert found.line() == "epoch 2, 50%, val/dice 0.512, 30 s left"


def test_training_of_a_choice_is_named_while_it_is_the_newest(tmp_path: Path) -> None:
    for place, time in (("choice/0.001", 200), ("choice/0.0003", 100)):
        folder = tmp_path / place
        folder.mkdir(parents=True)
        HALF.write(folder)
        os.utime(folder / PROGRESS, (time, time))
    found = progress_of(tmp_path)
    assert found is not None
    assert found.part == "choice 0.001"
    HALF.write(tmp_path)
    found = progress_of(tmp_path)
    assert found is not None
    assert found.part == ""


def test_unknown_length_has_no_time_left(tmp_path: Path) -> None:
    RunProgress(step=20, steps=None, epoch=2, seconds=30.0, headline="val/dice", value=None).write(tmp_path)
    found = progress_of(tmp_path)
    assert found is not None
    assert found.line() == "epoch 2"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"step": 1}'])
def test_file_of_another_program_says_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / PROGRESS).write_text(text)
    assert progress_of(tmp_path) is None
