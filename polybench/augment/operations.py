"""Base classes of augmentation operations, which move pixels or recolour them.

Both draw the parameters of a sample from the sample's own generator, and are applied to a sub-batch with parameters for
each sample. The result for a sample depends only on its pixels and parameters, never on its neighbours.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from polybench.core.errors import ConfigError


def uniform(generator: torch.Generator, *ranges: tuple[float, float]) -> tuple[float, ...]:
    """Draw one uniform number from each range."""
    draws = torch.rand(len(ranges), generator=generator, dtype=torch.float64).tolist()
    return tuple(low + (high - low) * draw for draw, (low, high) in zip(draws, ranges, strict=True))


def seed(generator: torch.Generator) -> float:
    """Draw a seed for noise: an integer below 2**31, as a float like all parameters."""
    return float(torch.randint(2**31, (), generator=generator))


class Operation:
    """Base class of operations, with parameters that are drawn for each sample."""

    version: ClassVar[int] = 1
    """Version of the class, increased with that of each named policy that uses it, whenever numbers may change."""

    def draw(self, generator: torch.Generator) -> tuple[float, ...]:
        """Draw the parameters of one sample.

        Args:
            generator: The sample's own CPU generator, the only source of randomness.

        Returns:
            The same number of parameters at each call; none by default. An operation with noise draws a `seed` here,
            and generates its noise from that seed when it is applied.
        """
        return ()


class GeometricOperation(Operation, ABC):
    """Base class of operations that move pixels: they map output to input positions, for the image and its masks.

    Positions are pixels from the centre of the image, x to the right and y down: the centre of the upper left pixel of
    an image of (H, W) is at ((1 - W) / 2, (1 - H) / 2).
    """

    @abstractmethod
    def points(self, points: Tensor, parameters: Tensor, size: tuple[int, int]) -> Tensor:
        """Map positions of the output to positions of the input.

        Args:
            points: Positions as x and y (n, H, W, 2), float32, on the images' device; may lie outside the image.
            parameters: One row of drawn numbers per sample (n, P), float64, on the CPU.
            size: Height and width of the images in pixels.

        Returns:
            The positions to sample (n, H, W, 2).
        """


class PixelOperation(Operation, ABC):
    """Base class of operations that change the values of pixels, so that masks are unchanged."""

    @abstractmethod
    def apply(self, images: Tensor, parameters: Tensor) -> Tensor:
        """Apply the operation to a sub-batch.

        Args:
            images: (n, 3, H, W), float32 in [0, 1], on any device; they must not be changed in place.
            parameters: One row of drawn numbers per sample (n, P), float64, on the CPU.

        Returns:
            New images (n, 3, H, W), clamped to [0, 1]. Noise per pixel comes from a generator on the images' device,
            seeded by the sample's drawn integer.
        """


@dataclass(frozen=True)
class Step:
    """An operation of a chain with its probability.

    Args:
        operation: The operation.
        probability: Probability that it is applied to a sample.

    Raises:
        ConfigError: If the probability isn't in [0, 1].
    """

    operation: GeometricOperation | PixelOperation
    probability: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.probability <= 1:
            raise ConfigError(
                f"The probability of {type(self.operation).__name__} must be between 0 and 1, not {self.probability}."
            )


Chain = Sequence[Step]
"""Steps that are applied to a sample in this order; an empty chain changes nothing."""
