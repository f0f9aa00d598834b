"""Scores of a folder of predictions: read each with its truth, and take the statistics of all protocols."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from polybench.core.errors import DataError
from polybench.core.wording import some
from polybench.data.progress import progress
from polybench.scoring.predictions import MapFolder
from polybench.scoring.truth import FAINTEST, THRESHOLD, Truth, refuse_mixture

if TYPE_CHECKING:  # they bring torch, which --help can do without
    from polybench.metrics.sufficient import Rows
    from polybench.scoring.folder import StoredMap


def refuse_coding(predictions: MapFolder, folder: Path) -> None:
    """Refuse predictions whose values can't be read in one way, before any is scored.

    Args:
        predictions: Those that are scored.
        folder: Where they lie.

    Raises:
        DataError: If it isn't known which value is 1, or they are masks, some of 0 and 1 and some of 0 and 255.
    """
    if predictions.range_problem is not None:
        raise DataError(predictions.range_problem)
    if set(predictions.kinds.values()) <= {"either", "ones", "full"}:  # masks; probabilities have other values too
        refuse_mixture(predictions, folder)


def coding_remarks(predictions: MapFolder, folder: Path, *, instances: bool) -> list[str]:
    """Say what looks like predictions that are coded otherwise than they are read.

    Args:
        predictions: The predictions that are scored.
        folder: Where they are.
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
        truth: What the predictions are compared with.
        predictions: The predictions.
        instances: Whether they are label maps.
        resize: Resize predictions of another size bilinearly; else they are an error.
        stored: Keep the further statistics of the per-image table.

    Returns:
        The rows, how many predictions were resized, and what a reader should know.

    Raises:
        DataError: If a file can't be read or has the wrong size.
    """
    from polybench.metrics import STORED
    from polybench.scoring.folder import stored_rows

    other_size: list[str] = []
    turned: list[str] = []
    peaks: list[float] = []

    def maps() -> "Iterator[StoredMap]":
        for image_id in progress(list(truth.groups), "Scoring"):
            item = stored_map(image_id, truth, predictions, instances=instances)
            peaks.append(float(item.probability.max()))
            if item.probability.shape != item.mask.shape:
                sizes = f"{_size(item.probability)}, not {_size(item.mask)}"
                other_size.append(f"'{predictions.paths[image_id]}' ({sizes})")
                if item.probability.shape == item.mask.shape[::-1]:
                    turned.append(str(predictions.paths[image_id]))
                if not resize:
                    continue
            yield item
        if other_size and not resize:
            raise DataError(
                f"{len(other_size)} prediction(s) have another size than their mask: {some(other_size)}. Save them at "
                "that size, or give --resize to resize them bilinearly."
            )

    rows = stored_rows(maps(), truth.protocols, STORED if stored else ())
    remarks = [f"{len(turned)} prediction(s) have height and width swapped: {some(turned)}"] if turned else []
    if 0 < max(peaks) < FAINTEST and predictions.numbered is None:
        remarks.append(
            f"no prediction is above {max(peaks):.2g} of its type's range; labels must be 0 and 1 alone, or 0 and 255 "
            "(label maps of objects go with --instances both)"
        )
    elif max(peaks) < THRESHOLD:
        remarks.append(f"no prediction reaches {THRESHOLD} anywhere; the highest value is {max(peaks):.3f}")
    return rows, len(other_size), remarks


def stored_map(image_id: str, truth: Truth, predictions: MapFolder, *, instances: bool) -> "StoredMap":
    """Read an image's truth and its prediction, an empty one of the mask's size where there is none.

    Args:
        image_id: The image.
        truth: What it is compared with.
        predictions: Image id -> prediction.
        instances: Whether these are label maps.
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
