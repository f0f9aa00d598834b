"""Label maps: the connected components of a mask, and where the segments of two maps overlap."""

from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import ndimage

Mask = npt.NDArray[np.bool_]
"""A binary map (H, W)."""

LabelMap = npt.NDArray[np.signedinteger[Any]]
"""Segments numbered from 1, (H, W); 0 is background."""


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


def overlaps(prediction: LabelMap, truth: LabelMap) -> Overlaps:
    """List the overlapping pairs of segments of two label maps.

    Args:
        prediction: Predicted segments (H, W); labels need not be consecutive.
        truth: True segments (H, W), likewise.
    """
    truth_segment, truth_areas = _segments(truth)
    predicted_segment, prediction_areas = _segments(prediction)
    both = (truth_segment >= 0) & (predicted_segment >= 0)
    width = max(len(prediction_areas), 1)
    pairs, pixels = np.unique(truth_segment[both] * width + predicted_segment[both], return_counts=True)
    return Overlaps(pairs // width, pairs % width, pixels, truth_areas, prediction_areas)


def _segments(labels: LabelMap) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The segment of each pixel, flat, -1 on background, and the area of each segment."""
    areas = np.bincount(labels.ravel())
    areas[:1] = 0
    names = np.flatnonzero(areas)
    position = np.full(len(areas), -1)
    position[names] = np.arange(len(names))
    return position[labels.ravel()], areas[names]
