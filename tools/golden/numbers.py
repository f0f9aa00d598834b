"""Fixed inputs, and few numbers in place of many tensors.

Inputs are sines, no drawn numbers. Tensors are summed up in four numbers, each a mean over their elements, so that
another machine, another number of threads or another rounding moves them by far less than the tolerance.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

TOLERANCE = 1e-4
"""Share of a number, or of its tensors' mean absolute value where that is larger, by which it may move."""


@dataclass(frozen=True)
class Golden:
    """What a class computed.

    Attributes:
        version: Of the class.
        numbers: What was computed -> numbers, compared with `tolerance`.
        exact: What was computed -> text, which must be equal.
        tolerance: Share by which numbers may move.
    """

    version: str
    numbers: Mapping[str, Sequence[float]]
    exact: Mapping[str, str]
    tolerance: float = TOLERANCE

    def moved(self, stored: "Golden") -> list[str]:
        """What differs from what was stored."""
        names = sorted({*self.numbers, *stored.numbers, *self.exact, *stored.exact})
        return [name for name in names if not self._agrees(stored, name)]

    def _agrees(self, stored: "Golden", name: str) -> bool:
        mine, theirs = self.numbers.get(name), stored.numbers.get(name)
        if self.exact.get(name) != stored.exact.get(name) or (mine is None) != (theirs is None):
            return False
        if mine is None or theirs is None:
            return True
        scale = max(map(abs, theirs), default=0.0) if len(theirs) == 4 else 0.0
        return len(mine) == len(theirs) and all(
            abs(one - other) <= self.tolerance * max(abs(other), scale) for one, other in zip(mine, theirs, strict=True)
        )


def summary(tensors: Iterable[Tensor]) -> list[float]:
    """Sum tensors up: mean, standard deviation, mean absolute value, and mean product with a sine.

    Each tensor has a weight of its own in the sums, so that no two changes cancel.
    """
    sums = [0.0] * 4
    for number, tensor in enumerate(tensors):
        values = tensor.detach().double().flatten()
        wave = torch.sin(0.7 * torch.arange(len(values), dtype=torch.float64) + number)
        parts = (values.mean(), values.std(unbiased=False), values.abs().mean(), (values * wave).mean())
        weight = 1 + (number % 31) / 31
        sums = [total + weight * float(part) for total, part in zip(sums, parts, strict=True)]
    return [rounded(value) for value in sums]


def rounded(value: float) -> float:
    """Eight significant digits."""
    return float(f"{value:.8g}")


def images(n: int, size: int) -> Tensor:
    """Fixed images (N, 3, S, S) in [0, 1]."""
    return (1 + _waves(n, 3, size)) / 2


def masks(n: int, size: int) -> Tensor:
    """Fixed masks (N, 1, S, S) in {0, 1}, a disc each."""
    y, x = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    discs = [((y - size * (0.4 + 0.02 * k)) ** 2 + (x - size * 0.45) ** 2 < (size * 0.3) ** 2) for k in range(n)]
    return torch.stack(discs).unsqueeze(1).float()


def logits(n: int, size: int) -> Tensor:
    """Fixed logits (N, 1, S, S)."""
    return 3 * _waves(n, 1, size)


def _waves(n: int, channels: int, size: int) -> Tensor:
    count = n * channels * size * size
    phase = torch.arange(count, dtype=torch.float64).reshape(n, channels, size, size)
    rows = torch.arange(size, dtype=torch.float64).view(1, 1, size, 1)
    return torch.sin(phase * 0.37 + rows * math.pi / 7).float()
