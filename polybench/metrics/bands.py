"""Processing of large images in parts, so that intermediate results need little memory."""

from collections.abc import Callable, Iterable, Iterator

from torch import Tensor

PIXELS = 2**20
"""Approximate size of a part; smaller images are one part."""

Part = Callable[[slice, slice], Tensor]
"""Computes the part of a map (H, W) at given rows and columns."""


def bands(size: tuple[int, int]) -> Iterator[slice]:
    """Yield the rows of bands of an image (H, W), from top to bottom."""
    height, width = size
    rows = max(PIXELS // max(width, 1), 1)
    return (slice(start, min(start + rows, height)) for start in range(0, height, rows))


def tiles(rows: slice, columns: slice) -> Iterator[tuple[slice, slice]]:
    """Yield the rows and columns of square tiles of a window, smaller ones at its right and lower ends."""
    side = max(int(PIXELS**0.5), 1)
    for top in range(rows.start, rows.stop, side):
        for left in range(columns.start, columns.stop, side):
            yield slice(top, min(top + side, rows.stop)), slice(left, min(left + side, columns.stop))


def sum_in_place(parts: Iterable[Tensor]) -> Tensor:
    """Sum one or more tensors of one shape in place, so that small results don't fragment memory."""
    remaining = iter(parts)
    total = next(remaining)
    for part in remaining:
        total += part
    return total
