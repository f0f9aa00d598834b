"""Find the parameters of a net that no gradient ever reaches; under DDP they would be an error."""

import copy

import torch
from torch import nn


def parameters_without_gradient(net: nn.Module, size: tuple[int, int]) -> list[str]:
    """Name the trainable parameters that a backward pass leaves without a gradient.

    The pass runs on a copy on the meta device: it costs no memory, no arithmetic and no random numbers.

    Args:
        net: The net; it stays as it is.
        size: Height and width of an input that the net takes.

    Returns:
        Names as in `named_parameters()`; an encoder stage that a decoder never reads, for example.

    Raises:
        RuntimeError: If the net's forward depends on values, which the meta device has not.
    """
    shadow = copy.deepcopy(net).to("meta").train()
    output = shadow(torch.empty(2, 3, *size, device="meta"))
    outputs = output if isinstance(output, list | tuple) else [output]
    torch.stack([item.sum() for item in outputs]).sum().backward()  # type: ignore[no-untyped-call]
    return [name for name, p in shadow.named_parameters() if p.requires_grad and p.grad is None]
