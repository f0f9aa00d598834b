"""Segmentation trained together with the classification of patches: one encoder, two heads, one loss.

A control that no paper has: the transfer schemes of the first of the five train on both in turn.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from lightning.pytorch.cli import LRSchedulerCallable, OptimizerCallable
from torch import Tensor, nn

from polybench.core.errors import ConfigError
from polybench.data.sample import JointBatch
from polybench.methods.transfer.joint_module import JointDataModule
from polybench.models.unused import meta_copy, meta_images
from polybench.tasks.base import IMAGENET_MEAN, IMAGENET_STD, data_of
from polybench.tasks.classification import patch_loss
from polybench.tasks.criterion import Terms, refuse_names
from polybench.tasks.first_step import tells_apart
from polybench.tasks.meta import on_meta
from polybench.tasks.outputs import foreground_outputs, object_logits
from polybench.tasks.parameter_groups import ParameterGroups
from polybench.tasks.schedules import Interval
from polybench.tasks.segmentation import SegmentationTask

TERMS = ("segmentation_loss", "classification_loss")


class JointTask(SegmentationTask):
    """Trains a net with two heads on images and patches at once; evaluates its segmentation, as that of any other net.

    Args:
        net: Segments, and has `segment_and_classify(images, patches)` and the head of patches at `.classifier`, as
            `JointFCN16sAtrous` has.
        loss: Of the segmentation, as for `SegmentationTask`.
        optimizer: Makes the optimizer from the parameters.
        lr_scheduler: Makes the scheduler from the optimizer; a `ReduceLROnPlateau` names what it monitors.
        mean: Per-channel mean that the net's input is normalised with, on the device.
        std: Per-channel standard deviation for the same.
        channels_last: Keep the net and the images in channels-last memory format, faster on most devices.
        weight: Of the patches' cross entropy beside the loss of the segmentation.
        parameter_groups: Learning rates by layer, frozen layers, weight decay by kind; None for one rate for all.
        schedule_interval: Step the schedule after each `epoch` or after each optimizer `step`; None where its class
            says which.

    Raises:
        ConfigError: If the weight isn't positive, or as for `SegmentationTask`.
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
        weight: float = 1.0,
        parameter_groups: ParameterGroups | None = None,
        schedule_interval: Interval | None = None,
    ) -> None:
        super().__init__(
            net, loss, optimizer, lr_scheduler, mean, std, channels_last, parameter_groups, schedule_interval
        )
        if not weight > 0:
            raise ConfigError(f"weight must be above 0, not {weight}: for segmentation alone take SegmentationTask.")
        self.weight = weight

    def setup(self, stage: str) -> None:
        """Set up; check that the net has two heads and the data module images and patches.

        Raises:
            ConfigError: If the net has one head, or the data module no patches.
        """
        self._refuse_one_head()
        data = data_of(self.trainer)
        if stage == "fit" and not isinstance(data, JointDataModule):
            raise ConfigError(
                f"JointTask trains on images and patches, and {type(data).__name__} has one of them: give it as "
                "data.images of polybench.methods.transfer.JointDataModule."
            )
        super().setup(stage)

    def _refuse_one_head(self) -> None:
        if not hasattr(self.net, "segment_and_classify"):
            raise ConfigError(f"{type(self.net).__name__} has no head for patches: give it to SegmentationTask.")

    def check_outputs(self, size: tuple[int, int]) -> None:
        """Check that the net gives logits of one class for images and for patches.

        Args:
            size: Height and width of images and patches.

        Raises:
            ConfigError: If it doesn't, or has one head.
        """
        self._refuse_one_head()
        super().check_outputs(size)
        both = on_meta(lambda: self._both_heads(meta_copy(self.net), meta_images(size), meta_images(size)), size)
        if both is not None:
            foreground_outputs(both[0], size)
            object_logits(both[1])

    def unused_parameters(self) -> list[str]:
        """Name the parameters that no gradient reaches from images and patches together."""
        return [name for name in super().unused_parameters() if not name.startswith("classifier.")]

    @staticmethod
    def _both_heads(net: nn.Module, images: Tensor, patches: Tensor) -> tuple[Any, Any]:
        outputs: tuple[Any, Any] = net.segment_and_classify(images, patches)  # type: ignore[operator]
        return outputs

    def training_step(self, batch: JointBatch, batch_idx: int) -> Tensor:  # type: ignore[override]
        """Loss of a batch, `train/loss`; its parts are `train/segmentation_loss` and `train/classification_loss`.

        The loss is the first part plus `weight` times the second; terms of a loss of outputs are logged beside them.
        """
        images, patches = batch["images"], batch["patches"]
        inputs = self.normalised(images["image"]), self.normalised(patches["image"])
        logits, classes = self._both_heads(self.net, *inputs)
        found = self.batch_terms(foreground_outputs(logits, images["image"].shape[-2:]), images)
        refuse_names(self.loss, found.named, TERMS)
        classification = patch_loss(object_logits(classes), patches)
        terms = {**found.named, **dict(zip(TERMS, (found.total, classification), strict=True))}
        total = found.total + self.weight * classification
        return self.optimise(Terms(total, terms), len(images["id"]), lambda: tells_apart(images["mask"]))
