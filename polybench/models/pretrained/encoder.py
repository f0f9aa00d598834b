"""Encoders of segmentation_models_pytorch with pretrained weights of this machine where they are there."""

import segmentation_models_pytorch as smp
from torch import nn

from polybench.models.pretrained.provider import find, give

UNDILATED = 32
"""Output stride of the library's encoders as they are."""


def make_encoder(name: str, weights: str | None, output_stride: int = UNDILATED) -> nn.Module:
    """Make an encoder; its library fetches weights over the network that are not on this machine.

    Args:
        name: As segmentation_models_pytorch calls it.
        weights: `imagenet`, a file, another name that the library knows, or None for random weights.
        output_stride: 32, or less for a dilated encoder.

    Raises:
        ConfigError: If weights of this machine are damaged or don't fit, or are in a package that isn't installed.
        KeyError: If there is no such encoder, or it has no such weights.
        OSError: If weights can't be fetched.
    """
    found = find(name, weights)
    fetched = weights if found is None else None
    encoder: nn.Module = smp.encoders.get_encoder(name, weights=fetched, output_stride=output_stride)
    if found is not None:
        give(encoder, name, found)
    return encoder
