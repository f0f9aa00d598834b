"""Bilinear sampling of images between network and native pixels, without antialiasing."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

EVERYWHERE = slice(None)

ROUNDING = 1e-9
"""Largest rounding error of a position, in pixels."""


def is_identity(affine: Tensor) -> bool:
    """Whether an affine map (2, 3) is the identity."""
    return bool(affine.tolist() == [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


def axes(to_native: Tensor) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return scale and shift of the rows, and of the columns, from network to native pixels."""
    (scale_x, shear_x, shift_x), (shear_y, scale_y, shift_y) = to_native.double().tolist()
    if shear_x or shear_y:
        raise ValueError("The affine map to native size must not rotate or shear the image.")
    return (scale_y, shift_y), (scale_x, shift_x)


def pixel_centres(count: int) -> Tensor:
    """Return the centres of the pixels of an axis, float64, (count,)."""
    return torch.arange(count, dtype=torch.float64)


def are_inside(positions: Tensor, count: int) -> Tensor:
    """Whether positions lie on the pixels 0 to `count` - 1, up to their outer edges."""
    return (positions > -0.5) & (positions < count - 0.5)


def edges(scale: float, shift: float, count: int, length: int) -> tuple[float, float]:
    """Return the first and the last pixel of an axis that are no padding, as positions.

    Positions of a letterbox are whole numbers up to rounding, and are rounded, so that the padding has no weight.

    Args:
        scale: Native pixels per network pixel.
        shift: Native position of the first network pixel.
        count: Number of native pixels.
        length: Number of network pixels, with padding.
    """
    ends = (-0.5 - shift) / scale + 0.5, (count - 0.5 - shift) / scale - 0.5
    first, last = (
        float(round(end)) if 0 < round(end) < length - 1 and abs(end - round(end)) < ROUNDING else end for end in ends
    )
    return first, last


def inside(to_native: Tensor, native: tuple[int, int], size: tuple[int, int]) -> tuple[slice, slice]:
    """Return the rows and columns of a network-size image that are no padding, those that are so in part included.

    Args:
        to_native: Affine map (2, 3) from network to native pixels.
        native: Native height and width.
        size: Network height and width.
    """
    found = []
    for (scale, shift), count, length in zip(axes(to_native), native, size, strict=True):
        first, last = edges(scale, shift, count, length)
        found.append(slice(max(math.floor(first + ROUNDING), 0), min(math.ceil(last - ROUNDING), length - 1) + 1))
    return found[0], found[1]


def at_native_pixels(image: Tensor, to_native: Tensor, size: tuple[int, int], rows: slice = EVERYWHERE) -> Tensor:
    """Sample a network-size image (C, H, W), without its padding, at native pixels: (C, h, w) or some rows, float64."""
    if is_identity(to_native) and tuple(image.shape[-2:]) == size:
        return image[:, rows].double()
    positions = []
    for (scale, shift), count, length in zip(axes(to_native), size, image.shape[-2:], strict=True):
        first, last = edges(scale, shift, count, length)
        positions.append(((pixel_centres(count) - shift) / scale).clamp(first, max(first, last)))
    return sample(image, positions[0][rows], positions[1])


def sample(image: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Sample an image (C, H, W) at rows (h,) and columns (w,), bilinear, edges repeated: (C, h, w), float64."""
    across, down = _between(columns, image.shape[2], image.device), _between(rows, image.shape[1], image.device)
    first = int(down.before.min())
    read = _along(image[:, first : int(down.behind.max()) + 1], across, 2)
    return _along(read, down._replace(before=down.before - first, behind=down.behind - first), 1)


class _Between(NamedTuple):
    """Positions between pixels of an axis: the pixel before, the pixel after, and the weight of the latter."""

    before: Tensor
    behind: Tensor
    weight: Tensor


def _between(positions: Tensor, count: int, device: torch.device) -> _Between:
    positions = positions.clamp(0, count - 1).to(device)
    before = positions.floor().long()
    return _Between(before, (before + 1).clamp_(max=count - 1), positions - before)


def _along(image: Tensor, places: _Between, axis: int) -> Tensor:
    """Interpolate linearly along one axis."""
    shape = [1, 1, 1]
    shape[axis] = -1
    before, behind = (image.index_select(axis, place).double() for place in places[:2])
    return before.lerp_(behind, places.weight.view(shape))
