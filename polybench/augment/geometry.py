"""Affine operations: flips, rotations, zooms, shifts and crops; a chain of them is a single matrix.

Quarter turns and transposition of a frame that isn't square are followed by a resize to the frame, as in offline
augmentation before a resize.
"""

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from polybench.augment.operations import GeometricOperation, uniform

Matrix = tuple[float, float, float, float, float, float]
"""Upper two rows (a, b, c, d, e, f) of a 3x3 matrix: x' = a x + b y + c and y' = d x + e y + f."""

IDENTITY: Matrix = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


def compose(first: Matrix, then: Matrix) -> Matrix:
    """Compose two maps: `first`, then `then`."""
    a, b, c, d, e, f = first
    p, q, r, s, t, u = then
    return (p * a + q * d, p * b + q * e, p * c + q * f + r, s * a + t * d, s * b + t * e, s * c + t * f + u)


def rotation(degrees: float, factor: float = 1.0) -> Matrix:
    """Build the map that rotates an image anticlockwise by `degrees` about its centre and shrinks it by `factor`."""
    cosine, sine = factor * math.cos(math.radians(degrees)), factor * math.sin(math.radians(degrees))
    return (cosine, -sine, 0.0, sine, cosine, 0.0)


def map_points(matrices: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Map positions by one matrix per sample.

    Args:
        matrices: (n, 6), on the device of the positions.
        x: Their x, which broadcasts to (n, H, W); (1, 1, W) for pixel centres.
        y: Their y, likewise; (1, H, 1) for pixel centres.

    Returns:
        Positions (n, H, W, 2).
    """
    places = torch.empty(len(matrices), y.shape[1], x.shape[2], 2, dtype=matrices.dtype, device=matrices.device)
    a, b, c, d, e, f = matrices[:, :, None, None].unbind(1)
    torch.add(a * x, b * y + c, out=places[..., 0])
    torch.add(d * x, e * y + f, out=places[..., 1])
    return places


class AffineOperation(GeometricOperation):
    """Base class of geometric operations with a single matrix."""

    @abstractmethod
    def matrix(self, parameters: Sequence[float], size: tuple[int, int]) -> Matrix:
        """Build the map from positions of the output to positions of the input.

        Args:
            parameters: Drawn parameters of the sample.
            size: Height and width of the image in pixels.
        """

    def points(self, points: Tensor, parameters: Tensor, size: tuple[int, int]) -> Tensor:
        """Map positions of the output (n, H, W, 2) to positions of the input."""
        matrices = torch.tensor([self.matrix(row, size) for row in parameters.tolist()], dtype=torch.float64)
        return map_points(matrices.to(points), points[..., 0], points[..., 1])


@dataclass(frozen=True)
class HorizontalFlip(AffineOperation):
    """Flip left to right."""

    def matrix(self, parameters: Sequence[float], size: tuple[int, int]) -> Matrix:
        """Mirror x."""
        return (-1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


@dataclass(frozen=True)
class VerticalFlip(AffineOperation):
    """Flip top to bottom."""

    def matrix(self, parameters: Sequence[float], size: tuple[int, int]) -> Matrix:
        """Mirror y."""
        return (1.0, 0.0, 0.0, 0.0, -1.0, 0.0)


@dataclass(frozen=True)
class Transpose(AffineOperation):
    """Exchange of rows and columns."""

    def matrix(self, parameters: Sequence[float], size: tuple[int, int]) -> Matrix:
        """Exchange x and y, each stretched to the other's length."""
        height, width = size
        return (0.0, width / height, 0.0, height / width, 0.0, 0.0)


@dataclass(frozen=True)
class Rotate90(AffineOperation):
    """One, two or three quarter turns anticlockwise, with equal probability."""

    def draw(self, generator: torch.Generator) -> tuple[float, ...]:
        """Draw the number of quarter turns."""
        return (float(torch.randint(1, 4, (), generator=generator)),)

    def matrix(self, parameters: Sequence[float], size: tuple[int, int]) -> Matrix:
        """Rotate, with each side stretched to the length of the side that it replaces."""
        cosine, sine = [(1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0)][int(parameters[0])]
        height, width = size
        return (cosine, -sine * width / height, 0.0, sine * height / width, cosine, 0.0)


@dataclass(frozen=True)
class Rotate(AffineOperation):
    """A rotation about the centre.

    Args:
        degrees: The largest angle, either way; the angle is uniform.
    """

    degrees: float

    def draw(self, generator: torch.Generator) -> tuple[float, ...]:
        """Draw the angle in degrees, positive anticlockwise."""
        return uniform(generator, (-self.degrees, self.degrees))

    def matrix(self, parameters: Sequence[float], size: tuple[int, int]) -> Matrix:
        """Rotate about the centre."""
        return rotation(parameters[0])


@dataclass(frozen=True)
class Affine(AffineOperation):
    """A rotation about the centre, an isotropic zoom, then a shift.

    Args:
        degrees: The largest angle, either way.
        zoom: Range of the magnification; above 1 objects get larger.
        shift: The largest shift along each axis, as a share of that side.
    """

    degrees: float = 0.0
    zoom: tuple[float, float] = (1.0, 1.0)
    shift: float = 0.0

    def draw(self, generator: torch.Generator) -> tuple[float, ...]:
        """Draw the angle in degrees, the magnification, and the shifts to the right and down."""
        shifts = (-self.shift, self.shift)
        return uniform(generator, (-self.degrees, self.degrees), self.zoom, shifts, shifts)

    def matrix(self, parameters: Sequence[float], size: tuple[int, int]) -> Matrix:
        """Invert the shift, then the zoom and the rotation."""
        degrees, zoom, right, down = parameters
        height, width = size
        return compose((1.0, 0.0, -right * width, 0.0, 1.0, -down * height), rotation(degrees, 1 / zoom))


@dataclass(frozen=True)
class CentreCrop(AffineOperation):
    """A crop of the middle of the frame, resized to the whole frame.

    Args:
        share: The part of each side that is kept.
    """

    share: float

    def matrix(self, parameters: Sequence[float], size: tuple[int, int]) -> Matrix:
        """Shrink to the middle."""
        return (self.share, 0.0, 0.0, 0.0, self.share, 0.0)


@dataclass(frozen=True)
class RandomCrop(AffineOperation):
    """A crop of the frame at a random position, resized to the whole frame.

    Args:
        share: The part of each side that is kept.
    """

    share: float

    def draw(self, generator: torch.Generator) -> tuple[float, ...]:
        """Draw the centre of the crop, as shares of the sides from the centre of the frame."""
        slack = (1 - self.share) / 2
        return uniform(generator, (-slack, slack), (-slack, slack))

    def matrix(self, parameters: Sequence[float], size: tuple[int, int]) -> Matrix:
        """Shrink to the crop."""
        height, width = size
        return (self.share, 0.0, parameters[0] * width, 0.0, self.share, parameters[1] * height)
