"""Interface of all tasks: a net on normalised images, its optimization and its evaluation.

Callbacks, experiments and the command line rely on this interface alone; a task knows none of them.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt
import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.cli import LRSchedulerCallable, OptimizerCallable
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torchmetrics import MeanMetric

from polybench.core.errors import ConfigError
from polybench.core.trainer import attributes_of
from polybench.data.fitting import STRETCH, Fitting
from polybench.data.images import UInt8Array
from polybench.metrics import ImageRows, Protocol, Rows
from polybench.metrics.scored_rows import ScoredRows
from polybench.results.sections import Section
from polybench.tasks.criterion import Terms
from polybench.tasks.first_step import FirstStep
from polybench.tasks.images import as_input, refuse_no_image
from polybench.tasks.optimization import optimizer_and_scheduler, step_plateaus
from polybench.tasks.parameter_groups import Group, ParameterGroups
from polybench.tasks.schedule_resume import Lengths, fit_resumed_schedules, lengths_of
from polybench.tasks.schedules import Interval
from polybench.tasks.task_data import TaskData
from polybench.tasks.term_means import TermMeans

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

FloatArray = npt.NDArray[np.float64]
Kind = Literal["segmentation", "classification"]
Baseline = Callable[[Tensor], Tensor]
"""Maps images (N, 3, H, W) in [0, 1] to probabilities without a net."""


class Task(LightningModule, ABC):
    """Base class of tasks: a net, the normalisation of its input, its optimization and its evaluation.

    Args:
        net: Takes normalised images, (N, 3, H, W).
        optimizer: Builds the optimizer from the parameters or parameter groups.
        lr_scheduler: Builds the schedule from the optimizer, None for a constant learning rate; a `ReduceLROnPlateau`
            states the value that it monitors.
        mean: Per-channel mean for normalising images in [0, 1].
        std: Per-channel standard deviation for the same.
        channels_last: Keep the net and the images in channels-last memory format, faster on most devices.
        parameter_groups: Learning rates by layer, frozen layers, weight decay by kind; None for the optimizer's own
            options everywhere.
        schedule_interval: Step the schedule after each `epoch` or after each optimizer `step`; None for the interval
            that its class is made for.

    Attributes:
        protocols: Protocols that are evaluated.
        rows: The rows of the last evaluation, of all processes; None before one.
        input_size: Height and width of the net's input, where it is known without data, for example from a loaded
            checkpoint.
        input_fitting: How images are fitted to that size.

    Raises:
        ConfigError: If the parameter groups don't fit the net.
    """

    version: ClassVar[int] = 1
    """Version of the class, increased whenever its numbers may change."""

    kind: ClassVar[Kind]
    """Kind of prediction: a map of an image, or a number for a patch."""

    by_tiles: ClassVar[bool] = False
    """Whether an image can be predicted tile by tile: from each pixel's surroundings only, at any image size."""

    on_crops: ClassVar[bool] = False
    """Whether it evaluates the frames of a training on crops by tiles, though `by_tiles` is false."""

    baselines: ClassVar[Mapping[str, Baseline]]
    """Trivial predictions that a test evaluates beside the net's."""

    def __init__(
        self,
        net: nn.Module,
        optimizer: OptimizerCallable,
        lr_scheduler: LRSchedulerCallable | None,
        mean: Sequence[float],
        std: Sequence[float],
        channels_last: bool,
        parameter_groups: ParameterGroups | None = None,
        schedule_interval: Interval | None = None,
    ) -> None:
        super().__init__()
        self.memory_format = torch.channels_last if channels_last else torch.contiguous_format
        self.net = net.to(memory_format=self.memory_format)
        self.optimizer = optimizer
        self.lr_scheduler = lr_scheduler
        self.parameter_groups = parameter_groups
        self.schedule_interval = schedule_interval
        if parameter_groups is not None:
            parameter_groups.apply(net)
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", torch.tensor(mean).view(1, -1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, -1, 1, 1), persistent=False)
        self.val_loss = MeanMetric().set_dtype(torch.float64)
        self.val_terms = TermMeans()
        self.first_step = FirstStep()
        self.protocols: tuple[Protocol, ...] = ()
        self.collected: ImageRows | ScoredRows
        self.rows: Rows | None = None
        self.input_size: tuple[int, int] | None = None
        self.input_fitting: Fitting = STRETCH

    @abstractmethod
    def new_rows(self) -> ImageRows | ScoredRows:
        """Create an empty metric for rows of this task."""

    @abstractmethod
    def predict_probability(self, images: Tensor) -> Tensor:
        """Predict probabilities, float32, of images (N, 3, H, W) in [0, 1]."""

    @abstractmethod
    def predict_image(self, image: UInt8Array) -> FloatArray:
        """Predict probabilities of one image (h, w, 3), float64: (h, w) for its pixels, or () for the whole image.

        Args:
            image: RGB, uint8; it is fitted to `input_size` first.
        """

    def one_input(self, image: UInt8Array) -> Tensor:
        """Convert one image (h, w, 3) to a batch of one at the size of the net's input, (1, 3, H, W), in [0, 1].

        Raises:
            ConfigError: If it is no RGB image, or the size is unknown.
        """
        refuse_no_image(image)
        if self.input_size is None:
            raise ConfigError("The input size of the net is unknown: set task.input_size to (height, width).")
        return as_input(image, self.input_size, self.input_fitting).to(self.device)

    def _predict_one(self, image: UInt8Array) -> Tensor:
        """Predict probabilities of one image at the size of the net's input."""
        with torch.inference_mode():
            return self.predict_probability(self.one_input(image))[0]

    @abstractmethod
    def check_outputs(self, size: tuple[int, int]) -> None:
        """Check that the task can use the net's outputs, on the meta device and without data.

        Args:
            size: Height and width of the network's input.

        Raises:
            ConfigError: If it can't.
        """

    def _log_numbers(self, subset: str) -> dict[str, float]:
        """Gather and keep the rows of an evaluation, log its metrics, and return them by name.

        They are those of the first protocol, such as `val/auc`.
        """
        self.rows = self.collected.compute()
        self.collected.reset()
        logged = {f"{subset}/{metric}": value for metric, value in self.protocols[0].scores(self.rows).items()}
        for name, value in logged.items():
            self.log_number(name, value, prog_bar=name == "val/auc")
        return logged

    @property
    def loss_name(self) -> str:
        """Name of the loss in messages."""
        return "The loss"

    def check(self, size: tuple[int, int]) -> None:
        """Check that net, optimizer and schedule can be used, before any data is read.

        Args:
            size: Height and width of the network's input.

        Raises:
            ConfigError: If they can't.
        """
        self.check_outputs(size)
        try:
            self.configure_optimizers()  # the result is discarded
        except (TypeError, ValueError) as error:
            raise ConfigError(f"Optimizer or schedule can't be built: {' '.join(str(error).split())}.") from error

    def normalised(self, images: Tensor) -> Tensor:
        """Normalise images in [0, 1], (N, 3, H, W), for the net."""
        return ((images - self.mean) / self.std).contiguous(memory_format=self.memory_format)

    def train(self, mode: bool = True) -> Self:
        """Switch between training and evaluation; the batch norm of frozen layers stays in evaluation."""
        super().train(mode)
        if self.parameter_groups is not None:
            self.parameter_groups.keep_frozen_norms(self.net)
        return self

    def optimized_parameters(self) -> Sequence[nn.Parameter | Group]:
        """Parameters for the optimizer: all of them, or groups of those that are trained."""
        if self.parameter_groups is None:
            return list(self.parameters())
        of_net = {id(parameter) for parameter in self.net.parameters()}
        others = [parameter for parameter in self.parameters() if id(parameter) not in of_net]
        return self.parameter_groups.groups(self.net, others)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Build the optimizer, and the schedule with its interval and monitored value."""
        parameters = self.optimized_parameters()
        return optimizer_and_scheduler(parameters, self.optimizer, self.lr_scheduler, self.schedule_interval)

    def on_fit_start(self) -> None:
        """Store the lengths of the schedules, which loading the state of a resumed run overwrites."""
        self.schedule_lengths: list[list[Lengths]] = lengths_of(self.trainer)

    def on_train_start(self) -> None:
        """Pass the length of the run to the schedules; check the first step unless the run is resumed."""
        fit_resumed_schedules(self.trainer, self.schedule_lengths)
        self.first_step.waiting = self.trainer.global_step == 0

    def on_after_backward(self) -> None:
        """In the first step, refuse a loss that gives no gradient."""
        if self.first_step.waiting:
            self.first_step.check_gradients(self.net.parameters(), self.loss_name, self.trainer.strategy)

    def optimise(self, terms: Terms, images: int, several_classes: Callable[[], bool]) -> Tensor:
        """Log a training batch's loss as `train/loss` and its terms as `train/<term>`, and return the total loss.

        Args:
            terms: The loss of the batch.
            images: Number of images or patches in the batch.
            several_classes: Whether the batch has several classes; called in the first step only.
        """
        if self.first_step.waiting:
            self.first_step.check_loss(terms.total, self.loss_name, several_classes(), self.trainer.strategy)
        log = partial(self.log, on_epoch=True, batch_size=images, sync_dist=True)
        log("train/loss", terms.total, on_step=True, prog_bar=True)
        for name in sorted(terms.named):  # the same order in every process: reductions are collective
            log(f"train/{name}", terms.named[name].detach(), on_step=False)
        return terms.total

    def add_val_loss(self, terms: Terms, images: int) -> None:
        """Add a batch's loss and terms to the validation means; a process that repeats a batch adds nothing."""
        repeated = getattr(getattr(self.trainer.val_dataloaders, "sampler", None), "idle", False)
        weight = 0 if repeated else images
        self.val_loss.update(terms.total, weight=weight)
        self.val_terms.update(terms.named, weight, self.device)

    def log_number(self, name: str, value: float, *, prog_bar: bool = False) -> None:
        """Log a number that every process has computed from gathered rows, without averaging it.

        The mean of three equal numbers of float32 may differ from them in the seventh digit; their maximum doesn't.

        Args:
            name: Name in the log.
            value: The number.
            prog_bar: Show it in the progress bar.
        """
        self.log(name, value, prog_bar=prog_bar, sync_dist=True, reduce_fx="max")

    def on_validation_epoch_end(self) -> None:
        """Log `val/loss`, its terms and the metrics; a test on the same subset gives the same numbers."""
        self.log("val/loss", self.val_loss)
        terms = {f"val/{name}": value for name, value in self.val_terms.compute().items()}
        for name, value in terms.items():
            self.log_number(name, value)
        values = self._log_numbers("val")
        step_plateaus(self.trainer, {"val/loss": float(self.val_loss.compute()), **terms, **values})

    def on_test_epoch_end(self) -> None:
        """Log the metrics of the test."""
        self._log_numbers("test")

    def last_rows(self, count: int) -> Rows:
        """Return the rows of the samples that this process evaluated last, in their order.

        Args:
            count: Number of rows.
        """
        return Rows(*self.collected.last(count))

    def sections(self) -> Mapping[str, Section]:
        """Sections of the record that the task's method writes about the last test, by the method's name."""
        return {}

    def test_artifacts(self) -> Mapping[str, bytes]:
        """Files that describe the last test, by name -> content; called in the first process only."""
        return {}


def task_of(module: LightningModule) -> Task:
    """Narrow a LightningModule to a task.

    Raises:
        ConfigError: If it is not a task of polybench.
    """
    if not isinstance(module, Task):
        raise ConfigError(
            f"{type(module).__name__} is not a task of polybench: derive it from polybench.tasks.base.Task, or pass "
            "its net to SegmentationTask."
        )
    return module


def data_of(trainer: Trainer) -> TaskData:
    """Return a trainer's data module."""
    data: TaskData = attributes_of(trainer).datamodule
    return data
