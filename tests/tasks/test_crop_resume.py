"""A run on crops that is interrupted goes on with the very next crop, and ends with the same weights."""

from pathlib import Path

import pytest
import torch
from lightning.pytorch import Trainer, seed_everything
from torch import nn

from polybench.callbacks import AtomicCheckpointIO, ResumeCallback
from polybench.data.crops import Crop
from polybench.datasets import FolderDataModule
from polybench.losses import BCEDiceLoss
from polybench.tasks import SegmentationTask
from tests.data.crop_frames import write_round_frames
from tests.tasks.named_outputs import QUIET
from tests.tasks.test_resume import Diary


def train(root: Path, diary: Diary, checkpoint: Path | None = None) -> dict[str, torch.Tensor]:
    """Train for two epochs of four batches; the weights."""
    seed_everything(0, verbose=False)
    layers = [nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.2), nn.Conv2d(4, 1, 1)]
    task = SegmentationTask(nn.Sequential(*layers), BCEDiceLoss())
    crop = Crop(16, scale=0.8, foreground=0.5, per_image=2)
    data = FolderDataModule(
        str(root), str(root / "split.csv"), crop=crop, batch_size=2, augment="standard", cache_dir=str(root / "cache")
    )
    trainer = Trainer(
        max_epochs=2,
        callbacks=[ResumeCallback(), diary],
        plugins=[AtomicCheckpointIO()],
        default_root_dir=root,
        **QUIET,
    )
    trainer.fit(task, datamodule=data, ckpt_path=checkpoint)
    return task.state_dict()


@pytest.mark.parametrize("stop", [(0, 1, "end"), (1, 2, "start"), (1, -1, "validated")])
def test_interrupted_run_on_crops_ends_where_the_straight_one_does(tmp_path: Path, stop: tuple[int, int, str]) -> None:
    root, interrupted = write_round_frames(tmp_path / "frames"), tmp_path / "interrupted.ckpt"
    straight = Diary(stop, interrupted)
    expected = train(root, straight)
    resumed = Diary()
    found = train(root, resumed, interrupted)
    assert len(straight.seen) == 2 * 4 * 2
    assert resumed.seen == straight.seen[straight.done_at_stop :]
    assert all(torch.equal(expected[key], found[key]) for key in expected)
