"""Predictions of a test at native size: what a method makes of them, and the rows and the table of the result."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch
from lightning.pytorch import Trainer
from torch import Tensor

from polybench.core.errors import ConfigError
from polybench.core.processes import from_all
from polybench.data.images import UInt8Array
from polybench.data.sample import Batch
from polybench.metrics import ImageRows
from polybench.metrics.prepare import resize_affine, to_native_size
from polybench.tasks.base import Task, data_of

Found = TypeVar("Found")


def image_rows(task: Task, method: str) -> ImageRows:
    """Create an empty metric for the rows of a segmentation.

    Args:
        task: The task.
        method: What the rows are for, at the start of a sentence.

    Raises:
        ConfigError: If the task is no segmentation.
    """
    rows = task.new_rows()
    if not isinstance(rows, ImageRows):
        raise ConfigError(f"{method} needs a segmentation task, which {type(task).__name__} isn't: leave it out.")
    return rows


def native_map(trainer: Trainer, batch: Batch, row: int, outputs: Tensor) -> tuple[UInt8Array, Tensor]:
    """Return an image of a batch as its file has it, (h, w, 3), and its foreground probability at that size, (h, w).

    Args:
        trainer: Gives the data.
        batch: The batch.
        row: The image's place in it.
        outputs: Probabilities of the batch at the network's size, (N, 1, H, W).
    """
    image = data_of(trainer).native_image(batch["id"][row])
    probability = to_native_size(outputs[row], batch["to_native"][row], (image.shape[0], image.shape[1]))[0]
    return image, probability


def add_native(rows: ImageRows, batch: Batch, row: int, found: npt.NDArray[np.bool_] | npt.NDArray[np.float64]) -> None:
    """Add an image's mask or probability at native size, as `polybench score` would: it counts as the network's size.

    Args:
        rows: The rows.
        batch: The batch of the image.
        row: The image's place in it.
        found: Its mask or probability, (h, w).
    """
    prediction = torch.from_numpy(found).to(batch["image"].device).float()[None, None]
    size = (found.shape[0], found.shape[1])
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


def of_all_processes(found: dict[str, Found]) -> dict[str, Found]:
    """Gather what each process found for its images: id -> what was found."""
    return {image_id: one for part in from_all(found) for image_id, one in part.items()}


def as_csv(rows: Iterable[Sequence[object]], columns: Sequence[str]) -> str:
    """Write a table as CSV; bytes of a file's name that are no UTF-8 are written as escapes."""
    import pandas as pd  # imported when needed, so that fits start sooner

    table = pd.DataFrame(list(rows), columns=list(columns))
    text = table.to_csv(index=False, float_format="%.6g", lineterminator="\n")
    return text.encode(errors="backslashreplace").decode()
