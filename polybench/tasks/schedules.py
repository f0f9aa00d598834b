"""Schedules that torch lacks."""

import math

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from polybench.errors import ConfigError


class CosineThenFlat(LambdaLR):
    """Half a cosine from the learning rate down to a share of it, which then stays, as FCN16s-Atrous's code has it.

    `CosineAnnealingLR` goes up again after its half period.

    Args:
        optimizer: The optimizer.
        epochs: Length of the way down.
        floor: Share of the learning rate that is left.

    Raises:
        ConfigError: If `epochs` is below 1 or `floor` no share.
    """

    def __init__(self, optimizer: Optimizer, epochs: int, floor: float = 0.1) -> None:
        if epochs < 1 or not 0 <= floor <= 1:
            raise ConfigError(f"CosineThenFlat needs at least one epoch and a floor in [0, 1], not {epochs}, {floor}.")

        def share(epoch: int) -> float:
            down = (1 + math.cos(math.pi * min(epoch, epochs) / epochs)) / 2
            return floor + (1 - floor) * down

        super().__init__(optimizer, share)
