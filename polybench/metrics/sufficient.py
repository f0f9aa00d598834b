"""Sufficient statistics: a few KB per image from which the numbers of every protocol are computed.

Each column is computed from one prepared image as a tensor of fixed shape, so that the columns of all images can be
stacked, gathered from all processes and cut to one row per image.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from polybench.metrics.bands import Part, sum_in_place
from polybench.metrics.measures.boundary import boundary_iou, scores_of
from polybench.metrics.measures.histograms import LEVELS, histograms
from polybench.metrics.measures.instances import InstanceCounts, instance_counts
from polybench.metrics.measures.labels import LabelMap, components
from polybench.metrics.measures.membranes import THRESHOLDS, MembraneScores, sweep_of
from polybench.metrics.measures.objects import match_objects
from polybench.metrics.measures.structure import structure_scores
from polybench.metrics.measures.weighted_f import weighted_f
from polybench.metrics.prepare import STEPS, Prepared, rounded_to_steps, sum_of
from polybench.metrics.stored import (
    BINS,
    SIZES,
    calibration_sums,
    object_sizes,
    surface_names,
    surface_overlaps,
)

Counts = npt.NDArray[np.int64]
"""True positives, false positives, false negatives and true negatives of each image, (n, 4)."""

KERAS_LEVELS = (51, 128)
"""The thresholds 0.2 and 0.5 as 8-bit levels: the first levels that aren't below."""

ROUNDED = 2.0**30
"""Values are rounded to multiples of 1 / ROUNDED, about 1e-9, since the last bits of floating-point sums differ between
processes with the alignment of the data in memory."""

NAME_BYTES = 192
"""Bytes for an id and its group; a group equal to its id needs none."""
ROW_BYTES = 10 * 1024
"""Largest size of the row of one image, in bytes."""


class Column(NamedTuple):
    """A statistic of one image: its shape, its type and its function."""

    shape: tuple[int, ...]
    dtype: torch.dtype
    compute: Callable[[Prepared], Tensor]


class Rows(NamedTuple):
    """One row per image, sorted by id.

    Attributes:
        ids: Image ids.
        groups: The group of each image.
        columns: Name in `COLUMNS` -> array (n, ...) of integers or float64, for the requested columns.
    """

    ids: list[str]
    groups: list[str]
    columns: Mapping[str, npt.NDArray[Any]]

    def integers(self, name: str) -> npt.NDArray[np.int64]:
        """Return a column as int64."""
        return self.columns[name].astype(np.int64, copy=False)

    def numbers(self, name: str) -> npt.NDArray[np.float64]:
        """Return a column as float64."""
        return self.columns[name].astype(np.float64, copy=False)


def confusion_counts(prediction: Tensor, mask: Tensor, valid: Tensor) -> Tensor:
    """Count true positives, false positives, false negatives and true negatives where `valid`.

    Args:
        prediction: Boolean map of any shape.
        mask: Boolean map of that shape.
        valid: Boolean map of that shape.

    Returns:
        Four int64 counts, (4,).

    Example:
        >>> prediction, mask = torch.tensor([True, True, False, False]), torch.tensor([True, False, True, False])
        >>> confusion_counts(prediction, mask, valid=torch.tensor([True, True, True, False])).tolist()
        [1, 1, 1, 0]
    """
    predicted, true = prediction & valid, mask & valid
    tp, p, t, n = (torch.count_nonzero(part) for part in (predicted & true, predicted, true, valid))
    return torch.stack([tp, p - tp, t - tp, n - p - t + tp])


def _counts_in_view(image: Prepared) -> Tensor:
    bands = image.bands()
    return sum_in_place(confusion_counts(image.foreground[rows], image.mask[rows], image.valid[rows]) for rows in bands)


def _counts(image: Prepared) -> Tensor:
    return sum_in_place(_confusion(image.foreground[rows], image.mask[rows]) for rows in image.bands())


def _confusion(prediction: Tensor, mask: Tensor) -> Tensor:
    return confusion_counts(prediction, mask, torch.ones_like(mask))


def _counts_eight_bit(image: Prepared) -> Tensor:
    bands = ((image.eight_bit(rows), image.mask[rows]) for rows in image.bands())
    return sum_of([_confusion(levels >= level, mask) for level in KERAS_LEVELS] for levels, mask in bands)


def _counts_network(image: Prepared) -> Tensor:
    bands, truth = image.network_bands(), image.network_mask
    return sum_in_place(_confusion(image.network_steps(rows) > STEPS // 2, truth[rows]) for rows in bands)


def _soft_sums(image: Prepared) -> Tensor:
    bands = ((image.network_steps(rows), image.network_mask[rows]) for rows in image.network_bands())
    return sum_of([(steps * truth).sum(), steps.sum(), STEPS * truth.sum()] for steps, truth in bands)


def _histograms(image: Prepared) -> Tensor:
    if image.all_valid:
        return image.histograms
    return sum_of(histograms(image.native(rows), image.mask[rows], image.valid[rows]) for rows in image.bands())


def _histograms_everywhere(image: Prepared) -> Tensor:
    return image.histograms


def _network_histograms(image: Prepared) -> Tensor:
    bands, truth = image.network_bands(), image.network_mask
    return sum_of(histograms(rounded_to_steps(image.network[rows]), truth[rows]) for rows in bands)


def _stretched_histograms(image: Prepared) -> Tensor:
    return sum_of(histograms(image.stretched(rows), image.mask[rows]) for rows in image.bands())


def _structure(image: Prepared) -> Tensor:
    return _structure_of(image.stretched, image.mask)


def _structure_as_is(image: Prepared) -> Tensor:
    return _structure_of(image.native, image.mask)


def _structure_of(probability: Part, mask: Tensor) -> Tensor:
    structure, error = structure_scores(probability, mask)
    weighted = weighted_f(probability, mask)
    return _rounded(torch.stack([weighted.new_tensor(structure), weighted, weighted.new_tensor(error)]))


def _boundary(image: Prepared) -> Tensor:
    prediction, truth = image.in_view
    scores = [*scores_of(image.surfaces, image.native_size), boundary_iou(prediction, truth)]
    return _rounded(torch.tensor(scores, dtype=torch.float64))


def _objects(image: Prepared) -> Tensor:
    predicted, true = image.objects
    return torch.tensor(match_objects(predicted.boxes, true.boxes))


def _instances(image: Prepared) -> Tensor:
    if image.labels is None:
        raise ValueError("Instances need a label map of the truth, which this image lacks.")
    found = image.predicted_labels
    predicted = components(image.in_view[0], 8) if found is None else _in_view(image, found)
    return _rounded(torch.tensor(instance_counts(predicted, _in_view(image, image.labels)), dtype=torch.float64))


def _in_view(image: Prepared, labels: Tensor) -> LabelMap:
    seen: LabelMap = (labels if image.all_valid else labels * image.valid).cpu().numpy()
    return seen


def _membranes(image: Prepared) -> Tensor:
    interior = image.mask.cpu().numpy()
    return _rounded(torch.from_numpy(sweep_of((image.above(limit) for limit in THRESHOLDS), interior)))


def _calibration(image: Prepared) -> Tensor:
    bands = ((image.native(rows), image.mask[rows], image.valid[rows]) for rows in image.bands())
    return _rounded(calibration_sums(bands))


def _surface(image: Prepared) -> Tensor:
    return torch.from_numpy(surface_overlaps(image.surfaces))


def _size(image: Prepared) -> Tensor:
    return torch.from_numpy(object_sizes(image.in_view[0], image.objects[1].areas))


def _rounded(values: Tensor) -> Tensor:
    return torch.round(values * ROUNDED) / ROUNDED


COLUMNS: Mapping[str, Column] = {
    "counts": Column((4,), torch.int64, _counts),
    "counts_in_view": Column((4,), torch.int64, _counts_in_view),
    "counts_eight_bit": Column((2, 4), torch.int64, _counts_eight_bit),
    "counts_network": Column((4,), torch.int64, _counts_network),
    "soft_sums": Column((3,), torch.int64, _soft_sums),
    "histograms": Column((2, LEVELS), torch.int32, _histograms),
    "histograms_everywhere": Column((2, LEVELS), torch.int32, _histograms_everywhere),
    "network_histograms": Column((2, LEVELS), torch.int32, _network_histograms),
    "stretched_histograms": Column((2, LEVELS), torch.int32, _stretched_histograms),
    "structure": Column((3,), torch.float64, _structure),
    "structure_as_is": Column((3,), torch.float64, _structure_as_is),
    "boundary": Column((3,), torch.float64, _boundary),
    "objects": Column((3,), torch.int64, _objects),
    "instances": Column((len(InstanceCounts._fields),), torch.float64, _instances),
    "membranes": Column((len(THRESHOLDS), len(MembraneScores._fields)), torch.float64, _membranes),
    "calibration": Column((3 * BINS + 1,), torch.float64, _calibration),
    "surface": Column((len(surface_names()),), torch.int64, _surface),
    "size": Column((len(SIZES),), torch.int64, _size),
}
"""Statistics by name.

Confusion counts at native size at 0.5 over all pixels, the same inside the field of view, at native size from 8 bits
over all pixels (at 0.2 and at 0.5), and at network size above 0.5; sums of probability times mask, of probability and
of mask at network size, in units of 1 / STEPS; histograms of 256 levels of the pixels of the object and of the others,
inside the field of view at native size, of all pixels there, of all pixels at network size and, of the map stretched by
min-max, of all pixels at native size; S-measure, weighted F-measure and mean absolute error of the stretched map, and
of the map as it is; HD95, average surface distance and boundary IoU at native size at 0.5 inside the field of view;
true positives, false positives and false negatives of the objects there; the counts of the instances there; V_rand and
V_info with their parts at native size at 11 thresholds; and the statistics of `polybench.metrics.stored`.
"""


def statistics(image: Prepared, names: Iterable[str]) -> dict[str, Tensor]:
    """Compute columns of one image.

    Args:
        image: The image.
        names: Names of the columns.

    Returns:
        Name -> tensor of the column's shape and type, on the image's device.
    """
    found = {name: COLUMNS[name].compute(image) for name in names}
    device = image.mask.device
    return {name: value.to(device, COLUMNS[name].dtype).reshape(COLUMNS[name].shape) for name, value in found.items()}


def row_bytes(names: Iterable[str]) -> int:
    """Compute the bytes of the row of one image, including its name."""
    columns = [COLUMNS[name] for name in names]
    return NAME_BYTES + sum(column.dtype.itemsize * int(np.prod(column.shape)) for column in columns)
