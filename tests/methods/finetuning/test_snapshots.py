"""Snapshots of a training: when they are taken, that they change nothing, and what else they refuse."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, Trainer, seed_everything
from torch import nn

from polybench.core.errors import ConfigError
from polybench.methods.finetuning import ImageClassificationTask, LabelledImagesDataModule, Snapshots
from polybench.tasks import SegmentationTask
from tests.methods.finetuning.test_labelled_images import write_folder


def trained(root: Path, callbacks: list[Callback]) -> dict[str, torch.Tensor]:
    """The weights of a net with dropout after a few steps."""
    seed_everything(3, verbose=False)
    data = LabelledImagesDataModule(str(root), size=32, batch_size=2)
    net = nn.Sequential(nn.Conv2d(3, 8, 5, 4), nn.ReLU(), nn.Dropout(), nn.Flatten(), nn.Linear(8 * 7 * 7, 3))
    task = ImageClassificationTask(net, partial(torch.optim.SGD, lr=0.01))
    options: dict[str, Any] = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    trainer = Trainer(accelerator="cpu", max_steps=6, callbacks=callbacks, enable_model_summary=False, **options)
    trainer.fit(task, datamodule=data)
    return task.net.state_dict()


def test_training_is_the_same_with_snapshots(tmp_path: Path) -> None:
    root, snapshots = write_folder(tmp_path / "set"), Snapshots()
    without, taken = trained(root, []), trained(root, [snapshots])
    assert all(torch.equal(value, taken[name]) for name, value in without.items())
    assert [batches for batches, _ in snapshots.points] == [1, 2, 5]
    assert all(0 <= area <= 1 for _, area in snapshots.points)
    restored = Snapshots()
    restored.load_state_dict(snapshots.state_dict())
    assert restored.points == snapshots.points


def test_a_segmentation_net_has_no_area() -> None:
    task = SegmentationTask(nn.Conv2d(3, 1, 1), nn.BCEWithLogitsLoss())
    with pytest.raises(ConfigError, match="Snapshots needs a classifier, not SegmentationTask"):
        Snapshots().on_fit_start(Trainer(accelerator="cpu", logger=False, enable_checkpointing=False), task)
