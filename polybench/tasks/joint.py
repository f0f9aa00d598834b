"""Segmentation trained together with the classification of patches: one encoder, two heads, one loss.

A control that no paper has: the transfer schemes of the first of the five train on both in turn.
"""

from collections.abc import Sequence

import torch
from lightning.pytorch.cli import LRSchedulerCallable, OptimizerCallable
from torch import Tensor, nn

from polybench.data.joint_module import JointDataModule
from polybench.data.sample import JointBatch
from polybench.errors import ConfigError
from polybench.tasks.classification import object_logits, patch_loss
from polybench.tasks.segmentation import SegmentationTask, foreground_logits
from polybench.tasks.task import IMAGENET_MEAN, IMAGENET_STD


class JointTask(SegmentationTask):
    """Trains a net with two heads on images and patches at once; evaluates its segmentation, as of any other net.

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

    Raises:
        ConfigError: If the weight isn't positive.
    """

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
    ) -> None:
        super().__init__(net, loss, optimizer, lr_scheduler, mean, std, channels_last)
        if not weight > 0:
            raise ConfigError(f"weight must be above 0, not {weight}: for segmentation alone take SegmentationTask.")
        self.weight = weight

    def setup(self, stage: str) -> None:
        """Make ready; see that there are two heads and something for either.

        Raises:
            ConfigError: If the net has one head, or the data module no patches.
        """
        if not hasattr(self.net, "segment_and_classify"):
            raise ConfigError(f"{type(self.net).__name__} has no head for patches: give it to SegmentationTask.")
        data = self.trainer.datamodule  # type: ignore[attr-defined]
        if stage == "fit" and not isinstance(data, JointDataModule):
            raise ConfigError(
                f"JointTask trains on images and patches, and {type(data).__name__} has one of them: give it as "
                "data.images of polybench.data.joint_module.JointDataModule."
            )
        super().setup(stage)

    def unused_parameters(self) -> list[str]:
        """Name what no gradient reaches from images and patches together."""
        return [name for name in super().unused_parameters() if not name.startswith("classifier.")]

    def training_step(self, batch: JointBatch, batch_idx: int) -> Tensor:  # type: ignore[override]
        """Loss of a batch, `train/loss`; its parts are `train/segmentation_loss` and `train/classification_loss`."""
        images, patches = batch["images"], batch["patches"]
        inputs = self.normalised(images["image"]), self.normalised(patches["image"])
        logits, classes = self.net.segment_and_classify(*inputs)  # type: ignore[operator]
        segmentation = self._loss(foreground_logits(logits, images["image"].shape[-2:]), images)
        classification = patch_loss(object_logits(classes), patches)
        loss = segmentation + self.weight * classification
        size = len(images["id"])
        self.log("train/loss", loss, on_step=True, on_epoch=True, prog_bar=True, batch_size=size, sync_dist=True)
        parts = {"train/segmentation_loss": segmentation, "train/classification_loss": classification}
        self.log_dict(parts, on_step=False, on_epoch=True, batch_size=size, sync_dist=True)
        return loss
