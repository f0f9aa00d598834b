"""The regions of a binary mask: where they are, and the mask without some of them.

As in Keras-FCN (github.com/MELSunny/Keras-FCN), regions are 8-connected, and one is removed with all that it encloses.
That code subtracts a region in bytes, so that a hole in it wraps round to 255; here a hole stays background. Its holes
are 8-connected too, and so open at a diagonal gap; here they are 4-connected, the complement of regions that are
8-connected.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from polybench.data.patches import Boxes, label_boxes
from polybench.metrics.measures.labels import components

BoolArray = npt.NDArray[np.bool_]


class Regions(NamedTuple):
    """The 8-connected components of a mask.

    Attributes:
        labels: 0 for background, 1 to n for the components, int32, (h, w).
        boxes: The tight box of each, (n, 4), as in `polybench.data.patches`.
    """

    labels: npt.NDArray[np.int32]
    boxes: Boxes


class ClassifiedMask(NamedTuple):
    """A mask, and the probabilities of its regions.

    Attributes:
        mask: Boolean, (h, w).
        regions: Its n regions.
        probabilities: The probability of each that it shows an object, float64, (n,).
    """

    mask: BoolArray
    regions: Regions
    probabilities: npt.NDArray[np.float64]

    def rejected(self, region_threshold: float) -> BoolArray:
        """Whether each region, (n,), is removed: its probability does not exceed a threshold."""
        return ~(self.probabilities > region_threshold)


def find_regions(mask: BoolArray) -> Regions:
    """Find the regions of a mask (h, w)."""
    labels = components(mask, 8)
    return Regions(labels, label_boxes(labels))


def without(mask: BoolArray, regions: Regions, rejected: BoolArray) -> BoolArray:
    """Remove regions from a mask, each with all that it encloses: holes, and regions in them.

    Args:
        mask: The mask, (h, w).
        regions: Its regions.
        rejected: Which of them are removed, (n,).

    Returns:
        The mask without them, (h, w).
    """
    left = mask.copy()
    for number in np.flatnonzero(rejected):
        window, filled = enclosed(regions, int(number))
        left[window] &= ~filled
    return left


def enclosed(regions: Regions, number: int) -> tuple[tuple[slice, slice], BoolArray]:
    """Fill the holes of a region.

    Args:
        regions: The regions.
        number: Which of them, from 0.

    Returns:
        The rows and columns of its box, and there the region and all that it encloses.
    """
    top, left, bottom, right = regions.boxes[number].tolist()
    window = (slice(top, bottom), slice(left, right))
    filled: BoolArray = ndimage.binary_fill_holes(regions.labels[window] == number + 1)
    return window, filled
