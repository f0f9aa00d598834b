"""Region refinement of the predictions of a test, and the choice of its thresholds in a validation before."""

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.trainer.states import TrainerFn
from torch import Tensor

from polybench.core.errors import ConfigError
from polybench.core.processes import from_all
from polybench.data.images import UInt8Array
from polybench.data.sample import Batch
from polybench.methods.refinement.refiner import Refined, RegionRefiner
from polybench.methods.refinement.regions import BoolArray
from polybench.methods.refinement.table import Region, regions_of
from polybench.methods.refinement.thresholds import MASK_GRID, ThresholdChoice, ThresholdRows, Thresholds
from polybench.methods.refinement.timing import Stopwatch, calls_timed
from polybench.metrics import ImageRows, Rows
from polybench.metrics.keyed import Gathered, KeyedRows
from polybench.metrics.prepare import resize_affine, to_native_size
from polybench.tasks.base import Task, data_of, task_of

PARTS = ("segmentation", "regions", "classification")
"""Timed parts: the net; masks, regions and their removal; cutting and classifying patches."""


class TimeRows(KeyedRows):
    """Collects the seconds that each part took for each image.

    Where several batches hold an image, a row of a later batch is preferred to one of a process's first.
    """

    def __init__(self) -> None:
        super().__init__({"in_first_batch": ((), torch.int64), **dict.fromkeys(PARTS, ((), torch.float64))})

    def update(self, image_id: str, group: str, refined: Refined, segmentation: float, in_first_batch: bool) -> None:
        """Add an image.

        Args:
            image_id: Its id.
            group: Its group.
            refined: Its refinement.
            segmentation: The seconds that the net took.
            in_first_batch: Whether it was in its process's first batch.
        """
        columns = zip(self.layout.items(), (in_first_batch, segmentation, *refined.seconds), strict=True)
        values = {name: torch.tensor(value, dtype=dtype, device=self.device) for (name, (_, dtype)), value in columns}
        self.add(image_id, group, values)

    def compute(self) -> Gathered:
        """The rows of all processes, each image once."""
        return self.gathered()


def mean_milliseconds(rows: Gathered) -> dict[str, float]:
    """Average the time that an image took, once memory is allocated and kernels are chosen.

    Args:
        rows: What `TimeRows` computes.

    Returns:
        Part of the work -> mean time over the images outside of each process's first batch; over all where there are no
        others.
    """
    later = rows.columns["in_first_batch"] == 0
    counted = later if later.any() else ~later
    return {part: 1000 * float(rows.columns[part][counted].mean()) for part in PARTS}


class RefinementCallback(Callback):
    """Refines every prediction of a test, and evaluates it beside the task's own rows, which stay a plain test's.

    Args:
        refiner: Removes regions.
        thresholds: The thresholds; None to choose them in `trainer.validate` first.

    Attributes:
        thresholds: Those of the refinement; None before they are chosen.
        choice: How they were chosen; None where they were given.
        thresholded: After a test, the rows of the masks at the mask threshold.
        refined: After a test, the rows of the refined masks.
        regions: After a test, the regions of all images, sorted by the image's id.
        milliseconds: After a test, part of the work -> mean time for an image, without the images of each process's
            first batch where there are others, so that a validation before makes no difference.
    """

    def __init__(self, refiner: RegionRefiner, thresholds: Thresholds | None = None) -> None:
        self.refiner = refiner
        self.thresholds = thresholds
        self.choice: ThresholdChoice | None = None
        self.thresholded: Rows | None = None
        self.refined: Rows | None = None
        self.regions: list[Region] = []
        self.milliseconds: Mapping[str, float] = {}
        self._given = thresholds is not None
        self._tables: ThresholdRows | None = None
        self._metrics: tuple[ImageRows, ImageRows, TimeRows] | None = None
        self._found: dict[str, list[Region]] = {}
        self._timing = ExitStack()
        self._watch: Stopwatch | None = None

    def on_validation_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Reset, where thresholds are to be chosen; validations inside of a fit choose none."""
        chooses = not self._given and trainer.state.fn == TrainerFn.VALIDATING
        self._tables = ThresholdRows().to(pl_module.device) if chooses else None

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Batch,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Score each image of the batch at all thresholds."""
        if self._tables is None:
            return
        for row, (image_id, group) in enumerate(zip(batch["id"], batch["group"], strict=True)):
            image, probability = _native(trainer, batch, row, outputs)
            found, _ = self.refiner.classified(image, probability, MASK_GRID)
            truth = batch["native_mask"][row][0].bool().cpu().numpy()
            self._tables.update(image_id, group, found, truth)

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Choose the thresholds from the images of all processes."""
        if self._tables is not None:
            self.choice = self._tables.compute()
            self.thresholds = self.choice.thresholds
            self._tables = None

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Reset.

        Raises:
            ConfigError: If there are no thresholds, or nothing is segmented.
        """
        if self.thresholds is None:
            raise ConfigError(
                "Region refinement has no thresholds: give them, or run a validation before the test to choose them."
            )
        self.thresholded = self.refined = None
        self.regions, self.milliseconds, self._found = [], {}, {}
        device = pl_module.device
        thresholded, refined = (_image_rows(task_of(pl_module)).to(device) for _ in range(2))
        self._metrics = (thresholded, refined, TimeRows().to(device))

    def on_test_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Batch, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """Start timing the net."""
        self._watch = self._timing.enter_context(calls_timed(task_of(pl_module).net, pl_module.device))

    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Batch,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Refine each image of the batch, then score it."""
        self._timing.close()
        assert self.thresholds is not None
        assert self._metrics is not None
        assert self._watch is not None
        thresholded, refined, times = self._metrics
        share = self._watch.seconds / len(batch["id"])
        for row, (image_id, group) in enumerate(zip(batch["id"], batch["group"], strict=True)):
            result = self.refiner.refine(*_native(trainer, batch, row, outputs), self.thresholds)
            times.update(image_id, group, result, share, batch_idx == 0)
            self._found[image_id] = regions_of(image_id, result)
            _score(thresholded, batch, row, result.before)
            _score(refined, batch, row, result.after)

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Gather the rows of all processes."""
        assert self._metrics is not None
        thresholded, refined, times = self._metrics
        self.thresholded, self.refined = thresholded.compute(), refined.compute()
        self.milliseconds = mean_milliseconds(times.compute())
        found = _of_all_processes(self._found)
        self.regions = [region for image_id in sorted(found) for region in found[image_id]]
        self._metrics = None


def _image_rows(task: Task) -> ImageRows:
    """Create an empty metric for the rows of a segmentation.

    Raises:
        ConfigError: If the task is no segmentation.
    """
    rows = task.new_rows()
    if not isinstance(rows, ImageRows):
        raise ConfigError(
            f"Region refinement needs a segmentation task, which {type(task).__name__} isn't: leave it out."
        )
    return rows


def _of_all_processes(found: dict[str, list[Region]]) -> dict[str, list[Region]]:
    """Image -> regions, of the images of every process."""
    return {image_id: regions for part in from_all(found) for image_id, regions in part.items()}


def _native(trainer: Trainer, batch: Batch, row: int, outputs: Tensor) -> tuple[UInt8Array, Tensor]:
    """An image of a batch as its file has it, (h, w, 3), and its probability of foreground at that size, (h, w)."""
    image = data_of(trainer).native_image(batch["id"][row])
    probability = to_native_size(outputs[row], batch["to_native"][row], (image.shape[0], image.shape[1]))[0]
    return image, probability


def _score(rows: ImageRows, batch: Batch, row: int, mask: BoolArray) -> None:
    """Add an image's mask at native size, as `polybench score` would: that size counts as the network's."""
    prediction = torch.from_numpy(mask).to(batch["image"].device).float()[None, None]
    size = (mask.shape[0], mask.shape[1])
    labels = batch.get("native_labels")
    rows.update(
        prediction,
        [batch["native_mask"][row]],
        [batch["native_valid"][row]],
        resize_affine(size, size)[None],
        [batch["id"][row]],
        [batch["group"][row]],
        None if labels is None else [labels[row]],
    )
