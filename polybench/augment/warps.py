"""Warps: elastic deformation, grid and optical distortion, evaluated at any positions.

Elastic deformation follows Simard et al. (ICDAR 2003), with noise on a coarse lattice and cubic B-splines between,
instead of noise per pixel and a wide Gaussian filter: a cubic B-spline of spacing sqrt(3) s has the variance of
a Gaussian of standard deviation s, at a small part of the cost.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from polybench.augment.geometry import map_points
from polybench.augment.operations import GeometricOperation, seed, uniform

_SPLINE_ENERGY = 151 / 315  # integral of the squared cubic B-spline: the variance left of white noise, per axis


@dataclass(frozen=True)
class ElasticDeformation(GeometricOperation):
    """Smooth random displacements, after a small random affine map.

    albumentations' `ElasticTransform(alpha, sigma, alpha_affine)` smooths noise uniform in [-alpha, alpha], which
    leaves displacements of standard deviation alpha / (2 sqrt(3 pi) sigma) pixels: 3.26 for its usual (120, 6, 3.6).

    Args:
        deviation: Standard deviation of the displacements along each axis, as a share of the shorter side.
        smoothness: Standard deviation of the equivalent Gaussian filter, as a share of the shorter side.
        affine: Largest shift of each of three anchors, a third of the side from the centre, as a share of it.
    """

    deviation: float
    smoothness: float
    affine: float = 0.0

    def draw(self, generator: torch.Generator) -> tuple[float, ...]:
        """Draw the seed of the field, and the shifts of the anchors as x and y shares."""
        return (seed(generator), *uniform(generator, *[(-self.affine, self.affine)] * 6))

    def points(self, points: Tensor, parameters: Tensor, size: tuple[int, int]) -> Tensor:
        """Displace positions (n, H, W, 2) by the field, then map them by the anchors' matrix."""
        fields = torch.stack([self._field(int(row), size, points.device) for row in parameters[:, 0].tolist()])
        height, width = size
        grid = points * points.new_tensor([2 / width, 2 / height])
        moves = F.grid_sample(fields, grid, mode="bilinear", padding_mode="border", align_corners=False)
        x, y = points[..., 0] + moves[:, 0], points[..., 1] + moves[:, 1]
        return map_points(self._matrices(parameters, size).to(points), x, y)

    def _field(self, seed: int, size: tuple[int, int], device: torch.device) -> Tensor:
        """Generate displacements (2, H, W) in pixels, one sample at a time, so that they don't depend on the batch."""
        spacing = math.sqrt(3) * self.smoothness * min(size)
        lattice = [math.ceil(length / spacing) + 3 for length in size]
        noise = torch.randn(2, *lattice, generator=torch.Generator().manual_seed(seed)).to(device)
        rows, columns = (
            _spline_weights(length, knots, spacing, device) for length, knots in zip(size, lattice, strict=True)
        )
        return rows @ (noise * (self.deviation * min(size) / _SPLINE_ENERGY)) @ columns.T

    def _matrices(self, parameters: Tensor, size: tuple[int, int]) -> Tensor:
        """Build the matrices (n, 6) that shift three anchors (s, s), (s, -s) and (-s, -s) as drawn."""
        side, s = min(size), min(size) / 3
        corner, right, left = (parameters[:, 1:] * side).view(-1, 3, 2).unbind(1)
        along_x, along_y, shift = (right - left) / (2 * s), (corner - right) / (2 * s), (corner + left) / 2
        along_x = along_x + along_x.new_tensor([1, 0])
        along_y = along_y + along_y.new_tensor([0, 1])
        return torch.stack([along_x, along_y, shift], dim=-1).flatten(1)


def _spline_weights(length: int, knots: int, spacing: float, device: torch.device) -> Tensor:
    """Compute the weight of each knot of a cubic B-spline at each pixel of an axis, (length, knots)."""
    places = torch.arange(length, device=device) / spacing + 1
    distance = (places[:, None] - torch.arange(knots, device=device)).abs()
    return ((2 - distance).clamp(min=0) ** 3 - 4 * (1 - distance).clamp(min=0) ** 3) / 6


@dataclass(frozen=True)
class GridDistortion(GeometricOperation):
    """Grid distortion: columns and rows of a coarse grid become wider or narrower within a fixed frame.

    albumentations' `GridDistortion` lets the far edges drift unless `normalized` is set; here they never do.

    Args:
        steps: Cells along each axis.
        limit: Largest relative change of a cell's width, before all are scaled to fill the frame.
    """

    steps: int = 5
    limit: float = 0.3

    def draw(self, generator: torch.Generator) -> tuple[float, ...]:
        """Draw the widths of the cells from left to right, then their heights from top to bottom."""
        return uniform(generator, *[(1 - self.limit, 1 + self.limit)] * (2 * self.steps))

    def points(self, points: Tensor, parameters: Tensor, size: tuple[int, int]) -> Tensor:
        """Map positions (n, H, W, 2) linearly within each cell; positions outside follow the outermost cells."""
        height, width = size
        lengths = parameters.view(-1, 2, self.steps)
        lengths = lengths / lengths.sum(dim=2, keepdim=True)
        starts = lengths.cumsum(dim=2) - lengths - 0.5
        mapped = torch.empty_like(points)
        for axis, side in enumerate((width, height)):
            cells = (points[..., axis] / side + 0.5) * self.steps
            index = cells.floor().clamp_(0, self.steps - 1)
            flat = index.long().flatten(1)
            start = starts[:, axis].to(points).gather(1, flat).view_as(index)
            length = lengths[:, axis].to(points).gather(1, flat).view_as(index)
            mapped[..., axis] = (start + length * (cells - index)) * side
        return mapped


@dataclass(frozen=True)
class OpticalDistortion(GeometricOperation):
    """Radial distortion of a lens, r (1 + k r^2 + k r^4), r in longer sides from its axis (OpenCV's camera model).

    A strongly negative k folds the corners back into the frame, as in albumentations.

    Args:
        limit: The largest k, either way.
        shift: The largest shift of the axis from the centre along each axis, as a share of the longer side.
    """

    limit: float
    shift: float = 0.0

    def draw(self, generator: torch.Generator) -> tuple[float, ...]:
        """Draw k, and the lens axis to the right and down."""
        return uniform(generator, (-self.limit, self.limit), (-self.shift, self.shift), (-self.shift, self.shift))

    def points(self, points: Tensor, parameters: Tensor, size: tuple[int, int]) -> Tensor:
        """Move positions (n, H, W, 2) along their radius."""
        side = max(size)
        k = parameters[:, 0].to(points)[:, None, None, None]
        axis = (parameters[:, 1:] * side).to(points)[:, None, None]
        offsets = points - axis
        square = (offsets / side).square().sum(dim=-1, keepdim=True)
        return axis + offsets * (1 + k * square * (1 + square))
