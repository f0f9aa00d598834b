"""Label maps: connected components of a mask, and overlaps of the segments of two maps."""

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
    """Overlapping pairs of true and predicted segments, and the areas of all segments.

    Segments are numbered from 0 in ascending order of their labels, without background.

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
        """Compute the intersection over union of each pair, (k,)."""
        values: npt.NDArray[np.float64] = self.pixels / self.unions()
        return values

    def unions(self) -> npt.NDArray[np.int64]:
        """Compute the pixels of the union of each pair, (k,)."""
        return self.truth_areas[self.truth] + self.prediction_areas[self.prediction] - self.pixels


def components(mask: Mask, neighbours: Literal[4, 8]) -> LabelMap:
    """Number the connected components of a mask from 1.

    Args:
        mask: Binary map (H, W).
        neighbours: 4 joins pixels that share an edge, 8 also those that share a corner.

    Example:
        >>> mask = np.array([[True, False], [False, True]])
        >>> components(mask, 4).tolist(), components(mask, 8).tolist()
        ([[1, 0], [0, 2]], [[1, 0], [0, 1]])
    """
    structure = ndimage.generate_binary_structure(2, 1 if neighbours == 4 else 2)
    labels: LabelMap = ndimage.label(mask, structure)[0]
    return labels


def window(mask: Mask) -> tuple[slice, slice]:
    """Find the rows and columns of the bounding box of a mask (H, W) that isn't empty.

    Example:
        >>> window(np.array([[False, False, False], [False, True, True]]))
        (slice(1, 2, None), slice(1, 3, None))
    """
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


class Objects(NamedTuple):
    """Boxes and areas of the segments of a label map.

    Attributes:
        boxes: First row, last row + 1, first column, last column + 1 of each segment, (4, n).
        areas: Pixels of each segment, (n,).
    """

    boxes: Counts
    areas: Counts


def objects_of(labels: LabelMap) -> Objects:
    """Compute boxes and areas of a label map (H, W) with consecutive labels from 1.

    Example:
        >>> objects = objects_of(np.array([[1, 1, 0], [0, 0, 2]], np.int32))
        >>> objects.boxes.T.tolist(), objects.areas.tolist()
        ([[0, 1, 0, 2], [1, 2, 2, 3]], [2, 1])
    """
    boxes = [(rows.start, rows.stop, columns.start, columns.stop) for rows, columns in ndimage.find_objects(labels)]
    return Objects(np.array(boxes, dtype=np.int64).reshape(-1, 4).T, pixels_of(labels)[1:])


def pixels_of(labels: LabelMap) -> Counts:
    """Count the pixels of each label from 0 to the highest.

    Example:
        >>> pixels_of(np.array([[1, 1, 0, 2]], np.int32)).tolist()
        [1, 2, 1]
    """
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

    Example:
        >>> found = overlaps(np.array([[1, 1, 0, 2, 2]], np.int32), np.array([[1, 1, 1, 0, 2]], np.int32))
        >>> found.pixels.tolist(), found.unions().tolist(), found.iou().round(4).tolist()
        ([2, 1], [3, 2], [0.6667, 0.5])
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
    """Map each label to its segment, -1 for background and unused labels; also return the area of each segment."""
    areas = pixels_of(labels)
    areas[:1] = 0
    names = np.flatnonzero(areas)
    position = np.full(len(areas), -1)
    position[names] = np.arange(len(names))
    return position, areas[names]


def _bands(labels: LabelMap) -> Iterator[slice]:
    return bands((labels.shape[0], labels.shape[1]))
