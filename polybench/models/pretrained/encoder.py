"""Encoders of segmentation_models_pytorch with pretrained weights of this machine where they are there."""

import segmentation_models_pytorch as smp
import torch
from torch import nn

from polybench.models.pretrained.caches import TIMM
from polybench.models.pretrained.provider import find, give

UNDILATED = 32
"""Output stride of the library's encoders as they are."""


def is_of_timm(name: str) -> bool:
    """Whether an encoder is one of timm's, whose weights segmentation_models_pytorch wants to be asked for with `True`.

    Args:
        name: The encoder, as segmentation_models_pytorch calls it.
    """
    return name.startswith(TIMM) or bool(smp.encoders.is_equivalent_to_timm_universal(name))


def fill_with_fetched(encoder: nn.Module, name: str, weights: str) -> None:
    """Fill an encoder with weights that its library fetches; random numbers go on as if there were none.

    Args:
        encoder: The encoder, at most as deep as its library makes it.
        name: As segmentation_models_pytorch calls it.
        weights: `imagenet`, or another name that the library knows.

    Raises:
        OSError: If weights can't be fetched.
    """
    with torch.random.fork_rng(devices=[]):
        fetched = make_encoder(name, weights).state_dict()
    encoder.load_state_dict({key: fetched[key] for key in encoder.state_dict()})


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
    asked: str | bool | None = True if weights is not None and is_of_timm(name) else weights
    fetched = asked if found is None else None
    encoder: nn.Module = smp.encoders.get_encoder(name, weights=fetched, output_stride=output_stride)
    if found is not None:
        give(encoder, name, found)
    return encoder
