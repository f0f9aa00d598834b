"""What an augmentation does: operations that move pixels and operations that recolour them.

Both draw one sample's parameters from that sample's own generator, and act on a sub-batch whose every sample has
parameters of its own. A sample's result depends on its pixels and parameters alone, never on its neighbours.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from polybench.core.errors import ConfigError


def uniform(generator: torch.Generator, *ranges: tuple[float, float]) -> tuple[float, ...]:
    """Draw one number from each range, every number of a range as likely."""
    draws = torch.rand(len(ranges), generator=generator, dtype=torch.float64).tolist()
    return tuple(low + (high - low) * draw for draw, (low, high) in zip(draws, ranges, strict=True))


def seed(generator: torch.Generator) -> float:
    """Draw a seed for noise: an integer below 2**31, as the float that parameters are."""
    return float(torch.randint(2**31, (), generator=generator))


class Operation:
    """One kind of change, whose strength and place are drawn for each sample."""

    version: ClassVar[int] = 1
    """Raise it when a change could move a number, and that of each named policy which has the operation."""

    def draw(self, generator: torch.Generator) -> tuple[float, ...]:
        """Draw the parameters of one sample.

        Args:
            generator: The sample's own CPU generator; nothing else is a source of chance.

        Returns:
            As many numbers at each call; none unless overridden, for an operation without choice. An operation that
            needs noise draws a `seed` here, and makes its noise from that seed when it is applied.
        """
        return ()


class GeometricOperation(Operation, ABC):
    """Moves pixels: says where in the input each output pixel reads from, for the image and its masks alike.

    Places are pixels from the centre of the image, x to the right and y down: the middle of the upper left pixel of an
    image of (H, W) is at ((1 - W) / 2, (1 - H) / 2).
    """

    @abstractmethod
    def points(self, points: Tensor, parameters: Tensor, size: tuple[int, int]) -> Tensor:
        """Map places of the output to places of the input.

        Args:
            points: Places as x and y (n, H, W, 2), float32, on the images' device; may lie outside the image.
            parameters: One row of drawn numbers per sample (n, P), float64, on the CPU.
            size: Height and width of the images in pixels.

        Returns:
            The places to read from (n, H, W, 2).
        """


class PixelOperation(Operation, ABC):
    """Changes what pixels look like and leaves them where they are, so masks are not touched."""

    @abstractmethod
    def apply(self, images: Tensor, parameters: Tensor) -> Tensor:
        """Change a sub-batch.

        Args:
            images: (n, 3, H, W), float32 in [0, 1], on any device; not to be changed in place.
            parameters: One row of drawn numbers per sample (n, P), float64, on the CPU.

        Returns:
            New images (n, 3, H, W), clamped to [0, 1]. Noise per pixel comes from a generator on the images' device,
            seeded by the sample's drawn integer.
        """


@dataclass(frozen=True)
class Step:
    """A link of a chain.

    Args:
        operation: What is done.
        probability: How likely a sample gets it.

    Raises:
        ConfigError: If the probability is none.
    """

    operation: GeometricOperation | PixelOperation
    probability: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.probability <= 1:
            raise ConfigError(
                f"The probability of {type(self.operation).__name__} must be between 0 and 1, not {self.probability}."
            )


Chain = Sequence[Step]
"""What is done to a sample, in this order; the empty chain leaves it as it is."""
