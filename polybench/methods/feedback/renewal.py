"""The mask bank of a training, when it is renewed, and its state in a checkpoint."""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

import torch
from lightning.pytorch import Trainer
from torch import Tensor, nn

from polybench.data.module import SegmentationDataModule
from polybench.data.sample import Batch
from polybench.methods.feedback.bank import MaskBank

Update = Literal["every_epoch", "on_improvement", "never"]
Refresh = Literal["pass", "inverse"]


class Renewal:
    """The mask bank of a training, and what decides when it is renewed.

    Args:
        update: When the bank is renewed.
        refresh: Where renewed masks come from.

    Attributes:
        bank: The masks that training images are shown.
        epoch: The epoch that they are for; -1 before the first.
        predicted: Masks of this epoch's training steps, for `refresh: inverse`.
        best_loss: The lowest `val/loss` so far.
        improved: Whether a validation since the last renewal was the best so far.
    """

    def __init__(self, update: Update, refresh: Refresh) -> None:
        self.update, self.refresh = update, refresh
        self.bank, self.epoch = MaskBank(), -1
        self.predicted = MaskBank()
        self.best_loss, self.improved = math.inf, False

    @property
    def due(self) -> bool:
        """Whether a bank that has masks is renewed before the next epoch."""
        return self.update == "every_epoch" or (self.update == "on_improvement" and self.improved)

    def note_loss(self, loss: float) -> None:
        """Compare the `val/loss` of an epoch with the best so far."""
        if loss < self.best_loss:
            self.best_loss, self.improved = loss, True

    def begin(self, epoch: int) -> None:
        """Start an epoch for which the bank is ready."""
        self.predicted, self.improved = MaskBank(), False
        self.epoch = epoch

    def state(self) -> dict[str, Any]:
        """Plain values and tensors for a checkpoint; every process has to call it."""
        predicted = self.predicted.gathered() if self.refresh == "inverse" else self.predicted
        return {
            "bank": self.bank.state(),
            "epoch": self.epoch,
            "predicted": predicted.state(),
            "best_loss": self.best_loss,
            "improved": self.improved,
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Restore what `state` returned.

        Raises:
            DataError: If a mask is missing or was changed.
        """
        self.bank, self.epoch = MaskBank.from_state(state["bank"]), state["epoch"]
        self.predicted = MaskBank.from_state(state["predicted"])
        self.best_loss, self.improved = state["best_loss"], state["improved"]


def over_training_images(
    trainer: Trainer, net: nn.Module, data: SegmentationDataModule, masks_of: Callable[[Batch], Tensor]
) -> MaskBank:
    """Make a bank from the unaugmented training images, in fixed batches that are dealt to the processes.

    Args:
        trainer: The trainer, in fit.
        net: The net, which is in evaluation mode meanwhile.
        data: The training images.
        masks_of: Masks (N, 1, H, W), boolean, of a batch on the device.
    """
    bank = MaskBank()
    precision = trainer.precision_plugin.forward_context()
    with evaluating(net), torch.random.fork_rng(devices=[]), torch.inference_mode(), precision:
        for batch in data.plain_dataloader("train"):
            moved: Batch = data.transfer_batch_to_device(batch, trainer.strategy.root_device, 0)
            data.as_floats(moved)
            bank.put(moved["id"], masks_of(moved))
    return bank.gathered()


def image_ids(batch: Batch) -> list[str]:
    """The images that samples were made of; the variants of an expanded set share one, and so a mask."""
    if "variant" not in batch:
        return batch["id"]
    return [name.removesuffix(f"#{variant}") for name, variant in zip(batch["id"], batch["variant"], strict=True)]


@contextmanager
def evaluating(net: nn.Module) -> Iterator[None]:
    """Put a net into evaluation mode inside the context, and restore the mode of each module."""
    modes = [(module, module.training) for module in net.modules()]
    net.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode
