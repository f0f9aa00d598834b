"""Label maps: the connected components of a mask, and where the segments of two maps overlap."""

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from polybench.metrics.bands import bands

Mask = npt.NDArray[np.bool_]
"""A binary map (H, W)."""

LabelMap = npt.NDArray[np.signedinteger[Any]]
"""Segments numbered from 1, (H, W); 0 is background."""

Counts = npt.NDArray[np.int64]


class Overlaps(NamedTuple):
    """The pairs of a true and a predicted segment that share pixels, and the areas of all segments.

    Segments are counted from 0 in ascending order of their labels, background left out.

    Attributes:
        truth: The true segment of each pair, (k,).
        prediction: The predicted segment of each pair, (k,).
        pixels: The pixels each pair shares, (k,).
        truth_areas: Pixels of each true segment, (T,).
        prediction_areas: Pixels of each predicted segment, (P,).
    """

    truth: npt.NDArray[np.int64]
    prediction: npt.NDArray[np.int64]
    pixels: npt.NDArray[np.int64]
    truth_areas: npt.NDArray[np.int64]
    prediction_areas: npt.NDArray[np.int64]

    def iou(self) -> npt.NDArray[np.float64]:
        """Intersection over union of each pair, (k,)."""
        values: npt.NDArray[np.float64] = self.pixels / self.unions()
        return values

    def unions(self) -> npt.NDArray[np.int64]:
        """Pixels of the union of each pair, (k,)."""
        return self.truth_areas[self.truth] + self.prediction_areas[self.prediction] - self.pixels


def components(mask: Mask, neighbours: Literal[4, 8]) -> LabelMap:
    """Number the connected components of a mask from 1.

    Args:
        mask: Binary map (H, W).
        neighbours: 4 joins pixels that share an edge, 8 also those that share a corner.
    """
    structure = ndimage.generate_binary_structure(2, 1 if neighbours == 4 else 2)
    labels: LabelMap = ndimage.label(mask, structure)[0]
    return labels


def window(mask: Mask) -> tuple[slice, slice]:
    """Rows and columns of the smallest rectangle that holds all pixels of a mask (H, W), which is not empty."""
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


class Objects(NamedTuple):
    """Where the segments of a label map that are numbered from 1 lie.

    Attributes:
        boxes: First and one past the last row, then column, of each, (4, n).
        areas: Pixels of each, (n,).
    """

    boxes: Counts
    areas: Counts


def objects_of(labels: LabelMap) -> Objects:
    """Measure the segments of a label map (H, W) that are numbered from 1 without a gap."""
    boxes = [(rows.start, rows.stop, columns.start, columns.stop) for rows, columns in ndimage.find_objects(labels)]
    return Objects(np.array(boxes, dtype=np.int64).reshape(-1, 4).T, pixels_of(labels)[1:])


def pixels_of(labels: LabelMap) -> Counts:
    """Count the pixels of each label from 0 to the highest."""
    counts = np.zeros(int(labels.max(initial=0)) + 1, np.int64)
    for rows in _bands(labels):
        found = np.bincount(labels[rows].ravel())
        counts[: len(found)] += found
    return counts


def overlaps(prediction: LabelMap, truth: LabelMap) -> Overlaps:
    """List the overlapping pairs of segments of two label maps.

    Args:
        prediction: Predicted segments (H, W); labels need not be consecutive.
        truth: True segments (H, W), likewise.
    """
    (true_place, truth_areas), (predicted_place, prediction_areas) = _segments(truth), _segments(prediction)
    width = max(len(prediction_areas), 1)
    found = []
    for rows in _bands(truth):
        true, predicted = true_place[truth[rows]], predicted_place[prediction[rows]]
        both = (true >= 0) & (predicted >= 0)
        found.append(np.unique(true[both] * width + predicted[both], return_counts=True))
    pairs, place = np.unique(np.concatenate([one for one, _ in found]), return_inverse=True)
    pixels = np.zeros(len(pairs), np.int64)
    np.add.at(pixels, place.reshape(-1), np.concatenate([counts for _, counts in found]))
    return Overlaps(pairs // width, pairs % width, pixels, truth_areas, prediction_areas)


def _segments(labels: LabelMap) -> tuple[Counts, Counts]:
    """The segment of each label, -1 for background and for labels that no pixel has, and the area of each segment."""
    areas = pixels_of(labels)
    areas[:1] = 0
    names = np.flatnonzero(areas)
    position = np.full(len(areas), -1)
    position[names] = np.arange(len(names))
    return position, areas[names]


def _bands(labels: LabelMap) -> Iterator[slice]:
    return bands((labels.shape[0], labels.shape[1]))
