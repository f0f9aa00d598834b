"""The stages that a transform is made of: pixels put elsewhere exactly, read at a grid of places, or recoloured."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from polybench.augment.geometry import Matrix, map_points
from polybench.augment.operations import GeometricOperation, PixelOperation

Border = Literal["zeros", "reflection", "border"]
"""What lies outside the frame: black and no mask, the frame's mirror image, or its outermost pixels repeated."""
MaskMode = Literal["nearest", "truncated"]
"""How a mask is read between pixels: the nearest one's value, or an object only where all neighbours are of it."""
Mode = Literal["bilinear"] | MaskMode
"""How a value between pixels is read: images bilinear, masks as a `MaskMode` says."""

WHOLE = 1 - 1e-5
"""A bilinear mean of ones is 1 up to rounding, so that what reaches this is whole."""


class Frame(NamedTuple):
    """Size in pixels (H, W) and device of a batch, and what lies outside its frames."""

    size: tuple[int, int]
    device: torch.device
    border: Border


@dataclass(frozen=True)
class Stage(ABC):
    """One change of some samples of a batch.

    Attributes:
        rows: Which samples, as an index of the batch.
    """

    rows: slice | Tensor

    @abstractmethod
    def apply(self, values: Tensor, mode: Mode) -> Tensor:
        """Make the changed samples (n, C, H, W) from those samples alone."""


@dataclass(frozen=True)
class Recolouring(Stage):
    """A pixel operation with its parameters (n, P)."""

    operation: PixelOperation
    parameters: Tensor

    def apply(self, values: Tensor, mode: Mode) -> Tensor:
        """Recolour images (n, 3, H, W)."""
        return self.operation.apply(values, self.parameters)


def is_permutation(matrix: Matrix, size: tuple[int, int]) -> bool:
    """Say whether a map only exchanges pixels: flips of any frame, and on a square also what transposes it."""
    a, b, c, d, e, f = matrix
    straight = abs(a) == abs(e) == 1 and b == d == 0
    transposed = abs(b) == abs(d) == 1 and a == e == 0 and size[0] == size[1]
    return c == f == 0 and (straight or transposed)


@dataclass(frozen=True)
class Permutation(Stage):
    """Flips and quarter turns, which need no interpolation."""

    matrix: Matrix

    def apply(self, values: Tensor, mode: Mode) -> Tensor:
        """Exchange pixels."""
        a, b, _, d, e, _ = self.matrix
        if a == 0:
            values, a, e = values.transpose(2, 3), d, b
        return values.flip([axis for axis, sign in ((2, e), (3, a)) if sign < 0]).contiguous()

    def inverse(self) -> "Permutation":
        """The exchange that undoes this one."""
        a, b, c, d, e, f = self.matrix
        return Permutation(self.rows, (a, d, c, b, e, f))


@dataclass(frozen=True)
class Resampling(Stage):
    """Each output pixel reads where the maps lead: a matrix, then a warp and a matrix as often as there are warps.

    Attributes:
        frame: Of the batch.
        matrices: One (n, 6) before each warp and one after the last.
        warps: With their parameters (n, P), the last of the chain first, since places go from output to input.
    """

    frame: Frame
    matrices: list[Tensor]
    warps: list[tuple[GeometricOperation, Tensor]]

    @cached_property
    def _grid(self) -> Tensor:
        (height, width), device, _ = self.frame
        x = (torch.arange(width, device=device) - (width - 1) / 2)[None, None, :]
        y = (torch.arange(height, device=device) - (height - 1) / 2)[None, :, None]
        *before, last = self.matrices
        for matrices, (warp, parameters) in zip(before, self.warps, strict=True):
            points = map_points(matrices.to(x), x, y)
            x, y = warp.points(points, parameters, self.frame.size).unbind(-1)
        to_unit = last.new_tensor([2 / width] * 3 + [2 / height] * 3)
        return map_points((last * to_unit).to(x), x, y)

    def apply(self, values: Tensor, mode: Mode) -> Tensor:
        """Read the values at the grid."""
        between = "nearest" if mode == "nearest" else "bilinear"
        read = F.grid_sample(values, self._grid, mode=between, padding_mode=self.frame.border, align_corners=False)
        return (read >= WHOLE).to(values.dtype) if mode == "truncated" else read
