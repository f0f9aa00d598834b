"""Work on a large image a part at a time, so that what is only needed in between takes little memory."""

from collections.abc import Callable, Iterable, Iterator

from torch import Tensor

PIXELS = 2**20
"""Of a part, about; smaller images are one part."""

Part = Callable[[slice, slice], Tensor]
"""Makes a map (H, W) where rows and columns cross."""


def bands(size: tuple[int, int]) -> Iterator[slice]:
    """Cut an image (H, W) into bands of whole rows; their rows, from top to bottom."""
    height, width = size
    rows = max(PIXELS // max(width, 1), 1)
    return (slice(start, min(start + rows, height)) for start in range(0, height, rows))


def tiles(rows: slice, columns: slice) -> Iterator[tuple[slice, slice]]:
    """Cut a window of an image into squares, smaller ones at its right and lower ends; their rows and columns."""
    side = max(int(PIXELS**0.5), 1)
    for top in range(rows.start, rows.stop, side):
        for left in range(columns.start, columns.stop, side):
            yield slice(top, min(top + side, rows.stop)), slice(left, min(left + side, columns.stop))


def sum_in_place(parts: Iterable[Tensor]) -> Tensor:
    """Add up tensors of one shape, at least one; kept apart, they would lie between large buffers and pin these."""
    remaining = iter(parts)
    total = next(remaining)
    for part in remaining:
        total += part
    return total
