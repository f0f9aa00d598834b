"""A run that is interrupted in the middle of an epoch sees the rest of that epoch, and ends with the same weights."""

from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, LightningModule, Trainer, seed_everything
from torch import nn

from polybench.callbacks import AtomicCheckpointIO
from polybench.datasets import ClinicDBDataModule
from polybench.losses import BCEDiceLoss
from polybench.tasks import SegmentationTask


class Diary(Callback):
    """Notes what is trained on, and leaves a checkpoint before the given batch."""

    def __init__(self, stop: tuple[int, int] | None = None, path: Path | None = None) -> None:
        self.stop, self.path = stop, path
        self.seen: list[tuple[int, str]] = []

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        if self.path is not None and (trainer.current_epoch, batch_idx) == self.stop:
            trainer.save_checkpoint(self.path)
        self.seen += [(trainer.current_epoch, image_id) for image_id in batch["id"]]


def train(root: Path, folder: Path, diary: Diary, checkpoint: Path | None = None) -> dict[str, torch.Tensor]:
    seed_everything(0)
    net = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 1, 1))
    task = SegmentationTask(net, BCEDiceLoss())
    data = ClinicDBDataModule(str(root), (16, 24), str(root / "split.csv"), batch_size=2)
    trainer = Trainer(
        max_epochs=3,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[diary],
        plugins=[AtomicCheckpointIO()],
        default_root_dir=folder,
    )
    trainer.fit(task, datamodule=data, ckpt_path=checkpoint)
    return task.state_dict()


@pytest.mark.parametrize("stop", [(1, 1), (1, 2), (2, 0)])
def test_interrupted_run_ends_where_the_straight_one_does(
    data_root: Path, tmp_path: Path, stop: tuple[int, int]
) -> None:
    straight = Diary(stop, tmp_path / "interrupted.ckpt")
    expected = train(data_root, tmp_path, straight)
    resumed = Diary()
    found = train(data_root, tmp_path, resumed, tmp_path / "interrupted.ckpt")
    done = 2 * (3 * stop[0] + stop[1])
    assert resumed.seen == straight.seen[done:]
    assert all(torch.equal(expected[key], found[key]) for key in expected)
