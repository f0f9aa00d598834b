"""What every task shares: a net on normalised images, its optimizer, and the end of a validation."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.cli import LRSchedulerCallable, OptimizerCallable
from torch import Tensor, nn
from torchmetrics import MeanMetric

from polybench.metrics import Rows
from polybench.results.facts import PassFacts
from polybench.tasks.optimization import optimizer_and_scheduler, step_plateaus

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class Task(LightningModule, ABC):
    """A net, how its input is normalised, and how it is optimised.

    Args:
        net: Takes normalised images, (N, 3, H, W).
        optimizer: Makes the optimizer from the parameters.
        lr_scheduler: Makes the scheduler from the optimizer; a `ReduceLROnPlateau` names what it monitors.
        mean: Per-channel mean that the net's input is normalised with, on the device.
        std: Per-channel standard deviation for the same.
        channels_last: Keep the net and the images in channels-last memory format, faster on most devices.

    Attributes:
        rows: The rows of the last evaluation, of all processes; None before one.
    """

    def __init__(
        self,
        net: nn.Module,
        optimizer: OptimizerCallable,
        lr_scheduler: LRSchedulerCallable | None,
        mean: Sequence[float],
        std: Sequence[float],
        channels_last: bool,
    ) -> None:
        super().__init__()
        self.memory_format = torch.channels_last if channels_last else torch.contiguous_format
        self.net = net.to(memory_format=self.memory_format)
        self.optimizer = optimizer
        self.lr_scheduler = lr_scheduler
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", torch.tensor(mean).view(1, -1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, -1, 1, 1), persistent=False)
        self.val_loss = MeanMetric()
        self.rows: Rows | None = None

    @abstractmethod
    def _log_numbers(self, subset: str) -> dict[str, float]:
        """Gather the rows of an evaluation, keep them, log their numbers, and return these by name."""

    def normalised(self, images: Tensor) -> Tensor:
        """What the net is given of images in [0, 1], (N, 3, H, W)."""
        return ((images - self.mean) / self.std).contiguous(memory_format=self.memory_format)

    def add_val_loss(self, loss: Tensor, images: int) -> None:
        """Add a batch's loss to `val/loss`, unless the process has no batch of its own and repeats the first."""
        repeated = getattr(getattr(self.trainer.val_dataloaders, "sampler", None), "idle", False)
        self.val_loss.update(loss, weight=0 if repeated else images)

    def on_validation_epoch_end(self) -> None:
        """Log `val/loss` and the numbers; a test on this subset would print the same."""
        self.log("val/loss", self.val_loss)
        values = self._log_numbers("val")
        step_plateaus(self.trainer, {"val/loss": float(self.val_loss.compute()), **values})

    def on_test_epoch_end(self) -> None:
        """Log the numbers."""
        self._log_numbers("test")

    def pass_facts(self) -> PassFacts | None:
        """How the last test went, pass by pass; None for a net that predicts once."""
        return None

    def configure_optimizers(self) -> Any:
        """Make the optimizer, and the scheduler with what it monitors."""
        return optimizer_and_scheduler(self.parameters(), self.optimizer, self.lr_scheduler)
