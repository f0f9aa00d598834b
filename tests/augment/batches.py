"""Images and parameters for the tests of operations."""

import torch
from torch import Tensor

from polybench.augment.operations import Operation
from polybench.core.randomness import generator


def random_images(count: int = 3, height: int = 24, width: int = 19) -> Tensor:
    """Make noise (count, 3, height, width) that takes all 256 levels of 8 bits."""
    levels = torch.randint(256, (count, 3, height, width), generator=generator("images"))
    return levels.float() / 255


def rows(*parameters: tuple[float, ...]) -> Tensor:
    """Give each sample its parameters, by hand."""
    return torch.tensor(parameters, dtype=torch.float64)


def drawn(operation: Operation, count: int, key: str = "parameters") -> Tensor:
    """Draw each sample's parameters from a generator of its own."""
    return rows(*(operation.draw(generator(key, sample)) for sample in range(count)))
