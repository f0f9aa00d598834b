"""Stages of a transform: exact permutation of pixels, resampling at a grid, or recolouring."""

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
"""Values outside the frame: black and no mask, the mirror image of the frame, or its outermost pixels."""
MaskMode = Literal["nearest", "truncated"]
"""Sampling of a mask between pixels: the nearest value, or an object only where all neighbours belong to it."""
Mode = Literal["bilinear"] | MaskMode
"""Sampling of a value between pixels: bilinear for images, a `MaskMode` for masks."""

WHOLE = 1 - 1e-5
"""A bilinear mean of ones is 1 up to rounding error, so that values of at least this count as 1."""


class Frame(NamedTuple):
    """Size in pixels (H, W) and device of a batch, and the values outside its frames."""

    size: tuple[int, int]
    device: torch.device
    border: Border


@dataclass(frozen=True)
class Stage(ABC):
    """Base class of stages, each a change of some samples of a batch.

    Attributes:
        rows: Index of the samples in the batch.
    """

    rows: slice | Tensor

    @abstractmethod
    def apply(self, values: Tensor, mode: Mode) -> Tensor:
        """Change the samples (n, C, H, W), independently of the rest of the batch."""


@dataclass(frozen=True)
class Recolouring(Stage):
    """A pixel operation with its parameters (n, P)."""

    operation: PixelOperation
    parameters: Tensor

    def apply(self, values: Tensor, mode: Mode) -> Tensor:
        """Recolour images (n, 3, H, W)."""
        return self.operation.apply(values, self.parameters)


def is_permutation(matrix: Matrix, size: tuple[int, int]) -> bool:
    """Whether a map only permutes pixels: flips of any frame, and transpositions of a square one."""
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
        """Return the inverse permutation."""
        a, b, c, d, e, f = self.matrix
        return Permutation(self.rows, (a, d, c, b, e, f))


@dataclass(frozen=True)
class Resampling(Stage):
    """Resampling by maps: a matrix, then a warp and a matrix for each warp.

    Attributes:
        frame: Frame of the batch.
        matrices: One (n, 6) before each warp and one after the last.
        warps: Warps with their parameters (n, P), the last of the chain first, since positions go from output to input.
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
        """Sample the values at the grid."""
        between = "nearest" if mode == "nearest" else "bilinear"
        read = F.grid_sample(values, self._grid, mode=between, padding_mode=self.frame.border, align_corners=False)
        return (read >= WHOLE).to(values.dtype) if mode == "truncated" else read
