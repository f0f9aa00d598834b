"""Patches of an image: boxes around its objects, boxes of background, and their crops.

The boxes follow Keras-FCN (github.com/MELSunny/Keras-FCN: a polyp segmentation net coupled with a patch classifier).
There an object in a hole of another has no box; here each connected component has one, and negatives don't touch tiny
components either. The variants of a box follow Tajbakhsh et al., "Convolutional neural networks for
medical image analysis: full training or fine tuning?", IEEE TMI 35(5), 2016.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from scipy import ndimage

from polybench.core.errors import ConfigError
from polybench.data.fitting import Placement
from polybench.data.images import UInt8Array, resize_image

Box = npt.NDArray[np.int64]
"""Top, left, bottom and right (4,), pixels; bottom and right are exclusive."""

Boxes = npt.NDArray[np.int64]
"""One box per row, (n, 4)."""

Whole = np.int64 | npt.NDArray[np.int64]

MIN_AREA = 6
"""Boxes of at most this area, in pixels, are annotation errors and no positives."""

SHARE = 0.3
"""Initial least side of a background box, as a share of the image's width."""

SMALLEST = 20
"""Final least side of a background box, pixels."""

TRIES = 1000
"""Number of misses in a row after which the search restarts with a smaller side."""

BLOCK = 8
"""Number of objects that are compared with boxes at a time."""

GREY = np.array([0.2125, 0.7154, 0.0721], np.float32)
"""Luminance of red, green and blue (ITU-R BT.709, as scikit-image's `rgb2gray`)."""


def object_boxes(mask: UInt8Array) -> Boxes:
    """Find the tight box of each 8-connected component of a mask (H, W) in {0, 1}."""
    labels, _ = ndimage.label(mask, np.ones((3, 3)))
    return label_boxes(labels)


def label_boxes(labels: npt.NDArray[np.integer[Any]]) -> Boxes:
    """Find the tight box of each label, 1 to n, of a map (H, W)."""
    return boxes_of((y.start, x.start, y.stop, x.stop) for y, x in ndimage.find_objects(labels))


def boxes_of(rows: Iterable[Sequence[int]]) -> Boxes:
    """Stack rows of four numbers to boxes; (0, 4) for no rows."""
    return np.array(list(rows), np.int64).reshape(-1, 4)


def positive_boxes(objects: Boxes, frame: tuple[int, int], margin: float = 0.0) -> Boxes:
    """Select the boxes of objects for positive patches, and enlarge them.

    Args:
        objects: Boxes of the components.
        frame: Height and width of the image.
        margin: Margin on each side, as a share of the box's side.

    Returns:
        The boxes of more than `MIN_AREA` pixels, enlarged, inside the frame.
    """
    heights, widths = objects[:, 2] - objects[:, 0], objects[:, 3] - objects[:, 1]
    return clipped(scaled(objects[heights * widths > MIN_AREA], 1 + 2 * margin), frame)


def scaled(boxes: Boxes, factor: float) -> Boxes:
    """Enlarge boxes about their centres."""
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    half = (boxes[:, 2:] - boxes[:, :2]) * factor / 2
    enlarged: Boxes = np.rint(np.concatenate([centres - half, centres + half], axis=1)).astype(np.int64)
    return enlarged


def clipped(boxes: Boxes, frame: tuple[int, int]) -> Boxes:
    """Clip boxes to the image; at least one pixel of each is kept."""
    size = np.array(frame)
    start = np.clip(boxes[:, :2], 0, size - 1)
    return np.concatenate([start, np.clip(boxes[:, 2:], start + 1, size)], axis=1)


def bright_box(image: UInt8Array, dark: int = 26) -> Boxes:
    """Find the box of the image inside an endoscope's dark frame.

    Rows and columns at the edges are removed if their highest grey level, after a 3x3 median filter, is below `dark`. A
    median reaches a level where half of its pixels do, so pixels are counted instead of sorted.

    Args:
        image: (H, W, 3).
        dark: The least grey level outside the frame.

    Returns:
        One box, (1, 4); the whole image if all of it is dark.
    """
    bright = (image @ GREY >= dark - 0.5).astype(np.uint8)
    around = [_sum_of_three(_sum_of_three(part, 0), 1) for part in (bright, np.ones_like(bright))]
    return tight_box(2 * around[0] >= around[1])


def tight_box(region: npt.NDArray[np.bool_] | UInt8Array) -> Boxes:
    """Find the bounding box, (1, 4), of a region (H, W); the whole image if the region is empty."""
    rows, columns = np.flatnonzero(region.any(axis=1)), np.flatnonzero(region.any(axis=0))
    if rows.size == 0:
        return np.array([[0, 0, *region.shape]])
    return np.array([[rows[0], columns[0], rows[-1] + 1, columns[-1] + 1]])


def _sum_of_three(values: UInt8Array, axis: int) -> UInt8Array:
    """Add its two neighbours to each value, with zeros beyond the edge."""
    total = values.copy()
    ahead, behind = [slice(None)] * 2, [slice(None)] * 2
    ahead[axis], behind[axis] = slice(1, None), slice(None, -1)
    total[tuple(ahead)] += values[tuple(behind)]
    total[tuple(behind)] += values[tuple(ahead)]
    return total


class PlacementArea:
    """The area of an image where background boxes may be placed.

    Args:
        objects: Boxes that they must not touch, not even at an edge.
        area: The box (1, 4) that contains them.
        valid: The field of view (H, W) in {0, 1} that contains them; None where there is none.
    """

    def __init__(self, objects: Boxes, area: Boxes, valid: UInt8Array | None = None) -> None:
        self.objects = objects
        self.area = area
        self.outside = None
        if valid is not None:
            sums = np.cumsum(np.cumsum(1 - valid.astype(np.int64), axis=0), axis=1)
            self.outside = np.pad(sums, ((1, 0), (1, 0)))

    def contains(self, boxes: Boxes) -> npt.NDArray[np.bool_]:
        """Return whether each of n boxes may be placed, (n,)."""
        start, end = self.area[:, :2], self.area[:, 2:]
        rows = np.flatnonzero((boxes[:, :2] >= start).all(axis=1) & (boxes[:, 2:] <= end).all(axis=1))
        for first in range(0, len(self.objects), BLOCK):
            rows = rows[~touch(boxes[rows], self.objects[first : first + BLOCK]).any(axis=1)]
        if self.outside is not None:
            y, x, y_end, x_end = boxes[rows].T
            s = self.outside
            rows = rows[s[y_end, x_end] - s[y, x_end] - s[y_end, x] + s[y, x] == 0]
        free = np.zeros(len(boxes), np.bool_)
        free[rows] = True
        return free


def touch(boxes: Boxes, others: Boxes) -> npt.NDArray[np.bool_]:
    """Return which of n boxes touch which of m others, (n, m): they overlap, or share an edge or a corner."""
    top, left, bottom, right = boxes.T[:, :, None]
    y, x, y_end, x_end = others.T[:, None]
    meet: npt.NDArray[np.bool_] = (top <= y_end) & (y <= bottom) & (left <= x_end) & (x <= right)
    return meet


def negative_boxes(area: PlacementArea, source: torch.Generator, count: int = 3) -> Boxes:
    """Draw boxes that touch neither an object nor each other.

    The least side is initially 30 % of the area's width. The corner of a box is uniform; its height is uniform from the
    least side to the remaining height, its width from half to twice the height. After 1000 misses in a row the search
    restarts with a least side 2 % smaller, down to 20 pixels.

    Args:
        area: Where they may lie.
        source: The only source of randomness.
        count: Number of boxes.

    Returns:
        The boxes; the most that were found, where there is no space for `count`.
    """
    best = boxes_of([])
    side = max(1, int(SHARE * (area.area[0, 3] - area.area[0, 1])))
    while len(best) < count:
        best = max(best, _fill(area, side, source, count), key=len)
        side = int(side * 0.98)
        if side < SMALLEST:
            break
    return best


def _fill(area: PlacementArea, side: int, source: torch.Generator, count: int) -> Boxes:
    """Draw boxes of a least side one after the other, until one can't be placed."""
    found = boxes_of([])
    while len(found) < count:
        drawn = _draw(area.area[0], side, source)
        free = drawn[area.contains(drawn) & ~touch(drawn, found).any(axis=1)]
        if len(free) == 0:
            break
        found = np.concatenate([found, free[:1]])
    return found


def _draw(area: Box, side: int, source: torch.Generator) -> Boxes:
    """Draw up to 1000 boxes inside an area, each side at least `side`."""
    top, left, bottom, right = area
    if side > min(bottom - top, right - left):
        return boxes_of([])
    share = torch.rand(4, TRIES, generator=source, dtype=torch.float64).numpy()
    y = _randint(share[0], top, bottom - side)
    x = _randint(share[1], left, right - side)
    height = _randint(share[2], np.int64(side), bottom - y)
    least, most = np.maximum(side, height // 2), np.minimum(right - x, 2 * height)
    width = _randint(share[3], least, most)
    boxes: Boxes = np.stack([y, x, y + height, x + width], axis=1)[least <= most]
    return boxes


def _randint(share: npt.NDArray[np.float64], low: Whole, high: Whole) -> npt.NDArray[np.int64]:
    """Map uniform numbers (n,) in [0, 1) to integers from `low` to `high`, inclusive."""
    numbers: npt.NDArray[np.int64] = low + np.floor(share * (high - low + 1)).astype(np.int64)
    return numbers


@dataclass(frozen=True)
class Jitter:
    """Variants of a box in training: scales, shifts and orientations, as in Tajbakhsh et al. (2016).

    There all variants are used at once; here one is drawn per patch and epoch. Shifts "in horizontal and vertical
    directions" are read as left, right, up and down.

    Args:
        scales: Factors by which a box is enlarged.
        shift: Length of a shift as a share of the enlarged box; 0 for no shift.
        flips: Use each of the 8 orientations of a square.
    """

    version: ClassVar[int] = 1
    """Version of the class, increased whenever its numbers may change."""

    scales: tuple[float, ...] = (1.0, 1.2, 1.5)
    shift: float = 0.1
    flips: bool = True

    def __post_init__(self) -> None:
        if not self.scales or min(self.scales) <= 0 or not 0 <= self.shift < 1:
            raise ConfigError(
                f"jitter needs scales above 0 and a shift from 0 to 1, not {list(self.scales)} and {self.shift}."
            )

    def boxes(self, box: Box) -> Boxes:
        """List the variants of a box: each scale at the centre and, with a shift, in four directions."""
        moves = np.array([(0, 0), (0, -1), (0, 1), (-1, 0), (1, 0)] if self.shift else [(0, 0)])
        places = []
        for scale in self.scales:
            enlarged = scaled(box[None], scale)
            steps = np.rint(moves * self.shift * (enlarged[:, 2:] - enlarged[:, :2])).astype(np.int64)
            places.append(enlarged + np.tile(steps, 2))
        return np.concatenate(places)


def squared(image: UInt8Array) -> UInt8Array:
    """Pad an image (h, w, 3) with zeros to a square of its own scale, itself in the middle."""
    height, width = image.shape[:2]
    side = max(height, width)
    return Placement.letterboxed((height, width), (side, side)).image(image)


def cut(image: UInt8Array, box: Box, size: int, orientation: int = 0) -> UInt8Array:
    """Crop a patch of an image (H, W, 3), pad it to a square with zeros, resize and orient it.

    Args:
        image: The image.
        box: The box, which is clipped to the image.
        size: Side of the patch, pixels.
        orientation: One of the 8 orientations of a square, 0 to 7; 0 is unchanged.

    Returns:
        The patch, (size, size, 3).
    """
    top, left, bottom, right = clipped(box[None], (image.shape[0], image.shape[1]))[0]
    resized = np.rot90(resize_image(squared(image[top:bottom, left:right]), (size, size)), orientation % 4)
    return np.array(resized[:, ::-1] if orientation >= 4 else resized, order="C")
