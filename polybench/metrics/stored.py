"""Statistics that the per-image table stores for later use: calibration, outline distances, object sizes.

Calibration errors, reliability diagrams, normalised surface distance at a tolerance and strata by object size can be
computed from these columns of any record without a new test. All are measured at native size inside the field of view.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from polybench.metrics.bands import sum_in_place
from polybench.metrics.measures.boundary import Surfaces
from polybench.metrics.measures.labels import Counts, Mask
from polybench.metrics.prepare import STEPS

BINS = 10
"""Bins of the foreground probability: [0, 0.1), [0.1, 0.2), ..., [0.9, 1]. They are symmetric about one half, so
that bins of the confidence of the predicted class, from 0.5 to 1, follow from them."""
TOLERANCES = (1, 2, 5)
"""Tolerances of the surface overlap, in pixels."""

SIZES = ("predicted_pixels", "true_pixels", "true_objects", "largest_object")

STORED = ("calibration", "surface", "size")
"""Names of the columns in `polybench.metrics.sufficient.COLUMNS`."""

OF_CANDIDATES = ("positive", "lesion", "lesions", "candidate")
"""Columns of candidates that the table stores as whole numbers, beside their score."""

VERSIONS = {"calibration": 1, "surface": 1, "size": 1, "candidates": 1}
"""Version of each column, part of its name in the table; increased when its content changes."""


def calibration_sums(bands: Iterable[tuple[Tensor, Tensor, Tensor]]) -> Tensor:
    """Compute the sums for a reliability diagram and the Brier score.

    Args:
        bands: Parts of an image, at least one: foreground probability, float64, in multiples of 1 / STEPS; truth,
            boolean; field of view, boolean; all three (h, w).

    Returns:
        For each of `BINS` bins its pixels, the sum of their probabilities and its foreground pixels; then the Brier
        score, the mean squared difference of probability and truth, 0 without any pixel: float64, (3 * BINS + 1,).

    Example:
        >>> probability = torch.tensor([[0.75, 0.25]], dtype=torch.float64)
        >>> mask, valid = torch.tensor([[True, False]]), torch.tensor([[True, True]])
        >>> float(calibration_sums([(probability, mask, valid)])[-1])  # Brier score
        0.0625
    """
    sums = sum_in_place(_calibration_sums(*band) for band in bands)
    counted, squares = sums[:-1].view(2, 2, BINS), sums[-1]
    (false, true), (of_false, of_true) = counted
    squares = squares - 2 * of_true.sum() / STEPS + true.sum()
    brier = squares / (false + true).sum().clamp(min=1)
    return torch.cat([false + true, (of_false + of_true) / STEPS, true, brier[None]])


def _calibration_sums(probability: Tensor, mask: Tensor, valid: Tensor) -> Tensor:
    """Compute pixels and probabilities (in units of 1 / STEPS) by bin and class, and squared errors, of a part."""
    if not bool(valid.all()):
        probability, mask = probability[valid], mask[valid]
    bins = (probability * BINS).to(torch.int16).clamp_(max=BINS - 1).add_(mask.view(torch.uint8), alpha=BINS)
    steps = (probability * STEPS).round_()  # whole numbers have exact sums
    both = [torch.bincount(bins.reshape(-1), weights, minlength=2 * BINS) for weights in (None, steps.reshape(-1))]
    return torch.cat([*(counted.double() for counted in both), probability.square().sum()[None]])


def surface_overlaps(surfaces: Surfaces) -> npt.NDArray[np.int64]:
    """Count the pixels of both outlines within each tolerance of the other outline.

    Normalised surface distance (Nikolov et al., JMIR 2021) at a tolerance is the sum of both counts over the pixels of
    both outlines; it is 1 by convention where there are none.

    Returns:
        Pixels of the predicted and of the true outline, then of each of `TOLERANCES` pixels of the predicted outline
        near the true one, and of the true one near the predicted one, (2 + 2 * len(TOLERANCES),).

    Example:
        >>> surfaces = Surfaces(prediction=np.array([0.0]), truth=np.array([0.0, 1.0, 2.0]))
        >>> surface_overlaps(surfaces)[:4].tolist()  # pixels of both outlines, and those within 1 pixel of the other
        [1, 3, 1, 2]
    """
    pixels = [len(distances) for distances in surfaces]
    near = [int((distances <= tolerance).sum()) for tolerance in TOLERANCES for distances in surfaces]
    return np.array(pixels + near, dtype=np.int64)


def object_sizes(prediction: Mask, areas: Counts) -> Counts:
    """Compute the sizes of the objects of an image.

    Args:
        prediction: Mask (H, W).
        areas: Pixels of each true object, the connected components of the true mask, (n,).

    Returns:
        Predicted pixels, true pixels, true objects, and pixels of the largest of them, (4,).

    Example:
        >>> object_sizes(np.array([[True, True, False]]), np.array([3, 1])).tolist()
        [2, 4, 2, 3]
    """
    sizes = [np.count_nonzero(prediction), areas.sum(), len(areas), areas.max(initial=0)]
    return np.array(sizes, dtype=np.int64)


def stored_columns(columns: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
    """Return the columns of the per-image table for the stored statistics among the columns of rows.

    Args:
        columns: The columns of rows, see `polybench.metrics.sufficient.Rows`.

    Returns:
        `<statistic>@<version>/<name>` -> values (n,).
    """
    return {f"{name}@{VERSIONS[name]}/{part}": values for name, part, values in _named(columns)}


def _named(columns: Mapping[str, npt.NDArray[Any]]) -> Iterator[tuple[str, str, npt.NDArray[Any]]]:
    """Yield statistic, name of the part, and values (n,)."""
    if "calibration" in columns:
        sums = columns["calibration"]
        for place in range(BINS):
            yield "calibration", f"pixels_{place}", sums[:, place].astype(np.int64)
            yield "calibration", f"probability_{place}", sums[:, BINS + place]
            yield "calibration", f"positives_{place}", sums[:, 2 * BINS + place].astype(np.int64)
        yield "calibration", "brier", sums[:, 3 * BINS]
    if "surface" in columns:
        yield from (
            ("surface", name, values) for name, values in zip(surface_names(), columns["surface"].T, strict=True)
        )
    if "size" in columns:
        yield from (("size", name, values) for name, values in zip(SIZES, columns["size"].T, strict=True))
    if "lesion" in columns:
        yield "candidates", "score", columns["score"]
        yield from (("candidates", name, columns[name].astype(np.int64)) for name in OF_CANDIDATES)
    elif "score" in columns:
        yield "calibration", "probability", columns["score"]
        yield "calibration", "positive", columns["positive"].astype(np.int64)


def surface_names() -> Sequence[str]:
    """Return the names of the parts of `surface_overlaps`."""
    near = [f"{which}_near_{tolerance}" for tolerance in TOLERANCES for which in ("predicted", "true")]
    return ["predicted_pixels", "true_pixels", *near]
