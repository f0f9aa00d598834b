"""The progress bar: short names, and few lines where the output is a log."""

import re
from pathlib import Path

import pytest
import torch
from lightning.pytorch import Trainer
from torch import nn

from polybench.callbacks import progress_bar
from polybench.callbacks.progress_bar import LineProgressBar, short_names
from polybench.datasets import ClinicDBDataModule
from polybench.tasks import SegmentationTask

LOGGED = {"v_num": 0, "train/loss_step": 0.25, "train/loss_epoch": 0.5, "val/dice": 0.75}


def test_names_are_short_and_each_number_is_shown_once() -> None:
    assert short_names(LOGGED) == {"loss": 0.25, "val dice": 0.75}
    assert short_names(LOGGED, of_epoch=True) == {"loss": 0.5, "val dice": 0.75}


@pytest.mark.parametrize(("seconds", "expected"), [(0.0, [1, 2, 3]), (1e6, [1, 3])])
def test_a_log_gets_the_first_and_the_last_epoch_and_others_now_and_then(
    data_root: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    seconds: float,
    expected: list[int],
) -> None:
    monkeypatch.setattr(progress_bar, "SECONDS", seconds)
    data = ClinicDBDataModule(root=str(data_root), split=str(data_root / "split.csv"), size=(24, 32), batch_size=3)
    trainer = Trainer(
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        max_epochs=3,
        default_root_dir=tmp_path,
        callbacks=[LineProgressBar()],
    )
    trainer.fit(SegmentationTask(nn.Conv2d(3, 1, 1), nn.BCEWithLogitsLoss(), optimizer=torch.optim.SGD), data)
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("Epoch")]
    assert [int(line.split()[1]) for line in lines] == expected
    assert all(re.fullmatch(r"Epoch \d of 3: loss [\d.]+, val dice [\d.]+, [\d.]+ s", line) for line in lines)
