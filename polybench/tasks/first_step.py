"""Checks of the loss and its gradient in the first training step, before any weight is updated."""

from collections.abc import Iterable

import torch
from lightning.pytorch.strategies import Strategy
from torch import Tensor, nn

from polybench.core.errors import ConfigError

MOST_SCALED_STEPS = 40
"""Number of steps in which a float16 loss scale, halved each time, falls from 65,536 to below one millionth."""


class FirstStep:
    """Check that refuses a loss without a gradient, or with one that isn't finite.

    A batch whose masks are all empty or all full may have no gradient even with a valid loss (Dice), so the check then
    waits for the next batch. It also waits while the loss scale of float16 is lowered.

    Attributes:
        waiting: Whether the check is still pending.
    """

    def __init__(self) -> None:
        self.waiting = False
        self._several_classes = True
        self._scaled_steps = 0

    def check_loss(self, total: Tensor, name: str, several_classes: bool, strategy: Strategy) -> None:
        """Check the loss before the backward pass; a collective call, made by every process.

        Args:
            total: The loss, a scalar.
            name: Class of the loss.
            several_classes: Whether the batch has several classes.
            strategy: The trainer's strategy.

        Raises:
            ConfigError: If it has no gradient, or isn't finite.
        """
        self._several_classes = several_classes
        if not total.requires_grad:
            raise ConfigError(
                f"No parameter gets a gradient from {name}: compute it from the net's outputs, without detach."
            )
        if strategy.reduce_boolean_decision(not bool(torch.isfinite(total)), all=False):
            raise ConfigError(
                f"{name} is {float(total.detach())} in the first step, in this process or another: check the loss, the "
                "input's mean and std, and the precision."
            )

    def check_gradients(self, parameters: Iterable[nn.Parameter], name: str, strategy: Strategy) -> None:
        """Check the gradients after the backward pass.

        Args:
            parameters: The parameters that are trained.
            name: Class of the loss.
            strategy: The trainer's strategy.

        Raises:
            ConfigError: If all are 0 or missing, or one isn't finite.
        """
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        none = not any(bool(gradient.any()) for gradient in gradients)
        broken = not all(bool(gradient.isfinite().all()) for gradient in gradients)
        several_classes = strategy.reduce_boolean_decision(self._several_classes, all=False)
        if strategy.reduce_boolean_decision(broken, all=False):
            self._refuse_broken(name, scaled=getattr(strategy.precision_plugin, "scaler", None) is not None)
        elif not strategy.reduce_boolean_decision(none, all=True):
            self.waiting = False
        elif several_classes:
            raise ConfigError(
                f"No parameter gets a gradient from {name} in the first step, so the net would not learn: use a "
                "loss for one foreground channel, such as polybench.losses.BCEDiceLoss or torch.nn.BCEWithLogitsLoss."
            )

    def _refuse_broken(self, name: str, scaled: bool) -> None:
        """Refuse a gradient that isn't finite, unless the loss scale is still being lowered."""
        self._scaled_steps += 1
        if scaled and self._scaled_steps < MOST_SCALED_STEPS:
            return
        raise ConfigError(
            f"{name} is finite in the first step, but its gradient is not (nan or inf), so no weight would stay "
            "finite: look for a square root, logarithm or division of 0 in the loss or the net."
        )


def tells_apart(masks: Tensor) -> bool:
    """Whether masks (N, C, H, W) in {0, 1} have both foreground and background."""
    return bool(masks.any()) and not bool(masks.all())
