"""Trivial baselines on the very images of a test: a net that doesn't beat them has learnt nothing."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from kornia.color import rgb_to_grayscale
from kornia.filters import otsu_threshold
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from polybench.metrics import Rows


def all_background(images: Tensor) -> Tensor:
    """Predict nothing anywhere: zeros (N, 1, H, W) for images (N, 3, H, W)."""
    return torch.zeros_like(images[:, :1])


def all_foreground(images: Tensor) -> Tensor:
    """Predict the object everywhere: ones (N, 1, H, W) for images (N, 3, H, W)."""
    return torch.ones_like(images[:, :1])


def otsu(images: Tensor) -> Tensor:
    """Predict the bright side of Otsu's threshold of the grey image, as FANet's first mask does.

    Args:
        images: RGB in [0, 1], (N, 3, H, W).

    Returns:
        {0, 1}, (N, 1, H, W).
    """
    grey = rgb_to_grayscale(images)
    thresholds = torch.stack([otsu_threshold(image[None])[1].reshape(()) for image in grey])
    return (grey > thresholds.view(-1, 1, 1, 1)).to(images.dtype)


BASELINES: Mapping[str, Callable[[Tensor], Tensor]] = {
    "all_background": all_background,
    "all_foreground": all_foreground,
    "otsu_threshold": otsu,
}


class BaselinesCallback(Callback):
    """Evaluates the trivial baselines of a task in the same pass as the net.

    Attributes:
        rows: Baseline -> its rows, after the test epoch.
    """

    def __init__(self) -> None:
        self.rows: dict[str, Rows] = {}
        self._metrics: dict[str, Any] = {}

    def on_test_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start empty."""
        task: Any = pl_module
        self._metrics = {name: task.new_rows().to(pl_module.device) for name in task.baselines}

    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Mapping[str, Any],
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Add the batch to each baseline."""
        task: Any = pl_module
        for name, predict in task.baselines.items():
            self._metrics[name].update_from(batch, predict(batch["image"]))

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Gather the rows of all processes."""
        self.rows = {name: metric.compute() for name, metric in self._metrics.items()}
