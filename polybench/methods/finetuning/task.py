"""Tasks of the study of layer-wise fine-tuning: candidates of lesions, and whole images in K classes.

Paper: Tajbakhsh et al., "Convolutional Neural Networks for Medical Image Analysis: Full Training or Fine Tuning?", IEEE
TMI 2016.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from lightning.pytorch.cli import LRSchedulerCallable, OptimizerCallable
from torch import Tensor, nn
from torch.nn import functional as F

from polybench.core.errors import ConfigError
from polybench.core.trainer import attributes_of
from polybench.data.images import UInt8Array
from polybench.data.patches import squared
from polybench.data.sample import PatchBatch
from polybench.methods.finetuning.candidate_module import CandidateDataModule
from polybench.methods.finetuning.candidates import list_text
from polybench.methods.finetuning.class_rows import ClassRows
from polybench.methods.finetuning.items import ItemBatch
from polybench.methods.finetuning.section import NAME, section_of
from polybench.metrics import Protocol
from polybench.metrics.candidate_rows import CandidateRows
from polybench.metrics.protocols import CANDIDATES, CLASSES
from polybench.metrics.scored_rows import ScoredRows
from polybench.models.unused import meta_outputs
from polybench.results.sections import Section
from polybench.tasks.base import IMAGENET_MEAN, IMAGENET_STD, Baseline, FloatArray, Kind, Task
from polybench.tasks.classification import PatchClassificationTask, patch_loss
from polybench.tasks.criterion import Terms
from polybench.tasks.first_step import tells_apart
from polybench.tasks.meta import on_meta
from polybench.tasks.parameter_groups import ParameterGroups
from polybench.tasks.schedules import Interval


class CandidateClassificationTask(PatchClassificationTask):
    """Training and evaluation of a classifier of candidates, whose score is the mean over their variants.

    Arguments are those of `PatchClassificationTask`; the data are those of `CandidateDataModule`.

    Attributes:
        protocols: Protocols that are evaluated: `candidates`.
    """

    version: ClassVar[int] = 1
    evaluated_by: ClassVar[Protocol] = CANDIDATES

    def new_rows(self) -> ScoredRows:
        """Create an empty metric for rows of this task."""
        return CandidateRows()

    def validation_step(self, batch: PatchBatch, batch_idx: int) -> None:
        """Collect the rows and the loss of a batch; scores are of float64, in which few are equal at the ends."""
        logits = self(batch["image"]).float()
        self.collected.update_from(batch, torch.sigmoid(logits.double()))
        self.add_val_loss(Terms(patch_loss(logits, batch)), len(batch["id"]))

    def test_step(self, batch: PatchBatch, batch_idx: int) -> Tensor:
        """Collect the rows of a batch, and return its probabilities (N,) for callbacks."""
        probability = torch.sigmoid(self(batch["image"]).double())
        self.collected.update_from(batch, probability)
        return probability

    def sections(self) -> Mapping[str, Section]:
        """The section on depth, share and candidates of the last test."""
        return sections_of(self)

    def test_artifacts(self) -> Mapping[str, bytes]:
        """The list of candidates, which other runs on the same images take as `--data.candidates`."""
        data = attributes_of(self.trainer).datamodule
        listed = data.listed if isinstance(data, CandidateDataModule) else None
        return {} if listed is None else {"candidates.json": list_text(listed).encode()}


class ImageClassificationTask(Task):
    """Training and evaluation of a classifier of whole images in K classes, by cross entropy.

    Args:
        net: Maps images (N, 3, H, W) to raw logits (N, K); class 0 is the background.
        optimizer: Builds the optimizer from the parameters or parameter groups; SGD by default.
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
        protocols: Protocols that are evaluated: `classes`.
        rows: The rows of the last evaluation, of all processes; None before one.

    Raises:
        ConfigError: If the parameter groups don't fit the net.
    """

    version: ClassVar[int] = 1
    kind: ClassVar[Kind] = "classification"
    baselines: ClassVar[Mapping[str, Baseline]] = {}

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
        self.protocols = (CLASSES,)
        self.collected: ClassRows = self.new_rows()

    def new_rows(self) -> ClassRows:
        """Create an empty metric for rows of this task."""
        return ClassRows()

    @property
    def loss_name(self) -> str:
        """Name of the loss in messages."""
        return "Cross entropy"

    def check_outputs(self, size: tuple[int, int]) -> None:
        """Check that the net returns a number for each of several classes.

        Args:
            size: Height and width of an image.

        Raises:
            ConfigError: If it doesn't, or can't take such images.
        """
        output = on_meta(lambda: meta_outputs(self.net, size, training=True), size)
        if output is not None:
            _checked(output)

    def forward(self, images: Tensor) -> Tensor:
        """Predict logits.

        Args:
            images: RGB in [0, 1], (N, 3, H, W).

        Returns:
            Logits of the classes, (N, K).

        Raises:
            ConfigError: If the net returns anything else.
        """
        return _checked(self.net(self.normalised(images)))

    def predict_probability(self, images: Tensor) -> Tensor:
        """Predict the probability (N,), float32, of any class but the first, of images (N, 3, H, W) in [0, 1]."""
        return 1 - torch.softmax(self(images).float(), dim=1)[:, 0]

    def predict_image(self, image: UInt8Array) -> FloatArray:
        """Predict the same of an image (h, w, 3), padded to a square as in training; a scalar ()."""
        found: FloatArray = self._predict_one(squared(image)).double().cpu().numpy()
        return found

    def training_step(self, batch: ItemBatch, batch_idx: int) -> Tensor:
        """Compute and log the loss of a batch, `train/loss`."""
        logits = self(batch["image"]).float()
        self._refuse_labels(batch, logits)
        terms = Terms(F.cross_entropy(logits, batch["label"]))
        return self.optimise(terms, len(batch["id"]), lambda: tells_apart(batch["label"]))

    def validation_step(self, batch: ItemBatch, batch_idx: int) -> None:
        """Collect the rows and the loss of a batch."""
        logits = self(batch["image"]).float()
        self._refuse_labels(batch, logits)
        self.collected.update_from(batch, torch.softmax(logits, dim=1))
        self.add_val_loss(Terms(F.cross_entropy(logits, batch["label"])), len(batch["id"]))

    def test_step(self, batch: ItemBatch, batch_idx: int) -> Tensor:
        """Collect the rows of a batch, and return the probabilities (N,) of any class but the first for callbacks."""
        probabilities = torch.softmax(self(batch["image"]).float(), dim=1)
        self.collected.update_from(batch, probabilities)
        return 1 - probabilities[:, 0]

    def _refuse_labels(self, batch: ItemBatch, logits: Tensor) -> None:
        """Refuse labels beyond the net's classes.

        Raises:
            ConfigError: If there are.
        """
        most = int(batch["label"].max())
        if most >= logits.shape[1]:
            raise ConfigError(
                f"The net has {logits.shape[1]} classes and the data more: set model.net.classes {most + 1}."
            )

    def sections(self) -> Mapping[str, Section]:
        """The section on depth and share of the last test."""
        return sections_of(self)


def sections_of(task: Task) -> dict[str, Section]:
    """The section of a task of this method."""
    found = section_of(task.net, task.parameter_groups, task.trainer)
    return {} if found is None else {NAME: found}


def _checked(output: Any) -> Tensor:
    """Logits (N, K) of at least two classes.

    Raises:
        ConfigError: If a net returns anything else.
    """
    if not isinstance(output, Tensor) or output.ndim != 2 or output.shape[1] < 2:
        what = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
        raise ConfigError(f"A classifier of images must return logits (N, K) of at least two classes, not {what}.")
    return output
