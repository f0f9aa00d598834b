"""Encoders of segmentation_models_pytorch with pretrained weights of this machine where they are there."""

import segmentation_models_pytorch as smp
import timm
import torch
from torch import nn

from polybench.core.errors import ConfigError, did_you_mean
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


def refuse_unknown(name: str) -> None:
    """Refuse a name that no encoder has; one of a hub, with its address, is left to timm.

    Args:
        name: The encoder, as segmentation_models_pytorch calls it.

    Raises:
        ConfigError: If there is none of the name; the nearest is proposed.
    """
    of_timm, own = name.removeprefix(TIMM), smp.encoders.encoders
    known = timm.is_model(of_timm) if name.startswith(TIMM) else name in own or is_of_timm(name)
    if known or ":" in name:
        return
    near = did_you_mean(name, [*own, *(f"{TIMM}{one}" for one in timm.list_models())])
    hint = near or f" Give one of segmentation_models_pytorch, or one of timm after '{TIMM}'."
    raise ConfigError(f"There is no encoder '{name}'.{hint}")


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
        ConfigError: If there is no such encoder, or weights of this machine are damaged or don't fit, or are in a
            package that isn't installed.
        KeyError: If it has no such weights.
        OSError: If weights can't be fetched.
    """
    refuse_unknown(name)
    found = find(name, weights)
    asked: str | bool | None = True if weights is not None and is_of_timm(name) else weights
    fetched = asked if found is None else None
    encoder: nn.Module = smp.encoders.get_encoder(name, weights=fetched, output_stride=output_stride)
    if found is not None:
        give(encoder, name, found)
    return encoder
