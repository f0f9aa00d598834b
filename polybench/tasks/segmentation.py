"""Binary segmentation with any net that returns logits and any loss, evaluated per image at native size."""

import copy
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, NamedTuple

import torch
from lightning.pytorch.cli import LRSchedulerCallable, OptimizerCallable
from lightning.pytorch.utilities import rank_zero_info
from torch import Tensor, nn

from polybench.core.errors import ConfigError, UserError
from polybench.data.crops import Crop
from polybench.data.images import UInt8Array
from polybench.data.sample import Batch
from polybench.metrics import PER_IMAGE, PROTOCOLS, STORED, ImageRows, Protocol
from polybench.models.unused import DryRun, dry_run, parameters_without_gradient, without_gradient
from polybench.tasks.activation import warn_of_probabilities
from polybench.tasks.base import IMAGENET_MEAN, IMAGENET_STD, Baseline, FloatArray, Kind, Task, data_of
from polybench.tasks.baselines import BASELINES
from polybench.tasks.criterion import Terms, explained_error, form_of, loss_terms, refuse_names
from polybench.tasks.first_step import tells_apart
from polybench.tasks.images import at_native_size, refuse_no_image
from polybench.tasks.meta import meta_batch, on_meta
from polybench.tasks.outputs import Outputs, foreground_outputs, logits_of, sum_of_all, sum_of_logits
from polybench.tasks.parameter_groups import ParameterGroups
from polybench.tasks.schedules import Interval
from polybench.tasks.tiled_evaluation import Evaluated, as_tiled_batch, evaluate, refuse_crops


class Unused(NamedTuple):
    """Parameters that the loss doesn't reach.

    Attributes:
        size: Height and width of the network's input.
        trained: Whether each parameter of the net was trained then.
        names: Names of those that get no gradient.
    """

    size: tuple[int, int]
    trained: tuple[bool, ...]
    names: list[str]


class SegmentationTask(Task):
    """Training and evaluation of a segmentation net.

    Args:
        net: Maps images (N, 3, H, W) to raw logits (N, 1, H, W); two channels are read as a softmax over background
            and foreground; a list (deep supervision, training only) has the finest output first; a mapping of named
            outputs has the logits, or such a list, as `logits`.
        loss: Called by the names of its parameters. `loss(outputs, batch)` gets the net's outputs in their own
            structure, with logits as one foreground channel at image size and other entries unchanged, and returns a
            mapping from each term's name to its scalar: their sum is optimised, and each is logged as `train/<term>`
            and `val/<term>`. `loss(logits, mask, valid)`, or `loss(logits, mask)` under any names (as in libraries;
            pixels outside the field of view then count), returns a scalar; it is summed over a list in training.
        optimizer: Builds the optimizer from the parameters or parameter groups; Adam by default.
        lr_scheduler: Builds the schedule from the optimizer, None for a constant learning rate; a `ReduceLROnPlateau`
            states the value that it monitors.
        mean: Per-channel mean for normalising images in [0, 1]; ImageNet's by default.
        std: Per-channel standard deviation, likewise.
        channels_last: Keep the net and the images in channels-last memory format, faster on most devices.
        parameter_groups: Learning rates by layer, frozen layers, weight decay by kind; None for the optimizer's own
            options everywhere.
        schedule_interval: Step the schedule after each `epoch` or after each optimizer `step`; None for the interval
            that its class is made for.

    Attributes:
        protocols: Protocols that are evaluated: in training `per_image` and the dataset's ranking protocol, otherwise
            all of them and those that the data module adds.
        stored: Further statistics of the rows, for the per-image table of a test.
        rows: The rows of the last evaluation, of all processes; None before one.
        input_crop: The crops that the net was trained on, where it predicts images by tiles; None for whole images.
        tiles_together: Tiles in a batch.

    Raises:
        ConfigError: If the loss requires other arguments, or the parameter groups don't fit the net.
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
        self._training_run: DryRun | None = None
        self._unused: Unused | None = None
        self.input_crop: Crop | None = None
        self.tiles_together = 8

    def new_rows(self) -> ImageRows:
        """Create an empty metric for rows of this task."""
        return ImageRows(self.protocols, self.stored)

    @property
    def loss_name(self) -> str:
        """Class of the loss."""
        return type(self.loss).__name__

    def setup(self, stage: str) -> None:
        """Choose the protocols; before training, freeze parameters without a gradient (SMP's PSPNet has some)."""
        data = data_of(self.trainer)
        refuse_crops(data, self)
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
        """Check that the net returns logits of one class, in training and in evaluation.

        Args:
            size: Height and width of the network's input.

        Raises:
            ConfigError: If it doesn't, or can't take such images.
        """
        for training in (False, True):
            run = on_meta(lambda: dry_run(self.net, size, self.other_inputs(size), training), size)  # noqa: B023
            if run is not None:
                logits_of(foreground_outputs(run.output, size))
            self._training_run = run if training else None

    def check(self, size: tuple[int, int]) -> None:
        """Check net, optimizer and schedule, and find the parameters that the loss doesn't reach in the same dry run.

        Args:
            size: Height and width of the network's input.

        Raises:
            ConfigError: If one can't be used.
        """
        super().check(size)
        run, self._training_run = self._training_run, None
        if run is not None:
            names = on_meta(lambda: without_gradient(run, lambda output: self._without_values(output, size)), size)
            self._unused = None if names is None else Unused(size, self._trained(), names)

    def _trained(self) -> tuple[bool, ...]:
        """Whether each parameter of the net is trained."""
        return tuple(parameter.requires_grad for parameter in self.net.parameters())

    def other_inputs(self, size: tuple[int, int]) -> tuple[Tensor, ...]:
        """Inputs of the net besides two images, on the meta device."""
        return ()

    def _freeze_unused(self, size: tuple[int, int]) -> None:
        """Freeze parameters without a gradient, which would make DDP fail."""
        unused = on_meta(self.unused_parameters, size)
        if not unused:
            return
        if len(unused) == sum(parameter.requires_grad for parameter in self.net.parameters()):
            raise ConfigError(f"No parameter of the net gets a gradient from {self.loss_name}: check what it reads.")
        for name in unused:
            self.net.get_parameter(name).requires_grad_(False)
        rank_zero_info(f"Frozen, since no gradient reaches them: {len(unused)} tensors, {unused[0]} first.")

    def unused_parameters(self) -> list[str]:
        """Return the names of the net's parameters that get no gradient from the loss."""
        size, found = data_of(self.trainer).size, self._unused
        if found is not None and (found.size, found.trained) == (size, self._trained()):
            return found.names
        others = self.other_inputs(size)
        return parameters_without_gradient(self.net, size, lambda output: self._without_values(output, size), others)

    def _without_values(self, output: Any, size: tuple[int, int]) -> Tensor:
        """Return a scalar that depends on the outputs that the loss reads, or on all outputs where that isn't known."""
        outputs = foreground_outputs(output, size)
        if self.loss_form != "terms":
            return sum_of_logits(outputs)
        try:
            total = loss_terms(copy.deepcopy(self.loss).to("meta"), "terms", outputs, meta_batch(size)).total
        except UserError:
            raise
        except Exception:  # it reads values, which meta tensors lack
            return sum_of_all(outputs)
        if not total.requires_grad:
            raise ConfigError(f"No parameter gets a gradient from {self.loss_name}: check which outputs it reads.")
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
        """Predict foreground probabilities (N, 1, H, W), float32, of images (N, 3, H, W) in [0, 1]."""
        return torch.sigmoid(self(images).float())

    def predict_image(self, image: UInt8Array) -> FloatArray:
        """Predict foreground probabilities (h, w) of an image (h, w, 3) at native size."""
        if self.input_crop is None:
            probability = self._predict_one(image)
        else:
            refuse_no_image(image)
            with torch.inference_mode():
                probability = self.predict_frame(image, self.input_crop, self.tiles_together)
        found: FloatArray = at_native_size(probability, image, self.input_fitting).cpu().numpy()
        return found

    def predict_frame(self, image: UInt8Array, crop: Crop, tiles_together: int) -> Tensor:
        """Predict foreground probabilities (1, H, W), float32, of an image (h, w, 3) by tiles, at the scale of crops.

        Args:
            image: The image at native size.
            crop: The crops that the net was trained on.
            tiles_together: Tiles in a batch.
        """
        batch = as_tiled_batch(image, crop, tiles_together, self.device)
        return torch.sigmoid(self.evaluated(batch).logits.float())[0]

    def batch_outputs(self, batch: Batch) -> Outputs:
        """Compute the outputs for a batch, see `foreground_outputs`; override it for a net with further inputs."""
        return self._outputs(batch["image"])

    def _outputs(self, images: Tensor, *others: Tensor) -> Outputs:
        return foreground_outputs(self.net(self.normalised(images), *others), images.shape[-2:])

    def batch_terms(self, outputs: Outputs, batch: Batch, finest: bool = False) -> Terms:
        """Compute the loss of a batch.

        Args:
            outputs: Outputs for the batch.
            batch: The batch.
            finest: Apply a loss of logits to the finest only, as in validation.

        Raises:
            ConfigError: If the loss can't be computed, or returns a value of the wrong type or shape.
        """
        try:
            terms = loss_terms(self.loss, self.loss_form, outputs, batch, finest)
        except Exception as error:
            explained = explained_error(self.loss, outputs, batch, error)
            if explained is None:
                raise
            raise explained from error
        refuse_names(self.loss, terms.named, PER_IMAGE.directions)
        if self.first_step.waiting and not finest:
            warn_of_probabilities(logits_of(outputs)[0])
        return terms

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Compute and log the loss of a batch, `train/loss`."""
        terms = self.batch_terms(self.batch_outputs(batch), batch)
        return self.optimise(terms, len(batch["id"]), lambda: tells_apart(batch["mask"]))

    def validation_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Collect the rows and the loss of a batch, and return its probabilities (N, 1, H, W) for callbacks."""
        logits, terms = self.evaluated(batch, with_loss=True)
        probability = torch.sigmoid(logits.float())
        self.collected.update_from(batch, probability)
        assert terms is not None
        self.add_val_loss(terms, len(batch["id"]))
        return probability

    def test_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Collect the rows of a batch, and return its probabilities (N, 1, H, W) for callbacks."""
        probability = torch.sigmoid(self.evaluated(batch).logits.float())
        self.collected.update_from(batch, probability)
        return probability

    def evaluated(self, batch: Batch, *, with_loss: bool = False) -> Evaluated:
        """Predict an evaluation batch, by tiles where it states them; compute its loss where asked for."""
        loss = partial(self.batch_terms, finest=True) if with_loss else None
        return evaluate(batch, self.batch_outputs, loss, reads_outputs=self.loss_form == "terms")

    def _log_numbers(self, subset: str) -> dict[str, float]:
        """Gather and keep the rows, and log the metrics: `val/dice` of `per_image`, `val/pranet/max_dice` of others."""
        logged = {}
        self.rows = self.collected.compute()
        self.collected.reset()
        for protocol in self.protocols:
            prefix = subset if protocol is PER_IMAGE else f"{subset}/{protocol.name}"
            for metric, value in protocol.scores(self.rows).items():
                self.log_number(f"{prefix}/{metric}", value, prog_bar=prefix == "val" and metric == "dice")
                logged[f"{prefix}/{metric}"] = value
        return logged
