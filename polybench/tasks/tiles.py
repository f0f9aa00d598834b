"""Predict a large image a tile at a time, at its own scale, as the net would predict it whole.

Tiles overlap, and of each its middle is kept: neighbours meet half-way through their overlap. All tiles begin at
multiples of the net's stride, so that grids of features lie as in the whole image, and the outermost end where the
image ends, so that convolutions pad where they would. So the result is that of the whole image wherever the net looks
no farther than half the overlap. An image whose sides are no multiples of the stride is continued to the right and
below by its last pixels, and cut off again.

Where neighbours meet both have a prediction. How much these differ is measured along all seams: by rounding alone
where the net looks no farther, by more where it does or looks at the whole image (global pooling, attention).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from polybench.core.errors import ConfigError
from polybench.data.images import UInt8Array

Predict = Callable[[UInt8Array], Tensor]
"""Predicts an image (h, w, 3): foreground probabilities (h, w), float32."""


class Span(NamedTuple):
    """A tile along one axis, pixels: where it begins and ends, and what of it is kept."""

    start: int
    stop: int
    first: int
    last: int


@dataclass(frozen=True)
class Tiling:
    """How images are cut.

    Attributes:
        size: Height and width of a tile, pixels.
        overlap: What neighbours share at least, pixels.
        stride: Of the net, pixels.

    Raises:
        ConfigError: If tiles can't be laid so.
    """

    size: int
    overlap: int
    stride: int

    def __post_init__(self) -> None:
        """Check that the numbers go with each other."""
        if self.size < 1 or self.size % self.stride:
            raise ConfigError(
                f"--tile must be a multiple of the net's stride of {self.stride} pixels, such as "
                f"{self._multiple(self.size)}, not {self.size}."
            )
        if not 0 <= self.overlap < self.size:
            raise ConfigError(f"--overlap must be at least 0 and less than --tile {self.size}, not {self.overlap}.")
        if self.overlap % self.stride:
            raise ConfigError(
                f"--overlap must be 0 or a multiple of the net's stride of {self.stride} pixels, such as "
                f"{min(self._multiple(self.overlap), self.size - self.stride)}, not {self.overlap}."
            )

    def _multiple(self, pixels: int) -> int:
        return max(-(-pixels // self.stride), 1) * self.stride

    def padded(self, length: int) -> int:
        """A side of an image, brought up to a multiple of the stride."""
        return self._multiple(length)

    def spans(self, length: int) -> list[Span]:
        """The tiles along a side of an image that is a multiple of the stride; one, where a tile holds all of it."""
        last = max(length - self.size, 0)
        starts = [*range(0, last, self.size - self.overlap), last]
        stops = [min(start + self.size, length) for start in starts]
        cuts = [(start + stop) // 2 for start, stop in zip(starts[1:], stops, strict=False)]
        return [Span(*one) for one in zip(starts, stops, [0, *cuts], [*cuts, length], strict=True)]


@dataclass
class Seams:
    """How much the predictions of neighbouring tiles differ where they meet.

    Attributes:
        largest: The largest difference of a probability.
        total: The sum of the differences.
        pixels: How many there are.
    """

    largest: float = 0.0
    total: float = 0.0
    pixels: int = 0

    @property
    def mean(self) -> float:
        """The mean difference, 0 without seams."""
        return self.total / max(self.pixels, 1)

    def compare(self, one: Tensor, other: Tensor) -> None:
        """Take in both predictions of the pixels along a seam."""
        difference = (one.double() - other.double()).abs()
        self.largest = max(self.largest, float(difference.max()))
        self.total += float(difference.sum())
        self.pixels += difference.numel()


def predict_in_tiles(predict: Predict, image: UInt8Array, tiling: Tiling, seams: Seams) -> Iterator[Tensor]:
    """Predict an image (h, w, 3), which is never on the device as a whole.

    Args:
        predict: Predicts a tile; its sides are multiples of the stride.
        image: The image.
        tiling: How it is cut.
        seams: Told of the differences where tiles meet.

    Yields:
        Foreground probabilities of some rows, from top to bottom, (rows, w), on the CPU.
    """
    height, width = image.shape[:2]
    across = tiling.spans(tiling.padded(width))
    above: tuple[Span, Tensor] | None = None
    for down in tiling.spans(tiling.padded(height)):
        tiles = [predict(_tile(image, down, one)).cpu() for one in across]
        for left, right in pairwise(zip(across, tiles, strict=True)):
            _compare((left[0], left[1][_kept(down)].T), (right[0], right[1][_kept(down)].T), seams)
        band = torch.cat([tile[:, _kept(one)] for one, tile in zip(across, tiles, strict=True)], dim=1)
        if above is not None:
            _compare(above, (down, band), seams)
        above = (down, band)
        yield band[_kept(down), :width][: height - down.first]


def _tile(image: UInt8Array, down: Span, across: Span) -> UInt8Array:
    """Cut out a tile; beyond the image its last pixels are repeated."""
    tile = image[down.start : down.stop, across.start : across.stop]
    missing = ((0, down.stop - down.start - tile.shape[0]), (0, across.stop - across.start - tile.shape[1]), (0, 0))
    padded: UInt8Array = np.pad(tile, missing, mode="edge")
    return padded


def _kept(span: Span) -> slice:
    return slice(span.first - span.start, span.last - span.start)


def _compare(one: tuple[Span, Tensor], other: tuple[Span, Tensor], seams: Seams) -> None:
    """Compare two neighbours in the two rows (or what they share of them) between which one ends and the other begins.

    Args:
        one: Where the upper lies, and its rows.
        other: The lower, likewise.
        seams: Told of the difference.
    """
    cut = one[0].last
    first, last = max(cut - 1, other[0].start), min(cut + 1, one[0].stop)
    if first < last:
        seams.compare(*(rows[first - span.start : last - span.start] for span, rows in (one, other)))
