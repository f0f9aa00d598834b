"""Binary classification of patches (object or background) with any net that returns logits, evaluated by patch id.

Paper: the first of the five, whose classifier shares its backbone with FCN16s-Atrous, so that weights travel both ways.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
import torch
from lightning.pytorch.cli import LRSchedulerCallable, OptimizerCallable
from torch import Tensor, nn
from torch.nn import functional as F

from polybench.data.images import UInt8Array
from polybench.data.patches import squared
from polybench.data.sample import PatchBatch
from polybench.metrics import Protocol
from polybench.metrics.protocols import PATCHES
from polybench.metrics.scored_rows import ScoredRows
from polybench.models.unused import meta_outputs
from polybench.tasks.base import IMAGENET_MEAN, IMAGENET_STD, Baseline, FloatArray, Kind, Task
from polybench.tasks.criterion import Terms
from polybench.tasks.first_step import tells_apart
from polybench.tasks.meta import on_meta
from polybench.tasks.outputs import object_logits
from polybench.tasks.parameter_groups import ParameterGroups
from polybench.tasks.schedules import Interval


def brightness(patches: Tensor) -> Tensor:
    """Score patches by brightness: the mean grey level (N,) of patches (N, 3, S, S) in [0, 1]."""
    return patches.mean(dim=(1, 2, 3))


def patch_loss(logits: Tensor, batch: PatchBatch) -> Tensor:
    """Binary cross entropy between the logits (N,) of a batch and its labels."""
    return F.binary_cross_entropy_with_logits(logits.float(), batch["label"].float())


class PatchClassificationTask(Task):
    """Training and evaluation of a patch classifier.

    The loss is the cross entropy of a softmax over both classes where the net has two channels (as the released code
    has), and binary cross entropy where it has one (as the paper prints).

    Args:
        net: Maps patches (N, 3, S, S) to raw logits, (N, 2) or (N, 1), or to a mapping with these as `logits`.
        optimizer: Builds the optimizer from the parameters or parameter groups; SGD by default.
        lr_scheduler: Builds the schedule from the optimizer, None for a constant learning rate; a `ReduceLROnPlateau`
            states the value that it monitors.
        mean: Per-channel mean for normalising images in [0, 1]; ImageNet's by default.
        std: Per-channel standard deviation, likewise.
        channels_last: Keep the net and the patches in channels-last memory format, faster on most devices.
        parameter_groups: Learning rates by layer, frozen layers, weight decay by kind; None for the optimizer's own
            options everywhere.
        schedule_interval: Step the schedule after each `epoch` or after each optimizer `step`; None for the interval
            that its class is made for.

    Attributes:
        protocols: Protocols that are evaluated: `patches`; the first one is logged.
        rows: The rows of the last evaluation, of all processes; None before one.

    Raises:
        ConfigError: If the parameter groups don't fit the net.
    """

    version: ClassVar[int] = 1
    kind: ClassVar[Kind] = "classification"
    baselines: ClassVar[Mapping[str, Baseline]] = {"brightness": brightness}
    evaluated_by: ClassVar[Protocol] = PATCHES
    """The protocol of its rows."""

    def __init__(
        self,
        net: nn.Module,
        optimizer: OptimizerCallable = torch.optim.SGD,
        lr_scheduler: LRSchedulerCallable | None = None,
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
        channels_last: bool = False,
        parameter_groups: ParameterGroups | None = None,
        schedule_interval: Interval | None = None,
    ) -> None:
        super().__init__(net, optimizer, lr_scheduler, mean, std, channels_last, parameter_groups, schedule_interval)
        self.protocols: tuple[Protocol, ...] = (self.evaluated_by,)
        self.collected: ScoredRows = self.new_rows()

    def new_rows(self) -> ScoredRows:
        """Create an empty metric for rows of this task."""
        return ScoredRows()

    @property
    def loss_name(self) -> str:
        """Name of the loss in messages."""
        return "Cross entropy"

    def check_outputs(self, size: tuple[int, int]) -> None:
        """Check that the net returns one number, or one for each of two classes, per patch.

        Args:
            size: Height and width of a patch.

        Raises:
            ConfigError: If it doesn't, or can't take such patches.
        """
        output = on_meta(lambda: meta_outputs(self.net, size, training=True), size)
        if output is not None:
            object_logits(output)

    def forward(self, images: Tensor) -> Tensor:
        """Predict logits.

        Args:
            images: RGB in [0, 1], (N, 3, S, S).

        Returns:
            Logits of the object class, (N,).

        Raises:
            ConfigError: If the net returns neither one nor two numbers per patch.
        """
        return object_logits(self.net(self.normalised(images)))

    def predict_probability(self, images: Tensor) -> Tensor:
        """Predict object probabilities (N,), float32, of patches (N, 3, S, S) in [0, 1]."""
        return torch.sigmoid(self(images).float())

    def predict_image(self, image: UInt8Array) -> FloatArray:
        """Predict the object probability of a patch (h, w, 3), padded to a square as in training; a scalar ()."""
        square = squared(image) if isinstance(image, np.ndarray) and image.ndim == 3 else image
        found: FloatArray = self._predict_one(square).double().cpu().numpy()
        return found

    def training_step(self, batch: PatchBatch, batch_idx: int) -> Tensor:
        """Compute and log the loss of a batch, `train/loss`."""
        terms = Terms(patch_loss(self(batch["image"]), batch))
        return self.optimise(terms, len(batch["id"]), lambda: tells_apart(batch["label"]))

    def validation_step(self, batch: PatchBatch, batch_idx: int) -> None:
        """Collect the rows and the loss of a batch."""
        logits = self(batch["image"]).float()
        self.collected.update_from(batch, torch.sigmoid(logits))
        self.add_val_loss(Terms(patch_loss(logits, batch)), len(batch["id"]))

    def test_step(self, batch: PatchBatch, batch_idx: int) -> Tensor:
        """Collect the rows of a batch, and return its probabilities (N,) for callbacks."""
        probability = self.predict_probability(batch["image"])
        self.collected.update_from(batch, probability)
        return probability
