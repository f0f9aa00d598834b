"""Binary segmentation: any net that gives logits, trained with any loss, evaluated per image at native size."""

import inspect
from collections.abc import Sequence

import torch
from lightning.pytorch.cli import LRSchedulerCallable, OptimizerCallable
from lightning.pytorch.utilities import rank_zero_info, rank_zero_warn
from torch import Tensor, nn
from torch.nn import functional as F

from polybench.callbacks.baselines import BASELINES
from polybench.data.sample import Batch
from polybench.errors import ConfigError
from polybench.metrics import PER_IMAGE, PROTOCOLS, STORED, ImageRows, Protocol
from polybench.models.unused import parameters_without_gradient
from polybench.tasks.task import IMAGENET_MEAN, IMAGENET_STD, Task


class SegmentationTask(Task):
    """Trains and evaluates a segmentation net.

    Args:
        net: Maps images (N, 3, H, W) to raw logits (N, 1, H, W); two channels are read as a softmax over background
            and foreground; a list (deep supervision, training only) has the finest output first.
        loss: Called as `loss(logits, mask, valid)`, or as `loss(logits, mask)` if it takes two arguments (as library
            losses do; pixels outside the field of view then count); the losses of a list are summed.
        optimizer: Makes the optimizer from the parameters.
        lr_scheduler: Makes the scheduler from the optimizer; a `ReduceLROnPlateau` names what it monitors.
        mean: Per-channel mean that the net's input is normalised with, on the device.
        std: Per-channel standard deviation for the same.
        channels_last: Keep the net and the images in channels-last memory format, faster on most devices.

    Attributes:
        protocols: What is evaluated: while training `per_image`, and what the dataset is ranked by, otherwise every
            protocol, those included that the data module adds.
        stored: Further statistics of the rows, for the per-image table of a test.
        rows: The rows of the last evaluation, of all processes; None before one.
    """

    kind = "segmentation"
    baselines = BASELINES

    def __init__(
        self,
        net: nn.Module,
        loss: nn.Module,
        optimizer: OptimizerCallable = torch.optim.Adam,
        lr_scheduler: LRSchedulerCallable | None = None,
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
        channels_last: bool = False,
    ) -> None:
        super().__init__(net, optimizer, lr_scheduler, mean, std, channels_last)
        self.loss = loss
        self.loss_reads_valid = len(inspect.signature(loss.forward).parameters) > 2
        self.protocols: tuple[Protocol, ...] = (PER_IMAGE,)
        self.stored: tuple[str, ...] = ()
        self.image_rows = ImageRows(self.protocols)

    def new_rows(self) -> ImageRows:
        """An empty metric for rows of this task."""
        return ImageRows(self.protocols, self.stored)

    def setup(self, stage: str) -> None:
        """Choose the protocols; before training, freeze what no gradient reaches (SMP's PSPNet has such a tail)."""
        if stage == "fit":
            ranked = self.trainer.datamodule.ranked_by  # type: ignore[attr-defined]
            self.protocols = (PER_IMAGE,) if ranked is PER_IMAGE else (PER_IMAGE, ranked)
            self._freeze_unused()
        else:
            self.protocols = (*PROTOCOLS, *self.trainer.datamodule.extra_protocols)  # type: ignore[attr-defined]
        self.stored = () if stage == "fit" else STORED
        self.image_rows = self.new_rows()
        self.rows = None

    def _freeze_unused(self) -> None:
        """Freeze parameters without a gradient, over which DDP would fail."""
        try:
            unused = self.unused_parameters()
        except (RuntimeError, NotImplementedError) as error:
            reason = str(error).splitlines()[0]
            if "meta" not in reason.lower():
                height, width = self.trainer.datamodule.size  # type: ignore[attr-defined]
                raise ConfigError(f"The net can't take RGB images of {height}x{width}: {reason}") from error
            rank_zero_warn(f"Unused parameters can't be looked for: {reason}")
            return
        for name in unused:
            self.net.get_parameter(name).requires_grad_(False)
        if unused:
            rank_zero_info(f"Frozen, since no gradient reaches them: {len(unused)} tensors, {unused[0]} first.")

    def unused_parameters(self) -> list[str]:
        """Name the net's parameters that no gradient reaches."""
        return parameters_without_gradient(self.net, self.trainer.datamodule.size)  # type: ignore[attr-defined]

    def forward(self, images: Tensor) -> Tensor:
        """Predict logits.

        Args:
            images: RGB in [0, 1], (N, 3, H, W).

        Returns:
            Foreground logits, (N, 1, H, W).
        """
        return self._outputs(images)[0]

    def predict_probability(self, images: Tensor) -> Tensor:
        """Foreground probabilities (N, 1, H, W), float32, of images in [0, 1]."""
        return torch.sigmoid(self(images).float())

    def batch_outputs(self, batch: Batch) -> list[Tensor]:
        """Foreground logits of a batch, (N, 1, H, W), finest first; a net that takes more than images overrides it."""
        return self._outputs(batch["image"])

    def _outputs(self, images: Tensor, *others: Tensor) -> list[Tensor]:
        output = self.net(self.normalised(images), *others)
        outputs = output if isinstance(output, list | tuple) else [output]
        return [foreground_logits(logits, images.shape[-2:]) for logits in outputs]

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Loss of a batch, `train/loss`."""
        outputs = self.batch_outputs(batch)
        loss = torch.stack([self._loss(logits, batch) for logits in outputs]).sum()
        size = len(batch["id"])
        self.log("train/loss", loss, on_step=True, on_epoch=True, prog_bar=True, batch_size=size, sync_dist=True)
        return loss

    def _loss(self, logits: Tensor, batch: Batch) -> Tensor:
        if self.loss_reads_valid:
            return self.loss(logits, batch["mask"], batch["valid"])  # type: ignore[no-any-return]
        return self.loss(logits, batch["mask"])  # type: ignore[no-any-return]

    def validation_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Collect the rows and the loss of a batch; the probabilities (N, 1, H, W) go to the callbacks."""
        logits = self.batch_outputs(batch)[0]
        probability = torch.sigmoid(logits.float())
        self.image_rows.update_from(batch, probability)
        self.add_val_loss(self._loss(logits, batch), len(batch["id"]))
        return probability

    def test_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Collect the rows of a batch; the probabilities (N, 1, H, W) go to the callbacks."""
        probability = torch.sigmoid(self.batch_outputs(batch)[0].float())
        self.image_rows.update_from(batch, probability)
        return probability

    def _log_numbers(self, subset: str) -> dict[str, float]:
        """Gather the rows, keep them, and log `val/dice` of `per_image`, `val/pranet/max_dice` of others."""
        logged = {}
        self.rows = self.image_rows.compute()
        self.image_rows.reset()
        for protocol in self.protocols:
            prefix = subset if protocol is PER_IMAGE else f"{subset}/{protocol.name}"
            for metric, value in protocol.scores(self.rows).items():
                self.log(f"{prefix}/{metric}", value, prog_bar=prefix == "val" and metric == "dice", sync_dist=True)
                logged[f"{prefix}/{metric}"] = value
        return logged


def foreground_logits(logits: Tensor, size: Sequence[int]) -> Tensor:
    """Bring a net's output to one foreground channel at the images' size.

    Args:
        logits: (N, 1, h, w), or (N, 2, h, w) for a softmax over background and foreground.
        size: Height and width of the images.

    Returns:
        (N, 1, H, W); coarser outputs are resized bilinearly.

    Raises:
        ConfigError: If there are more than two channels.
    """
    if logits.shape[1] == 2:
        logits = logits[:, 1:] - logits[:, :1]
    if logits.shape[1] != 1:
        raise ConfigError(f"A binary task needs a net with one or two output channels, not {logits.shape[1]}.")
    if tuple(logits.shape[-2:]) != tuple(size):
        logits = F.interpolate(logits, size=tuple(size), mode="bilinear", align_corners=False)
    return logits
