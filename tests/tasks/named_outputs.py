"""A small net of named outputs, a loss of named terms, batches for it, and fits of it: for several tests."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Trainer, seed_everything
from torch import Tensor, nn
from torch.nn import functional as F

from polybench.callbacks import AtomicCheckpointIO, ResumeCallback
from polybench.data.sample import Batch
from polybench.datasets import ClinicDBDataModule
from polybench.tasks import SegmentationTask

QUIET: dict[str, Any] = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
QUIET |= {"enable_checkpointing": False, "accelerator": "cpu", "num_sanity_val_steps": 0}


class TwoHeads(nn.Module):
    """Names its outputs: `logits` at half the image's size, `edges` of two channels, and a number."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1, stride=2), nn.BatchNorm2d(4), nn.Tanh())
        self.area = nn.Conv2d(4, 1, 1)
        self.edges = nn.Conv2d(4, 2, 1)

    def forward(self, images: Tensor) -> dict[str, Any]:
        features = self.stem(images)
        return {"logits": self.area(features), "edges": self.edges(features), "stages": 1}


class AreaAndEdges(nn.Module):
    """Cross entropy of the logits and the squared error of both edge maps; each a mean over images of one size."""

    def forward(self, outputs: Mapping[str, Tensor], batch: Batch) -> dict[str, Tensor]:
        mask = batch["mask"]
        edges = F.interpolate(outputs["edges"], size=mask.shape[-2:])
        return {
            "area": F.binary_cross_entropy_with_logits(outputs["logits"], mask),
            "edge_error": 0.5 * F.mse_loss(edges, mask.expand_as(edges)),
        }


def batch(n: int = 2, side: int = 8) -> Batch:
    """Random images whose masks are what is bright in red."""
    image = torch.rand(n, 3, side, side, generator=torch.Generator().manual_seed(0))
    mask = (image[:, :1] > 0.5).float()
    return Batch(
        image=image,
        mask=mask,
        valid=torch.ones_like(mask),
        id=[str(k) for k in range(n)],
        group=["g"] * n,
        position=list(range(n)),
        to_native=torch.tensor([[[1.0, 0, 0], [0, 1, 0]]]).repeat(n, 1, 1),
        native_mask=list(mask),
        native_valid=list(torch.ones_like(mask)),
    )


def fit(
    root: Path, task: SegmentationTask, epochs: int = 1, data: dict[str, Any] | None = None, **options: Any
) -> Trainer:
    """Train on the frames of a folder at 16x24, two a batch."""
    seed_everything(0, verbose=False)
    module = ClinicDBDataModule(
        str(root), (16, 24), str(root / "split.csv"), **{"batch_size": 2, "eval_batch_size": 2, **(data or {})}
    )
    callbacks = [options.pop("resume", ResumeCallback()), *options.pop("callbacks", [])]
    checkpoint = options.pop("checkpoint", None)
    trainer = Trainer(
        max_epochs=epochs,
        callbacks=callbacks,
        plugins=[AtomicCheckpointIO()],
        default_root_dir=root,
        **{**QUIET, **options},
    )
    trainer.fit(task, datamodule=module, ckpt_path=checkpoint)
    return trainer
