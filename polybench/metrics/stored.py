"""What the per-image table holds for later numbers: calibration, distances of the outlines, sizes of the objects.

They belong to no protocol yet. Calibration errors, reliability diagrams, normalised surface distance at a tolerance and
strata by object size follow from these columns of any record, without testing again. All are of the image at native
size, inside its field of view.
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
"""Bins of the foreground probability: [0, 0.1), [0.1, 0.2), ..., [0.9, 1]. They lie symmetrically about one half, so
that bins of the confidence of the class that was predicted, from 0.5 to 1, follow from them."""
TOLERANCES = (1, 2, 5)
"""In pixels."""

SIZES = ("predicted_pixels", "true_pixels", "true_objects", "largest_object")

STORED = ("calibration", "surface", "size")
"""The columns' names in `polybench.metrics.sufficient.COLUMNS`."""

VERSIONS = {"calibration": 1, "surface": 1, "size": 1}
"""Raised when what a column holds changes; part of its name in the table."""


def calibration_sums(bands: Iterable[tuple[Tensor, Tensor, Tensor]]) -> Tensor:
    """Sum up what a reliability diagram and the Brier score need.

    Args:
        bands: Parts of an image, at least one: foreground probability, float64, in multiples of 1 / STEPS; truth,
            boolean; field of view, boolean; all three (h, w).

    Returns:
        For each of `BINS` bins its pixels, the sum of their probabilities and its true pixels; then the Brier score,
        the mean squared difference of probability and truth, 0 without any pixel: float64, (3 * BINS + 1,).
    """
    sums = sum_in_place(_calibration_sums(*band) for band in bands)
    counted, squares = sums[:-1].view(2, 2, BINS), sums[-1]
    (false, true), (of_false, of_true) = counted
    squares = squares - 2 * of_true.sum() / STEPS + true.sum()
    brier = squares / (false + true).sum().clamp(min=1)
    return torch.cat([false + true, (of_false + of_true) / STEPS, true, brier[None]])


def _calibration_sums(probability: Tensor, mask: Tensor, valid: Tensor) -> Tensor:
    """Of a part of an image: pixels, then probabilities in units of 1 / STEPS, of each bin, false and true; squares."""
    if not bool(valid.all()):
        probability, mask = probability[valid], mask[valid]
    bins = (probability * BINS).to(torch.int16).clamp_(max=BINS - 1).add_(mask.view(torch.uint8), alpha=BINS)
    steps = (probability * STEPS).round_()  # whole numbers, whose sums are exact
    both = [torch.bincount(bins.reshape(-1), weights, minlength=2 * BINS) for weights in (None, steps.reshape(-1))]
    return torch.cat([*(counted.double() for counted in both), probability.square().sum()[None]])


def surface_overlaps(surfaces: Surfaces) -> npt.NDArray[np.int64]:
    """How much of both outlines lies within each tolerance of the other.

    Normalised surface distance (Nikolov et al., JMIR 2021) at a tolerance is the sum of both counts over the pixels of
    both outlines; it is 1 by convention where there are none.

    Returns:
        Pixels of the predicted and of the true outline, then of each of `TOLERANCES` pixels of the predicted outline
        near the true one, and of the true one near the predicted one, (2 + 2 * len(TOLERANCES),).
    """
    pixels = [len(distances) for distances in surfaces]
    near = [int((distances <= tolerance).sum()) for tolerance in TOLERANCES for distances in surfaces]
    return np.array(pixels + near, dtype=np.int64)


def object_sizes(prediction: Mask, areas: Counts) -> Counts:
    """Measure the objects of an image.

    Args:
        prediction: Mask (H, W).
        areas: Pixels of each true object, the connected components of the true mask, (n,).

    Returns:
        Predicted pixels, true pixels, true objects, and pixels of the largest of them, (4,).
    """
    sizes = [np.count_nonzero(prediction), areas.sum(), len(areas), areas.max(initial=0)]
    return np.array(sizes, dtype=np.int64)


def stored_columns(columns: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
    """Columns of the per-image table for those statistics that rows have.

    Args:
        columns: The columns of rows, see `polybench.metrics.sufficient.Rows`.

    Returns:
        `<statistic>@<version>/<name>` -> values (n,).
    """
    return {f"{name}@{VERSIONS[name]}/{part}": values for name, part, values in _named(columns)}


def _named(columns: Mapping[str, npt.NDArray[Any]]) -> Iterator[tuple[str, str, npt.NDArray[Any]]]:
    """Statistic, name of the part, values (n,)."""
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
    if "score" in columns:
        yield "calibration", "probability", columns["score"]
        yield "calibration", "positive", columns["positive"].astype(np.int64)


def surface_names() -> Sequence[str]:
    """Names of the parts of `surface_overlaps`."""
    near = [f"{which}_near_{tolerance}" for tolerance in TOLERANCES for which in ("predicted", "true")]
    return ["predicted_pixels", "true_pixels", *near]
