"""Patches of an image: boxes round its objects, boxes that touch none, and what is cut out of them.

The boxes are those of Keras-FCN (github.com/MELSunny/Keras-FCN: a polyp segmentation net coupled with a
patch classifier). There an object in a hole of another has no box; here each connected component has one, and negatives
stay clear of specks too. The variants of a box are those of Tajbakhsh et al., "Convolutional neural networks for
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
from polybench.data.images import UInt8Array, resize_image

Box = npt.NDArray[np.int64]
"""Top, left, bottom and right (4,), pixels; bottom and right are the first outside."""

Boxes = npt.NDArray[np.int64]
"""A box in each row, (n, 4)."""

Whole = np.int64 | npt.NDArray[np.int64]

MIN_AREA = 6
"""A box of so many pixels or fewer is a slip of the annotator, and no positive."""

SHARE = 0.3
"""The least side of a box without object at first, as a share of the image's width."""

SMALLEST = 20
"""The search for such boxes goes on down to this least side, pixels."""

TRIES = 1000
"""After so many misses in a row it is begun anew with a smaller one."""

BLOCK = 8
"""So many objects at a time are compared with the boxes that are still free."""

GREY = np.array([0.2125, 0.7154, 0.0721], np.float32)
"""Luminance of red, green and blue (ITU-R BT.709, as scikit-image's `rgb2gray`)."""


def object_boxes(mask: UInt8Array) -> Boxes:
    """Find the tight box of each 8-connected component of a mask (H, W) in {0, 1}, specks included."""
    labels, _ = ndimage.label(mask, np.ones((3, 3)))
    return label_boxes(labels)


def label_boxes(labels: npt.NDArray[np.integer[Any]]) -> Boxes:
    """Find the tight box of each label, 1 to n, of a map (H, W)."""
    return boxes_of((y.start, x.start, y.stop, x.stop) for y, x in ndimage.find_objects(labels))


def boxes_of(rows: Iterable[Sequence[int]]) -> Boxes:
    """Make boxes of rows of four numbers; of none, (0, 4)."""
    return np.array(list(rows), np.int64).reshape(-1, 4)


def positive_boxes(objects: Boxes, frame: tuple[int, int], margin: float = 0.0) -> Boxes:
    """Choose the objects that make a patch.

    Args:
        objects: Boxes of the components.
        frame: Height and width of the image.
        margin: What is added on each side, as a share of the box's own side.

    Returns:
        The boxes without specks, enlarged, inside the frame.
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
    """Leave out what lies outside the image; of a box, at least one pixel stays."""
    size = np.array(frame)
    start = np.clip(boxes[:, :2], 0, size - 1)
    return np.concatenate([start, np.clip(boxes[:, 2:], start + 1, size)], axis=1)


def bright_box(image: UInt8Array, dark: int = 26) -> Boxes:
    """Cut off the dark frame round an endoscope's picture.

    Rows and columns at the edges go whose brightest grey level, after a 3x3 median against noise, is below `dark`. A
    median reaches a level exactly where half of its pixels do, so it is counted instead of sorted.

    Args:
        image: (H, W, 3).
        dark: The least grey level that is no frame.

    Returns:
        One box, (1, 4); the whole image if all of it is dark.
    """
    bright = (image @ GREY >= dark - 0.5).astype(np.uint8)
    around = [_sum_of_three(_sum_of_three(part, 0), 1) for part in (bright, np.ones_like(bright))]
    return tight_box(2 * around[0] >= around[1])


def tight_box(region: npt.NDArray[np.bool_] | UInt8Array) -> Boxes:
    """Find the one box, (1, 4), that holds all of a region (H, W); the whole image if the region is empty."""
    rows, columns = np.flatnonzero(region.any(axis=1)), np.flatnonzero(region.any(axis=0))
    if rows.size == 0:
        return np.array([[0, 0, *region.shape]])
    return np.array([[rows[0], columns[0], rows[-1] + 1, columns[-1] + 1]])


def _sum_of_three(values: UInt8Array, axis: int) -> UInt8Array:
    """Add to each value its two neighbours; beyond the edge there are zeros."""
    total = values.copy()
    ahead, behind = [slice(None)] * 2, [slice(None)] * 2
    ahead[axis], behind[axis] = slice(1, None), slice(None, -1)
    total[tuple(ahead)] += values[tuple(behind)]
    total[tuple(behind)] += values[tuple(ahead)]
    return total


class PlacementArea:
    """Where a box without object may lie.

    Args:
        objects: Boxes that it must not touch; sharing an edge is touching.
        area: The box (1, 4) that it must lie in.
        valid: The field of view (H, W) in {0, 1} that it must lie in, where there is one.
    """

    def __init__(self, objects: Boxes, area: Boxes, valid: UInt8Array | None = None) -> None:
        self.objects = objects
        self.area = area
        self.outside = None
        if valid is not None:
            sums = np.cumsum(np.cumsum(1 - valid.astype(np.int64), axis=0), axis=1)
            self.outside = np.pad(sums, ((1, 0), (1, 0)))

    def contains(self, boxes: Boxes) -> npt.NDArray[np.bool_]:
        """Say for each of n boxes whether it may lie there, (n,)."""
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
    """Say which of n boxes touches which of m others, (n, m): they overlap, or share an edge or a corner."""
    top, left, bottom, right = boxes.T[:, :, None]
    y, x, y_end, x_end = others.T[:, None]
    meet: npt.NDArray[np.bool_] = (top <= y_end) & (y <= bottom) & (left <= x_end) & (x <= right)
    return meet


def negative_boxes(area: PlacementArea, source: torch.Generator, count: int = 3) -> Boxes:
    """Draw boxes that touch no object and not each other.

    The least side is 30 % of the area's width at first. A box begins anywhere; its height is uniform from the least
    side to what there is below, its width from half to twice the height. After 1000 misses in a row all is begun anew
    with a least side 2 % smaller, down to 20 pixels.

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
    """Turn shares (n,) in [0, 1) into whole numbers from `low` to `high`, both included."""
    numbers: npt.NDArray[np.int64] = low + np.floor(share * (high - low + 1)).astype(np.int64)
    return numbers


@dataclass(frozen=True)
class Jitter:
    """Variants of a box in training: sizes, places and orientations, as in Tajbakhsh et al. (2016).

    There all of them are used at once; here each epoch draws one for each patch. Where they move boxes "in horizontal
    and vertical directions" is read as: to the left, to the right, up and down.

    Args:
        scales: Factors by which a box is enlarged.
        shift: How far it is moved, as a share of the enlarged box; 0 leaves it in place.
        flips: Show it in each of the 8 orientations of a square.
    """

    version: ClassVar[int] = 1
    """Raise it when a change could move a number."""

    scales: tuple[float, ...] = (1.0, 1.2, 1.5)
    shift: float = 0.1
    flips: bool = True

    def __post_init__(self) -> None:
        if not self.scales or min(self.scales) <= 0 or not 0 <= self.shift < 1:
            raise ConfigError(
                f"jitter needs scales above 0 and a shift from 0 to 1, not {list(self.scales)} and {self.shift}."
            )

    def boxes(self, box: Box) -> Boxes:
        """List the places of a box: each scale at the centre and, with a shift, moved four ways."""
        moves = np.array([(0, 0), (0, -1), (0, 1), (-1, 0), (1, 0)] if self.shift else [(0, 0)])
        places = []
        for scale in self.scales:
            enlarged = scaled(box[None], scale)
            steps = np.rint(moves * self.shift * (enlarged[:, 2:] - enlarged[:, :2])).astype(np.int64)
            places.append(enlarged + np.tile(steps, 2))
        return np.concatenate(places)


def cut(image: UInt8Array, box: Box, size: int, orientation: int = 0) -> UInt8Array:
    """Cut a patch out of an image (H, W, 3), pad it to a square with zeros, resize and turn it.

    Args:
        image: The image.
        box: Where; what lies outside the image is left out.
        size: Side of the patch, pixels.
        orientation: Which of the 8 orientations of a square, from 0, as it is, to 7.

    Returns:
        The patch, (size, size, 3).
    """
    top, left, bottom, right = clipped(box[None], (image.shape[0], image.shape[1]))[0]
    patch = image[top:bottom, left:right]
    missing = max(patch.shape[:2]) - np.array(patch.shape[:2])
    square = np.pad(patch, [*((part // 2, part - part // 2) for part in missing), (0, 0)])
    resized = np.rot90(resize_image(square, (size, size)), orientation % 4)
    return np.array(resized[:, ::-1] if orientation >= 4 else resized, order="C")
