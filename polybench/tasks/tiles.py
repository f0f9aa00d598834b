"""Prediction of large images by overlapping tiles at their own scale.

Only the middle of each tile is kept: neighbours meet half-way through their overlap. All tiles begin at
multiples of the net's stride, so that feature maps are aligned as in the whole image, and the outermost tiles end
where the image ends, so that convolutions pad at the same place. The result equals the prediction of the whole image
wherever the receptive field is at most half the overlap. An image whose sides are not multiples of the stride
is padded at the right and at the bottom by repeating its last pixels, and the prediction is cropped.

Along the seams both neighbours have a prediction, and their difference is measured: it is rounding error where the
receptive field is small enough, and larger where it isn't or covers the whole image (global pooling, attention).
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
    """A tile along one axis, in pixels: its start and stop, and the first and last (exclusive) pixel that is kept."""

    start: int
    stop: int
    first: int
    last: int


@dataclass(frozen=True)
class Tiling:
    """Size, overlap and stride of tiles.

    Attributes:
        size: Height and width of a tile, pixels.
        overlap: Least overlap of neighbours, pixels.
        stride: Stride of the net, pixels.

    Raises:
        ConfigError: If the three numbers don't fit each other.
    """

    size: int
    overlap: int
    stride: int

    def __post_init__(self) -> None:
        """Check that the numbers fit each other."""
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
        """Round a side of an image up to a multiple of the stride."""
        return self._multiple(length)

    def spans(self, length: int) -> list[Span]:
        """Return the tiles along a side of an image, a multiple of the stride; one tile where it covers the side."""
        last = max(length - self.size, 0)
        starts = [*range(0, last, self.size - self.overlap), last]
        stops = [min(start + self.size, length) for start in starts]
        cuts = [(start + stop) // 2 for start, stop in zip(starts[1:], stops, strict=False)]
        return [Span(*one) for one in zip(starts, stops, [0, *cuts], [*cuts, length], strict=True)]


@dataclass
class Seams:
    """Differences between the predictions of neighbouring tiles along their seams.

    Attributes:
        largest: Largest absolute difference of a probability.
        total: Sum of the differences.
        pixels: Number of differences.
    """

    largest: float = 0.0
    total: float = 0.0
    pixels: int = 0

    @property
    def mean(self) -> float:
        """Mean difference, 0 without seams."""
        return self.total / max(self.pixels, 1)

    def compare(self, one: Tensor, other: Tensor) -> None:
        """Add both predictions of the pixels along a seam."""
        difference = (one.double() - other.double()).abs()
        self.largest = max(self.largest, float(difference.max()))
        self.total += float(difference.sum())
        self.pixels += difference.numel()


def predict_in_tiles(predict: Predict, image: UInt8Array, tiling: Tiling, seams: Seams) -> Iterator[Tensor]:
    """Predict an image (h, w, 3) tile by tile; the whole image is never on the device.

    Args:
        predict: Predicts a tile whose sides are multiples of the stride.
        image: The image.
        tiling: Size, overlap and stride of tiles.
        seams: Collects the differences along seams.

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
    """Crop a tile; beyond the image its last pixels are repeated."""
    tile = image[down.start : down.stop, across.start : across.stop]
    missing = ((0, down.stop - down.start - tile.shape[0]), (0, across.stop - across.start - tile.shape[1]), (0, 0))
    padded: UInt8Array = np.pad(tile, missing, mode="edge")
    return padded


def _kept(span: Span) -> slice:
    return slice(span.first - span.start, span.last - span.start)


def _compare(one: tuple[Span, Tensor], other: tuple[Span, Tensor], seams: Seams) -> None:
    """Compare two neighbours in the two rows on either side of their seam, or in as many of them as they share.

    Args:
        one: Span and rows of the upper tile.
        other: Span and rows of the lower tile.
        seams: Collects the difference.
    """
    cut = one[0].last
    first, last = max(cut - 1, other[0].start), min(cut + 1, one[0].stop)
    if first < last:
        seams.compare(*(rows[first - span.start : last - span.start] for span, rows in (one, other)))
