"""Flips, turns, zooms, shifts and crops: maps that are one matrix, so that a chain of them is one matrix too.

Quarter turns and transposition of a frame that isn't square are followed by a resize back to the frame, as an offline
augmentation followed by a resize does.
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
    """Make the matrix that maps a point by `first` and the result by `then`."""
    a, b, c, d, e, f = first
    p, q, r, s, t, u = then
    return (p * a + q * d, p * b + q * e, p * c + q * f + r, s * a + t * d, s * b + t * e, s * c + t * f + u)


def rotation(degrees: float, factor: float = 1.0) -> Matrix:
    """Make the map that shows an image turned anticlockwise by `degrees` about its centre, and `factor` smaller."""
    cosine, sine = factor * math.cos(math.radians(degrees)), factor * math.sin(math.radians(degrees))
    return (cosine, -sine, 0.0, sine, cosine, 0.0)


def map_points(matrices: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Map places by one matrix per sample.

    Args:
        matrices: (n, 6), on the device of the places.
        x: The places' x, which broadcasts to (n, H, W); (1, 1, W) for the places of the pixels themselves.
        y: Their y, likewise; (1, H, 1) for the pixels themselves.

    Returns:
        Places (n, H, W, 2).
    """
    places = torch.empty(len(matrices), y.shape[1], x.shape[2], 2, dtype=matrices.dtype, device=matrices.device)
    a, b, c, d, e, f = matrices[:, :, None, None].unbind(1)
    torch.add(a * x, b * y + c, out=places[..., 0])
    torch.add(d * x, e * y + f, out=places[..., 1])
    return places


class AffineOperation(GeometricOperation):
    """A geometric operation that is one matrix."""

    @abstractmethod
    def matrix(self, parameters: Sequence[float], size: tuple[int, int]) -> Matrix:
        """Make the map from places of the output to places of the input.

        Args:
            parameters: What was drawn for the sample.
            size: Height and width of the image in pixels.
        """

    def points(self, points: Tensor, parameters: Tensor, size: tuple[int, int]) -> Tensor:
        """Map places of the output (n, H, W, 2) to places of the input."""
        matrices = torch.tensor([self.matrix(row, size) for row in parameters.tolist()], dtype=torch.float64)
        return map_points(matrices.to(points), points[..., 0], points[..., 1])


@dataclass(frozen=True)
class HorizontalFlip(AffineOperation):
    """Left becomes right."""

    def matrix(self, parameters: Sequence[float], size: tuple[int, int]) -> Matrix:
        """Mirror x."""
        return (-1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


@dataclass(frozen=True)
class VerticalFlip(AffineOperation):
    """Top becomes bottom."""

    def matrix(self, parameters: Sequence[float], size: tuple[int, int]) -> Matrix:
        """Mirror y."""
        return (1.0, 0.0, 0.0, 0.0, -1.0, 0.0)


@dataclass(frozen=True)
class Transpose(AffineOperation):
    """Rows become columns."""

    def matrix(self, parameters: Sequence[float], size: tuple[int, int]) -> Matrix:
        """Exchange x and y, each stretched to the other's length."""
        height, width = size
        return (0.0, width / height, 0.0, height / width, 0.0, 0.0)


@dataclass(frozen=True)
class Rotate90(AffineOperation):
    """One, two or three quarter turns anticlockwise, each as likely; a frame left as it is, is the chain's business."""

    def draw(self, generator: torch.Generator) -> tuple[float, ...]:
        """Draw the number of quarter turns."""
        return (float(torch.randint(1, 4, (), generator=generator)),)

    def matrix(self, parameters: Sequence[float], size: tuple[int, int]) -> Matrix:
        """Turn, with each side stretched to the length of the side whose place it takes."""
        cosine, sine = [(1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0)][int(parameters[0])]
        height, width = size
        return (cosine, -sine * width / height, 0.0, sine * height / width, cosine, 0.0)


@dataclass(frozen=True)
class Rotate(AffineOperation):
    """A turn about the centre.

    Args:
        degrees: The largest angle, either way; all angles up to it are as likely.
    """

    degrees: float

    def draw(self, generator: torch.Generator) -> tuple[float, ...]:
        """Draw the angle in degrees, positive anticlockwise."""
        return uniform(generator, (-self.degrees, self.degrees))

    def matrix(self, parameters: Sequence[float], size: tuple[int, int]) -> Matrix:
        """Turn about the centre."""
        return rotation(parameters[0])


@dataclass(frozen=True)
class Affine(AffineOperation):
    """A turn about the centre, a zoom that keeps proportions, then a shift.

    Args:
        degrees: The largest angle, either way.
        zoom: The least and the greatest magnification; above 1 things get larger.
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
        """Undo the shift, then the zoom and the turn."""
        degrees, zoom, right, down = parameters
        height, width = size
        return compose((1.0, 0.0, -right * width, 0.0, 1.0, -down * height), rotation(degrees, 1 / zoom))


@dataclass(frozen=True)
class CentreCrop(AffineOperation):
    """The middle of the frame, resized back to the whole frame.

    Args:
        share: The part of each side that is kept.
    """

    share: float

    def matrix(self, parameters: Sequence[float], size: tuple[int, int]) -> Matrix:
        """Shrink to the middle."""
        return (self.share, 0.0, 0.0, 0.0, self.share, 0.0)


@dataclass(frozen=True)
class RandomCrop(AffineOperation):
    """A part of the frame at a random place, resized back to the whole frame.

    Args:
        share: The part of each side that is kept.
    """

    share: float

    def draw(self, generator: torch.Generator) -> tuple[float, ...]:
        """Draw the crop's middle, as shares of the sides from the centre."""
        slack = (1 - self.share) / 2
        return uniform(generator, (-slack, slack), (-slack, slack))

    def matrix(self, parameters: Sequence[float], size: tuple[int, int]) -> Matrix:
        """Shrink to the crop."""
        height, width = size
        return (self.share, 0.0, parameters[0] * width, 0.0, self.share, parameters[1] * height)
