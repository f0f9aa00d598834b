"""ImageNet weights that another program has left on this machine: the caches of torchvision, timm and SMP."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import torch

FROM_TORCHVISION = re.compile(r"(resnet(18|34|50|101|152)|vgg(11|13|16|19)(_bn)?|mobilenet_v2)")
"""Encoders of segmentation_models_pytorch whose ImageNet weights are torchvision's first ones, under the same keys."""

TIMM = "tu-"
"""Begins the names of timm's encoders."""

_HASH_IN_NAME = re.compile(r"-([0-9a-f]{8,64})\.pth$")
"""The first digits of the sha256 in the name of a file that torch hub fetched."""

_SHA256 = re.compile(r"[0-9a-f]{64}")


class Cached(NamedTuple):
    """A file in a cache.

    Attributes:
        path: The file.
        source: What it was released as.
        sha256: As the cache has it, or the first digits; None where the cache doesn't say.
        licence: As its source states it; None where it doesn't.
    """

    path: Path
    source: str
    sha256: str | None
    licence: str | None


def cached(name: str) -> Iterator[Cached]:
    """Look for the ImageNet weights of an encoder in the caches on disk, without the network.

    Args:
        name: The encoder, as segmentation_models_pytorch calls it.

    Yields:
        What is there, torchvision's cache first.
    """
    if FROM_TORCHVISION.fullmatch(name):
        yield from _of_torchvision(name)
    if name.startswith(TIMM):
        yield from _of_timm(name.removeprefix(TIMM))
        return
    yield from _of_smp(name)
    if FROM_TORCHVISION.fullmatch(name) and name != "mobilenet_v2":
        yield from _of_timm(f"{name}.tv_in1k")


def torch_hub() -> Path:
    """The folder in which torch hub keeps files of weights."""
    return Path(torch.hub.get_dir()) / "checkpoints"


def _of_torchvision(name: str) -> Iterator[Cached]:
    from torchvision.models import get_model_weights  # a second that other nets don't wait for

    file = Path(get_model_weights(name)["IMAGENET1K_V1"].url).name
    if (path := torch_hub() / file).is_file():
        named = _HASH_IN_NAME.search(file)
        yield Cached(path, f"torchvision's {file}", named[1] if named else None, None)


def _of_timm(name: str) -> Iterator[Cached]:
    import timm

    known = timm.get_pretrained_cfg(name, allow_unregistered=True)
    if known is not None and known.hf_hub_id:
        yield from _of_hub(known.hf_hub_id, None, known.license)


def _of_smp(name: str) -> Iterator[Cached]:
    import segmentation_models_pytorch as smp

    settings = smp.encoders.encoders.get(name, {}).get("pretrained_settings", {}).get("imagenet")
    if settings is not None:
        yield from _of_hub(settings["repo_id"], settings["revision"], None)


def _of_hub(repository: str, revision: str | None, licence: str | None) -> Iterator[Cached]:
    from huggingface_hub import try_to_load_from_cache  # half a second that other nets don't wait for

    for file in ("model.safetensors", "pytorch_model.bin"):
        found = try_to_load_from_cache(repository, file, revision=revision)
        if isinstance(found, str):
            blob = Path(found).resolve().name  # the cache names large files by their sha256
            yield Cached(Path(found), repository, blob if _SHA256.fullmatch(blob) else None, licence)
            return
