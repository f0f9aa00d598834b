"""Scores of a folder of predictions: read each with its truth, and compute the statistics of all protocols."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from polybench.core.errors import DataError
from polybench.core.wording import some
from polybench.data.progress import progress
from polybench.scoring.predictions import MapFolder
from polybench.scoring.truth import THRESHOLD, Truth, refuse_mixture

if TYPE_CHECKING:  # imports torch, which --help doesn't need
    from polybench.metrics.sufficient import Rows
    from polybench.scoring.folder import StoredMap

FAINTEST = 0.1
"""Predictions with a lower maximum are labels such as 2, or bytes in a wider type."""


def refuse_coding(predictions: MapFolder, folder: Path) -> None:
    """Refuse predictions with an inconsistent coding, before any is scored.

    Args:
        predictions: The predictions.
        folder: Their folder.

    Raises:
        DataError: If the value of 1 is unknown, or masks of 0 and 1 are mixed with masks of 0 and 255.
    """
    if predictions.range_problem is not None:
        raise DataError(predictions.range_problem)
    if set(predictions.kinds.values()) <= {"either", "ones", "full"}:  # masks; probabilities have other values too
        refuse_mixture(predictions, folder)


def coding_remarks(predictions: MapFolder, folder: Path, *, instances: bool) -> list[str]:
    """Return remarks on predictions that seem to have another coding than they are read with.

    Args:
        predictions: The predictions.
        folder: Their folder.
        instances: Whether they are label maps.
    """
    found: list[str] = []
    if instances:
        return found
    if predictions.numbered is not None:
        found.append(
            f"predictions such as '{predictions.paths[predictions.numbered]}' look like label maps but are read as "
            "faint probabilities: where they number objects, give --instances both, else save 0 and 255"
        )
    if predictions.mixture is not None:
        found.append(
            f"'{folder}' mixes {predictions.mixture}; all are read as parts of their type's range, in which 1 "
            "is background: code all of them in one way"
        )
    return found


def score(
    truth: Truth, predictions: MapFolder, *, instances: bool, resize: bool, stored: bool
) -> "tuple[Rows, int, list[str]]":
    """Compute the statistics of all images.

    Args:
        truth: The truth.
        predictions: The predictions.
        instances: Whether they are label maps.
        resize: Resize predictions of another size bilinearly; else they are an error.
        stored: Keep the further statistics of the per-image table.

    Returns:
        The rows, the number of resized predictions, and remarks for readers.

    Raises:
        DataError: If a file can't be read or has the wrong size.
    """
    from polybench.metrics import STORED
    from polybench.scoring.folder import stored_rows

    reading = _Reading(truth, predictions, instances, resize)
    rows = stored_rows(reading.maps(), truth.protocols, STORED if stored else ())
    return rows, len(reading.other_size), reading.remarks()


@dataclass
class _Reading:
    """Reading of predictions with their truth, and observations on their sizes and values."""

    truth: Truth
    predictions: MapFolder
    instances: bool
    resize: bool
    other_size: list[str] = field(default_factory=list)
    turned: list[str] = field(default_factory=list)
    peaks: list[float] = field(default_factory=list)

    def maps(self) -> "Iterator[StoredMap]":
        """Yield each prediction with its truth.

        Raises:
            DataError: If a file can't be read, or predictions have another size and may not be resized.
        """
        for image_id in progress(list(self.truth.groups), "Scoring"):
            item = stored_map(image_id, self.truth, self.predictions, instances=self.instances)
            self.peaks.append(float(item.probability.max()))
            if item.probability.shape != item.mask.shape:
                sizes = f"{_size(item.probability)}, not {_size(item.mask)}"
                self.other_size.append(f"'{self.predictions.paths[image_id]}' ({sizes})")
                if item.probability.shape == item.mask.shape[::-1]:
                    self.turned.append(str(self.predictions.paths[image_id]))
                if not self.resize:
                    continue
            yield item
        if self.other_size and not self.resize:
            raise DataError(
                f"{len(self.other_size)} prediction(s) have another size than their mask: {some(self.other_size)}. "
                "Save them at that size, or give --resize to resize them bilinearly."
            )

    def remarks(self) -> list[str]:
        """Return remarks on swapped sides and on faint predictions."""
        turned, peak = self.turned, max(self.peaks)
        remarks = [f"{len(turned)} prediction(s) have height and width swapped: {some(turned)}"] if turned else []
        if 0 < peak < FAINTEST and self.predictions.numbered is None:
            remarks.append(
                f"no prediction is above {peak:.2g} of its type's range; labels must be 0 and 1 alone, or 0 and 255 "
                "(label maps of objects go with --instances both)"
            )
        elif peak < THRESHOLD:
            remarks.append(f"no prediction reaches {THRESHOLD} anywhere; the highest value is {peak:.3f}")
        return remarks


def stored_map(image_id: str, truth: Truth, predictions: MapFolder, *, instances: bool) -> "StoredMap":
    """Read an image's truth and prediction; a missing prediction is empty.

    Args:
        image_id: Id of the image.
        truth: The truth.
        predictions: The predictions.
        instances: Whether they are label maps.
    """
    from polybench.scoring.folder import StoredMap

    mask, valid, labels = truth.read(image_id)
    probability, predicted = np.zeros(mask.shape, np.float32), np.zeros(mask.shape, np.int32)
    if image_id in predictions.paths and instances:
        predicted = predictions.read_instances(image_id)
        probability = (predicted > 0).astype(np.float32)
    elif image_id in predictions.paths:
        probability = predictions.read(image_id)
    group = truth.groups[image_id]
    return StoredMap(image_id, group, probability, mask, valid, labels, predicted if instances else None)


def _size(image: "npt.NDArray[np.generic]") -> str:
    return f"{image.shape[1]}x{image.shape[0]}"
