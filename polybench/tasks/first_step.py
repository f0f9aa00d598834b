"""What is looked at in the first step of a training alone, before any weight moves: can this loss train this net?"""

from collections.abc import Iterable

import torch
from lightning.pytorch.strategies import Strategy
from torch import Tensor, nn

from polybench.core.errors import ConfigError

MOST_SCALED_STEPS = 40
"""Steps in which a scale of float16, halved in each, falls from 65,536 to below one millionth."""


class FirstStep:
    """Refuses a loss that trains nothing, or whose gradient isn't finite.

    A batch whose masks are all empty or all full may have no gradient with a sound loss (Dice), so that the next one
    is waited for; so it is where float16 is scaled, since a scale that is too large is lowered step by step.

    Attributes:
        waiting: Whether the first step is still to come.
    """

    def __init__(self) -> None:
        self.waiting = False
        self._telling = True
        self._scaled_steps = 0

    def see_loss(self, total: Tensor, name: str, telling: bool, strategy: Strategy) -> None:
        """Look at the loss, before the backward pass; every process does, since they answer together.

        Args:
            total: The scalar.
            name: The loss's class.
            telling: Whether the batch has something to tell apart.
            strategy: Of the trainer.

        Raises:
            ConfigError: If nothing can be learnt from it, or it isn't finite.
        """
        self._telling = telling
        if not total.requires_grad:
            raise ConfigError(
                f"No parameter gets a gradient from {name}: it must be computed from the net's outputs, without detach."
            )
        if strategy.reduce_boolean_decision(not bool(torch.isfinite(total)), all=False):
            raise ConfigError(
                f"{name} is {float(total.detach())} in the first step, in this process or another: check the loss, the "
                "input's mean and std, and the precision."
            )

    def see_gradients(self, parameters: Iterable[nn.Parameter], name: str, strategy: Strategy) -> None:
        """Look at the gradients, after the backward pass.

        Args:
            parameters: What is trained.
            name: The loss's class.
            strategy: Of the trainer.

        Raises:
            ConfigError: If all are 0 or none, or one isn't finite.
        """
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        none = not any(bool(gradient.any()) for gradient in gradients)
        broken = not all(bool(gradient.isfinite().all()) for gradient in gradients)
        telling = strategy.reduce_boolean_decision(self._telling, all=False)
        if strategy.reduce_boolean_decision(broken, all=False):
            self._refuse_broken(name, scaled=getattr(strategy.precision_plugin, "scaler", None) is not None)
        elif not strategy.reduce_boolean_decision(none, all=True):
            self.waiting = False
        elif telling:
            raise ConfigError(
                f"No parameter gets a gradient from {name} in the first step, so that nothing would be learnt: take a "
                "loss for one foreground channel, such as polybench.losses.BCEDiceLoss or torch.nn.BCEWithLogitsLoss."
            )

    def _refuse_broken(self, name: str, scaled: bool) -> None:
        """Refuse a gradient that isn't finite, unless its scale is still to be found."""
        self._scaled_steps += 1
        if scaled and self._scaled_steps < MOST_SCALED_STEPS:
            return
        raise ConfigError(
            f"{name} is finite in the first step, but its gradient is not (nan or inf), so that no weight would stay "
            "finite: look for a square root, logarithm or division of 0 in the loss or the net."
        )


def tells_apart(masks: Tensor) -> bool:
    """Whether masks (N, C, H, W) in {0, 1} have both foreground and background."""
    return bool(masks.any()) and not bool(masks.all())
