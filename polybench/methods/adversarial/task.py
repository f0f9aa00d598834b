"""Segmentation whose masks are judged by a discriminator that is trained beside the net.

Paper: Isola et al., "Image-to-Image Translation with Conditional Adversarial Networks" (pix2pix), CVPR 2017. As there,
the discriminator's loss is halved, the net's is the cross entropy of being taken for true, and the loss of the mask is
added with a weight of 100. Both are stepped at once, from one backward pass, by one optimizer, where the paper steps
them in turn: the discriminator learns from detached masks, and the net from a discriminator whose weights are detached.
"""

from collections.abc import Sequence
from typing import ClassVar

import torch
from lightning.pytorch.cli import LRSchedulerCallable, OptimizerCallable
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from polybench.core.errors import ConfigError
from polybench.data.sample import Batch
from polybench.tasks.base import IMAGENET_MEAN, IMAGENET_STD
from polybench.tasks.criterion import Terms, refuse_names
from polybench.tasks.outputs import Outputs, logits_of
from polybench.tasks.parameter_groups import ParameterGroups
from polybench.tasks.schedules import Interval
from polybench.tasks.segmentation import SegmentationTask

DISCRIMINATOR = "discriminator"
"""The second net's name in a net."""

TERMS = ("mask_loss", "generator_loss", "discriminator_loss")


class AdversarialSegmentationTask(SegmentationTask):
    """Trains a net, and the discriminator that it brings, at once.

    Args:
        net: Maps images (N, 3, H, W) to logits (N, 1, H, W); `net.discriminator(images, masks)` returns logits of any
            shape of a mask (N, 1, H, W) in [0, 1] being true. `Pix2Pix` is one.
        loss: Of the mask, as for `SegmentationTask`.
        optimizer: Builds the optimizer from the parameters of both, or their groups.
        lr_scheduler: Builds the schedule from the optimizer; a `ReduceLROnPlateau` states the value that it monitors.
        mean: Per-channel mean for normalising images in [0, 1].
        std: Per-channel standard deviation, likewise.
        channels_last: Keep the net and the images in channels-last memory format.
        weight: Weight of the loss of the mask beside those of the two nets.
        parameter_groups: Learning rates by layer, frozen layers, weight decay by kind; None for one rate for all.
        schedule_interval: Step the schedule after each `epoch` or after each optimizer `step`; None for the interval
            that its class is made for.

    Raises:
        ConfigError: If the weight is negative, the net brings no discriminator, or as for `SegmentationTask`.
    """

    version: ClassVar[int] = 1

    def __init__(
        self,
        net: nn.Module,
        loss: nn.Module,
        optimizer: OptimizerCallable = torch.optim.Adam,
        lr_scheduler: LRSchedulerCallable | None = None,
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
        channels_last: bool = False,
        weight: float = 100.0,
        parameter_groups: ParameterGroups | None = None,
        schedule_interval: Interval | None = None,
    ) -> None:
        super().__init__(
            net, loss, optimizer, lr_scheduler, mean, std, channels_last, parameter_groups, schedule_interval
        )
        if not 0 <= weight < float("inf"):
            raise ConfigError(f"weight must be 0 or more, not {weight}.")
        if not isinstance(getattr(net, DISCRIMINATOR, None), nn.Module):
            raise ConfigError(
                f"{type(net).__name__} brings no discriminator: give it to SegmentationTask, or take Pix2Pix."
            )
        self.weight = weight

    def unused_parameters(self) -> list[str]:
        """Return the names of the net's parameters that get no gradient from mask and discriminator together."""
        return [name for name in super().unused_parameters() if not name.startswith(f"{DISCRIMINATOR}.")]

    def batch_terms(self, outputs: Outputs, batch: Batch, finest: bool = False) -> Terms:
        """Compute the loss of a batch: of its masks, and in training of both nets as well."""
        masks = super().batch_terms(outputs, batch, finest)
        if finest:
            return masks
        refuse_names(self.loss, masks.named, TERMS)
        generator, discriminator = self._adversarial(logits_of(outputs)[0], batch)
        weighed = self.weight * masks.total
        named = dict(zip(TERMS, (weighed, generator, discriminator), strict=True))
        return Terms(weighed + generator + discriminator, {**masks.named, **named})

    def _adversarial(self, logits: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """The losses of the net and of its discriminator; outside of the field of view all masks are empty."""
        discriminator = self.net.get_submodule(DISCRIMINATOR)
        images, valid = self.normalised(batch["image"]), batch["valid"]
        drawn, true = torch.sigmoid(logits.float()) * valid, batch["mask"] * valid
        of_true = _taken_for(discriminator(images, true), 1.0)
        of_drawn = _taken_for(discriminator(images, drawn.detach()), 0.0)
        held = {name: value.detach() for name, value in discriminator.named_parameters()}
        deceived = _taken_for(functional_call(discriminator, held, (images, drawn)), 1.0)
        return deceived, (of_true + of_drawn) / 2


def _taken_for(logits: Tensor, target: float) -> Tensor:
    logits = logits.float()
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))
