"""Checkpoints within an epoch of several validations: a run that goes on from any selects as the unbroken one."""

import shutil
from functools import partial
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import nn

from polybench.callbacks import BestCheckpoint, ResumeCallback
from polybench.losses import BCEDiceLoss
from polybench.tasks import SegmentationTask
from tests.tasks.named_outputs import fit


class Diary(Callback):
    """Notes the steps after which was validated, and keeps a copy of the folder before each batch."""

    def __init__(self, folder: Path | None = None, copies: Path | None = None) -> None:
        self.folder, self.copies = folder, copies
        self.validated: list[int] = []
        self.kept: list[tuple[Path, int]] = []

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.validated.append(trainer.global_step)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if self.copies is not None and self.folder is not None and (self.folder / "last.ckpt").exists():
            copy = self.copies / str(trainer.global_step)
            shutil.copytree(self.folder, copy)
            step = int(torch.load(copy / "last.ckpt", weights_only=True)["global_step"])
            self.kept.append((copy, step))


def train(root: Path, folder: Path, diary: Diary, checkpoint: Path | None = None) -> None:
    torch.manual_seed(0)
    task = SegmentationTask(nn.Conv2d(3, 1, 1), BCEDiceLoss(), partial(torch.optim.SGD, lr=0.05))
    resume, best = ResumeCallback(), BestCheckpoint(folder, monitor="val/loss", mode="min")
    resume.every = 1
    options: dict[str, Any] = {"enable_checkpointing": True, "val_check_interval": 0.4, "checkpoint": checkpoint}
    fit(root, task, 2, resume=resume, callbacks=[diary, best], **options)


def test_run_goes_on_from_every_checkpoint_with_the_next_validation(data_root: Path, tmp_path: Path) -> None:
    straight = Diary(tmp_path / "run", tmp_path / "copies")
    train(data_root, tmp_path / "run", straight)
    assert straight.validated == [1, 2, 3, 4, 5, 6]
    assert len({step for _, step in straight.kept}) >= 4
    expected = torch.load(tmp_path / "run" / "best.ckpt", weights_only=True)
    for folder, step in straight.kept:
        selected = torch.load(folder / "best.ckpt", weights_only=True)["global_step"]
        assert selected == step  # each validation is better than the one before
        resumed = Diary()
        train(data_root, folder, resumed, folder / "last.ckpt")
        assert resumed.validated == list(range(step + 1, 7)), step
        found = torch.load(folder / "best.ckpt", weights_only=True)
        assert (found["epoch"], found["global_step"]) == (expected["epoch"], expected["global_step"])
        assert all(torch.equal(found["state_dict"][key], value) for key, value in expected["state_dict"].items())
