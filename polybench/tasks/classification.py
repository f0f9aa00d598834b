"""Classification of patches: does one show an object? Any net that gives logits, evaluated by patch id.

Paper: the first of the five, whose classifier shares its backbone with FCN16s-Atrous, so that weights travel both ways.
"""

from collections.abc import Callable, Mapping, Sequence

import torch
from lightning.pytorch.cli import LRSchedulerCallable, OptimizerCallable
from torch import Tensor, nn
from torch.nn import functional as F

from polybench.data.sample import PatchBatch
from polybench.errors import ConfigError
from polybench.metrics import Protocol
from polybench.metrics.protocols import PATCHES
from polybench.metrics.scored_rows import ScoredRows
from polybench.tasks.task import IMAGENET_MEAN, IMAGENET_STD, Task


def brightness(patches: Tensor) -> Tensor:
    """Call bright patches objects: the mean grey level (N,) of patches (N, 3, S, S) in [0, 1]."""
    return patches.mean(dim=(1, 2, 3))


def object_logits(logits: Tensor) -> Tensor:
    """Bring a classifier's output, (N, 1), or (N, 2) for a softmax over no object and object, to one logit (N,).

    Raises:
        ConfigError: If the net gives neither one nor two numbers for a patch.
    """
    if logits.ndim != 2 or logits.shape[1] not in (1, 2):
        raise ConfigError(f"A classifier of patches gives (N, 1) or (N, 2), not {tuple(logits.shape)}.")
    return logits[:, 0] if logits.shape[1] == 1 else logits[:, 1] - logits[:, 0]


def patch_loss(logits: Tensor, batch: PatchBatch) -> Tensor:
    """Cross entropy of a batch's labels and the logits (N,) of an object."""
    return F.binary_cross_entropy_with_logits(logits.float(), batch["label"].float())


class PatchClassificationTask(Task):
    """Trains and evaluates a classifier of patches.

    The loss is the cross entropy of a softmax over both classes where the net has two channels (as the released code
    has), and binary cross entropy where it has one (as the paper prints).

    Args:
        net: Maps patches (N, 3, S, S) to raw logits, (N, 2) or (N, 1).
        optimizer: Makes the optimizer from the parameters.
        lr_scheduler: Makes the scheduler from the optimizer; a `ReduceLROnPlateau` names what it monitors.
        mean: Per-channel mean that the net's input is normalised with, on the device.
        std: Per-channel standard deviation for the same.
        channels_last: Keep the net and the patches in channels-last memory format, faster on most devices.

    Attributes:
        protocols: What is evaluated: `patches`.
        rows: The rows of the last evaluation, of all processes; None before one.
    """

    kind = "classification"
    baselines: Mapping[str, Callable[[Tensor], Tensor]] = {"brightness": brightness}

    def __init__(
        self,
        net: nn.Module,
        optimizer: OptimizerCallable = torch.optim.SGD,
        lr_scheduler: LRSchedulerCallable | None = None,
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
        channels_last: bool = False,
    ) -> None:
        super().__init__(net, optimizer, lr_scheduler, mean, std, channels_last)
        self.protocols: tuple[Protocol, ...] = (PATCHES,)
        self.scored_rows = self.new_rows()

    def new_rows(self) -> ScoredRows:
        """An empty metric for rows of this task."""
        return ScoredRows()

    def forward(self, images: Tensor) -> Tensor:
        """Predict.

        Args:
            images: RGB in [0, 1], (N, 3, S, S).

        Returns:
            Logit of an object, (N,).

        Raises:
            ConfigError: If the net gives neither one nor two numbers for a patch.
        """
        return object_logits(self.net(self.normalised(images)))

    def predict_probability(self, images: Tensor) -> Tensor:
        """Probability of an object (N,), float32, of patches in [0, 1]."""
        return torch.sigmoid(self(images).float())

    def training_step(self, batch: PatchBatch, batch_idx: int) -> Tensor:
        """Loss of a batch, `train/loss`."""
        loss = patch_loss(self(batch["image"]), batch)
        size = len(batch["id"])
        self.log("train/loss", loss, on_step=True, on_epoch=True, prog_bar=True, batch_size=size, sync_dist=True)
        return loss

    def validation_step(self, batch: PatchBatch, batch_idx: int) -> None:
        """Collect the rows and the loss of a batch."""
        logits = self(batch["image"]).float()
        self.scored_rows.update_from(batch, torch.sigmoid(logits))
        self.add_val_loss(patch_loss(logits, batch), len(batch["id"]))

    def test_step(self, batch: PatchBatch, batch_idx: int) -> Tensor:
        """Collect the rows of a batch; the probabilities (N,) go to the callbacks."""
        probability = self.predict_probability(batch["image"])
        self.scored_rows.update_from(batch, probability)
        return probability

    def _log_numbers(self, subset: str) -> dict[str, float]:
        """Gather the rows, keep them, and log `val/auc` and so on."""
        self.rows = self.scored_rows.compute()
        self.scored_rows.reset()
        logged = {f"{subset}/{metric}": value for metric, value in PATCHES.scores(self.rows).items()}
        for name, value in logged.items():
            self.log(name, value, prog_bar=name == "val/auc", sync_dist=True)
        return logged
