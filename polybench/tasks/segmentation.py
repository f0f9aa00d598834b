"""Binary segmentation: any net that gives logits, trained with any loss, evaluated per image at native size."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from lightning.pytorch.cli import LRSchedulerCallable, OptimizerCallable
from lightning.pytorch.utilities import rank_zero_info
from torch import Tensor, nn

from polybench.core.errors import ConfigError, UserError
from polybench.data.images import UInt8Array
from polybench.data.sample import Batch
from polybench.metrics import PER_IMAGE, PROTOCOLS, STORED, ImageRows, Protocol
from polybench.models.unused import meta_outputs, parameters_without_gradient
from polybench.tasks.activation import warn_of_probabilities
from polybench.tasks.base import IMAGENET_MEAN, IMAGENET_STD, Baseline, FloatArray, Kind, Task, data_of
from polybench.tasks.baselines import BASELINES
from polybench.tasks.criterion import Terms, form_of, loss_terms, refuse_names, unfit
from polybench.tasks.first_step import tells_apart
from polybench.tasks.images import at_native_size
from polybench.tasks.meta import meta_batch, on_meta
from polybench.tasks.outputs import Outputs, foreground_outputs, logits_of, sum_of_all, sum_of_logits
from polybench.tasks.parameter_groups import ParameterGroups
from polybench.tasks.schedules import Interval


class SegmentationTask(Task):
    """Trains and evaluates a segmentation net.

    Args:
        net: Maps images (N, 3, H, W) to raw logits (N, 1, H, W); two channels are read as a softmax over background
            and foreground; a list (deep supervision, training only) has the finest output first; a mapping of named
            outputs has the logits, or such a list, as `logits`.
        loss: Called by the names of its parameters. `loss(outputs, batch)` gets the net's outputs in the form that the
            net gave them, logits brought to one foreground channel at image size and all else as it is, and gives a
            mapping from each term's name to its scalar: their sum is optimised, and each is logged as `train/<term>`
            and `val/<term>`. `loss(logits, mask, valid)`, or `loss(logits, mask)` under any names (as library losses
            have it; pixels outside the field of view then count), gives a scalar; over a list it is summed in training.
        optimizer: Makes the optimizer from the parameters.
        lr_scheduler: Makes the schedule from the optimizer; a `ReduceLROnPlateau` names what it monitors.
        mean: Per-channel mean that the net's input is normalised with, on the device.
        std: Per-channel standard deviation for the same.
        channels_last: Keep the net and the images in channels-last memory format, faster on most devices.
        parameter_groups: Learning rates by layer, frozen layers, weight decay by kind; None for one rate for all.
        schedule_interval: Step the schedule after each `epoch` or after each optimizer `step`; None where its class
            says which.

    Attributes:
        protocols: What is evaluated: while training `per_image`, and what the dataset is ranked by, otherwise every
            protocol, those included that the data module adds.
        stored: Further statistics of the rows, for the per-image table of a test.
        rows: The rows of the last evaluation, of all processes; None before one.

    Raises:
        ConfigError: If the loss takes something else, or the parameter groups don't fit the net.
    """

    version: ClassVar[int] = 1
    kind: ClassVar[Kind] = "segmentation"
    by_tiles: ClassVar[bool] = True
    baselines: ClassVar[Mapping[str, Baseline]] = BASELINES

    def __init__(
        self,
        net: nn.Module,
        loss: nn.Module,
        optimizer: OptimizerCallable = torch.optim.Adam,
        lr_scheduler: LRSchedulerCallable | None = None,
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
        channels_last: bool = False,
        parameter_groups: ParameterGroups | None = None,
        schedule_interval: Interval | None = None,
    ) -> None:
        super().__init__(net, optimizer, lr_scheduler, mean, std, channels_last, parameter_groups, schedule_interval)
        self.loss = loss
        self.loss_form = form_of(loss)
        self.protocols: tuple[Protocol, ...] = (PER_IMAGE,)
        self.stored: tuple[str, ...] = ()
        self.collected: ImageRows = self.new_rows()

    def new_rows(self) -> ImageRows:
        """An empty metric for rows of this task."""
        return ImageRows(self.protocols, self.stored)

    @property
    def loss_name(self) -> str:
        """The loss's class."""
        return type(self.loss).__name__

    def setup(self, stage: str) -> None:
        """Choose the protocols; before training, freeze what no gradient reaches (SMP's PSPNet has such a tail)."""
        data = data_of(self.trainer)
        if stage == "fit":
            ranked = data.ranked_by
            self.protocols = (PER_IMAGE,) if ranked is PER_IMAGE else (PER_IMAGE, ranked)
            self._freeze_unused(data.size)
        else:
            self.protocols = (*PROTOCOLS, *data.extra_protocols)
        self.stored = () if stage == "fit" else STORED
        self.collected = self.new_rows()
        self.rows = None

    def check_outputs(self, size: tuple[int, int]) -> None:
        """See that the net gives logits of one class, in training and in evaluation.

        Args:
            size: Height and width of the network's input.

        Raises:
            ConfigError: If it doesn't, or can't take such images.
        """
        for training in (True, False):
            output = on_meta(lambda: meta_outputs(self.net, size, self.other_inputs(size), training), size)  # noqa: B023
            if output is not None:
                logits_of(foreground_outputs(output, size))

    def other_inputs(self, size: tuple[int, int]) -> tuple[Tensor, ...]:
        """What the net takes beside two images, on the meta device."""
        return ()

    def _freeze_unused(self, size: tuple[int, int]) -> None:
        """Freeze parameters without a gradient, over which DDP would fail."""
        unused = on_meta(self.unused_parameters, size)
        if not unused:
            return
        if len(unused) == sum(parameter.requires_grad for parameter in self.net.parameters()):
            raise ConfigError(f"No parameter of the net gets a gradient from {self.loss_name}: see what it reads.")
        for name in unused:
            self.net.get_parameter(name).requires_grad_(False)
        rank_zero_info(f"Frozen, since no gradient reaches them: {len(unused)} tensors, {unused[0]} first.")

    def unused_parameters(self) -> list[str]:
        """Name the net's parameters that no gradient of the loss reaches."""
        size = data_of(self.trainer).size
        others = self.other_inputs(size)
        return parameters_without_gradient(self.net, size, lambda output: self._without_values(output, size), others)

    def _without_values(self, output: Any, size: tuple[int, int]) -> Tensor:
        """What depends on those outputs that the loss reads; on all of them where that isn't known."""
        outputs = foreground_outputs(output, size)
        if self.loss_form != "terms":
            return sum_of_logits(outputs)
        try:
            total = loss_terms(copy.deepcopy(self.loss).to("meta"), "terms", outputs, meta_batch(size)).total
        except UserError:
            raise
        except Exception:  # it reads values, which are not there
            return sum_of_all(outputs)
        if not total.requires_grad:
            raise ConfigError(f"No parameter gets a gradient from {self.loss_name}: see what it reads.")
        return total

    def forward(self, images: Tensor) -> Tensor:
        """Predict logits.

        Args:
            images: RGB in [0, 1], (N, 3, H, W).

        Returns:
            Foreground logits, (N, 1, H, W).
        """
        return logits_of(self._outputs(images))[0]

    def predict_probability(self, images: Tensor) -> Tensor:
        """Foreground probabilities (N, 1, H, W), float32, of images in [0, 1]."""
        return torch.sigmoid(self(images).float())

    def predict_image(self, image: UInt8Array) -> FloatArray:
        """Foreground probabilities of the pixels of an image (h, w, 3), as its file has it: (h, w)."""
        found: FloatArray = at_native_size(self._predict_one(image), image).cpu().numpy()
        return found

    def batch_outputs(self, batch: Batch) -> Outputs:
        """Outputs for a batch, see `foreground_outputs`; a net that takes more than images overrides it."""
        return self._outputs(batch["image"])

    def _outputs(self, images: Tensor, *others: Tensor) -> Outputs:
        return foreground_outputs(self.net(self.normalised(images), *others), images.shape[-2:])

    def batch_terms(self, outputs: Outputs, batch: Batch, finest: bool = False) -> Terms:
        """The loss of a batch.

        Args:
            outputs: Of the batch.
            batch: The batch.
            finest: Let a loss of logits see the finest alone, as in validation.

        Raises:
            ConfigError: If the loss can't be computed, or gives something else than a loss.
        """
        try:
            terms = loss_terms(self.loss, self.loss_form, outputs, batch, finest)
        except Exception as error:
            explained = unfit(self.loss, outputs, batch, error)
            if explained is None:
                raise
            raise explained from error
        refuse_names(self.loss, terms.named, PER_IMAGE.directions)
        if self.first_step.waiting and not finest:
            warn_of_probabilities(logits_of(outputs)[0])
        return terms

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Loss of a batch, `train/loss`."""
        terms = self.batch_terms(self.batch_outputs(batch), batch)
        return self.optimise(terms, len(batch["id"]), lambda: tells_apart(batch["mask"]))

    def validation_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Collect the rows and the loss of a batch; the probabilities (N, 1, H, W) go to the callbacks."""
        outputs = self.batch_outputs(batch)
        probability = torch.sigmoid(logits_of(outputs)[0].float())
        self.collected.update_from(batch, probability)
        self.add_val_loss(self.batch_terms(outputs, batch, finest=True), len(batch["id"]))
        return probability

    def test_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Collect the rows of a batch; the probabilities (N, 1, H, W) go to the callbacks."""
        probability = torch.sigmoid(logits_of(self.batch_outputs(batch))[0].float())
        self.collected.update_from(batch, probability)
        return probability

    def _log_numbers(self, subset: str) -> dict[str, float]:
        """Gather the rows, keep them, and log `val/dice` of `per_image`, `val/pranet/max_dice` of others."""
        logged = {}
        self.rows = self.collected.compute()
        self.collected.reset()
        for protocol in self.protocols:
            prefix = subset if protocol is PER_IMAGE else f"{subset}/{protocol.name}"
            for metric, value in protocol.scores(self.rows).items():
                self.log_number(f"{prefix}/{metric}", value, prog_bar=prefix == "val" and metric == "dice")
                logged[f"{prefix}/{metric}"] = value
        return logged
