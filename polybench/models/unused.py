"""Dry runs of a net on the meta device: shapes of its outputs, and parameters without a gradient.

They need no memory, arithmetic or random numbers, but fail for a net with a forward that depends on values.
"""

import copy
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn


def meta_images(size: tuple[int, int], count: int = 2) -> Tensor:
    """Create images on the meta device, (count, 3, H, W)."""
    return torch.empty(count, 3, *size, device="meta")


class CannotCopyError(RuntimeError):
    """A net that can't be copied, so that it can't be checked before it runs."""


def meta_copy(net: nn.Module) -> nn.Module:
    """Copy a net to the meta device, without its hooks (such as those of a profiler).

    Raises:
        CannotCopyError: If the net has a part that can't be copied.
    """
    hooks = [
        hook for part in net.modules() for hook in (*part._forward_pre_hooks.values(), *part._forward_hooks.values())
    ]
    owners = [getattr(getattr(hook, "func", hook), "__self__", None) for hook in hooks]
    outside = {id(owner): owner for owner in owners if not isinstance(owner, nn.Module | None)}
    try:
        return copy.deepcopy(net, outside).to("meta")
    except Exception as error:
        raise CannotCopyError(f"the net can't be copied: {error}") from error


class DryRun(NamedTuple):
    """A run of a copy of a net on the meta device.

    Attributes:
        net: The copy.
        output: Its output for the images, in training mode with what it was computed by.
    """

    net: nn.Module
    output: Any


def dry_run(
    net: nn.Module, size: tuple[int, int], others: Sequence[Tensor] = (), training: bool = False, images: int = 2
) -> DryRun:
    """Run a copy of a net on images without values.

    Args:
        net: The net, which is not changed.
        size: Height and width of the images.
        others: Further inputs, on the meta device.
        training: Whether in training mode.
        images: Their number.

    Raises:
        RuntimeError: If the net's forward depends on values, or it can't be copied.
    """
    shadow = meta_copy(net).train(training)
    with torch.set_grad_enabled(training):  # where training shows what the outputs are made by
        return DryRun(shadow, shadow(meta_images(size, images), *others))


def meta_outputs(net: nn.Module, size: tuple[int, int], others: Sequence[Tensor] = (), training: bool = False) -> Any:
    """Return the output of a net for two images, tensors without values; arguments as for `dry_run`."""
    return dry_run(net, size, others, training).output


def sum_of_outputs(output: Any) -> Tensor:
    """Sum a tensor, a list of tensors, or the tensors of a mapping."""
    outputs = list(output.values()) if isinstance(output, dict) else output
    outputs = outputs if isinstance(outputs, list | tuple) else [outputs]
    return torch.stack([item.sum() for item in outputs]).sum()


def parameters_without_gradient(
    net: nn.Module,
    size: tuple[int, int],
    objective: Callable[[Any], Tensor] = sum_of_outputs,
    others: Sequence[Tensor] = (),
) -> list[str]:
    """Return the names of trainable parameters without a gradient after a backward pass, an error under DDP.

    Args:
        net: The net, which is not changed.
        size: Height and width of a valid input.
        objective: Computes the scalar of the backward pass from the net's outputs; their sum by default.
        others: Further inputs, on the meta device.

    Returns:
        Names as in `named_parameters()`, for example of an encoder stage that the decoder doesn't read.

    Raises:
        RuntimeError: If the net's forward depends on values, or it can't be copied.
    """
    return without_gradient(dry_run(net, size, others, training=True), objective)


def without_gradient(run: DryRun, objective: Callable[[Any], Tensor] = sum_of_outputs) -> list[str]:
    """Name the trainable parameters that a backward pass from a run in training mode leaves without a gradient.

    Args:
        run: The run; it can be used once.
        objective: Makes the scalar whose gradient is looked at from the net's outputs.
    """
    objective(run.output).backward()  # type: ignore[no-untyped-call]
    return [name for name, p in run.net.named_parameters() if p.requires_grad and p.grad is None]
