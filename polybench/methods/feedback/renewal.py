"""The mask bank of a training, when it is renewed, and its state in a checkpoint."""

import math
from collections.abc import Callable, Mapping
from typing import Any, Literal

import torch
from lightning.pytorch import Trainer
from torch import Tensor, nn

from polybench.data.module import SegmentationDataModule
from polybench.data.sample import Batch
from polybench.methods.feedback.bank import MaskBank, same_everywhere
from polybench.methods.feedback.predicted import Predicted
from polybench.tasks.evaluating import evaluating

Update = Literal["every_epoch", "on_improvement", "never"]
Refresh = Literal["pass", "inverse"]

MasksOf = Callable[[Batch], Tensor]
"""Makes masks (N, 1, H, W), boolean, of a batch on the device."""


class Renewal:
    """The mask bank of a training, and what decides when it is renewed.

    Args:
        update: When the bank is renewed.
        refresh: Where renewed masks come from.

    Attributes:
        bank: The masks that training images are shown.
        epoch: The epoch that they are for; -1 before the first.
        predicted: What this epoch's training steps predict, for `refresh: inverse`.
        best_loss: The lowest `val/loss` so far.
        improved: Whether a validation since the last renewal was the best so far.
    """

    def __init__(self, update: Update, refresh: Refresh) -> None:
        self.update, self.refresh = update, refresh
        self.bank, self.epoch = MaskBank(), -1
        self.predicted = Predicted()
        self.best_loss, self.improved = math.inf, False

    @property
    def due(self) -> bool:
        """Whether a bank that has masks is renewed before the next epoch."""
        return self.update == "every_epoch" or (self.update == "on_improvement" and self.improved)

    def note_loss(self, loss: float) -> None:
        """Compare the `val/loss` of an epoch with the best so far."""
        if loss < self.best_loss:
            self.best_loss, self.improved = loss, True

    def begin(
        self, trainer: Trainer, net: nn.Module, data: SegmentationDataModule, first: MasksOf, following: MasksOf
    ) -> None:
        """Before the first batch of an epoch, fill the bank or renew it; a run that is resumed later finds it done.

        Args:
            trainer: The trainer, in fit.
            net: The net.
            data: The training images.
            first: Makes the first masks.
            following: Makes the masks that follow those in the bank.

        Raises:
            DataError: If the bank of a checkpoint is not one of these images.
        """
        if self.epoch == trainer.current_epoch:
            return
        if not len(self.bank):
            self.bank = over_training_images(trainer, net, data, first)
        elif self.due and self.refresh == "inverse":
            self.predicted.gathered().write_into(self.bank)
        elif self.due:
            same_everywhere(net.buffers())
            self.bank = over_training_images(trainer, net, data, following)
        self.predicted, self.improved = Predicted(), False
        self.epoch = trainer.current_epoch
        for name in data.ids("train"):
            self.bank.require([name], shown_size(data, name))

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
        self.predicted = Predicted.from_state(state["predicted"])
        self.best_loss, self.improved = state["best_loss"], state["improved"]


def shown_size(data: SegmentationDataModule, image_id: str) -> tuple[int, int]:
    """Height and width of an image's mask: of the net's input or, with crops, of the whole frame at their scale."""
    if data.crop is None:
        return data.size
    return data.crop.frame_size(data.cache.native_sizes[data.cache.position[image_id]])


def over_training_images(trainer: Trainer, net: nn.Module, data: SegmentationDataModule, masks_of: MasksOf) -> MaskBank:
    """Make a bank from the unaugmented training images, in fixed batches that are dealt to the processes.

    Where training is on crops, that are whole frames at their scale, each with the tiles that it is predicted by.

    Args:
        trainer: The trainer, in fit.
        net: The net, which is in evaluation mode meanwhile.
        data: The training images.
        masks_of: Makes the masks of a batch.
    """
    bank = MaskBank()
    precision = trainer.precision_plugin.forward_context()
    with evaluating(net), torch.random.fork_rng(devices=[]), torch.inference_mode(), precision:
        for batch in data.plain_dataloader("train"):
            moved: Batch = data.transfer_batch_to_device(batch, trainer.strategy.root_device, 0)
            data.as_floats(moved)
            if data.frame_tiles is not None:
                moved["tiles"] = data.frame_tiles
            bank.put(moved["id"], masks_of(moved))
    return bank.gathered()
