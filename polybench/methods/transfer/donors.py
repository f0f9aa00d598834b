"""Donors: backbones that other nets have learnt, read from checkpoints and safetensors files, with their lineage.

A file of ours says which runs its weights descend from, and holds a hash of its tensors.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_safetensors
from torch import Tensor, nn

from polybench.core.atomic import atomic_writer
from polybench.core.checksum import file_sha256
from polybench.core.errors import ConfigError
from polybench.results.facts import Ancestor
from polybench.tasks.checkpoint import AtomicCheckpointIO
from polybench.tasks.lineage import LINEAGE, lineage_of, read_ancestors
from polybench.tasks.weights import not_finite, weights_of, weights_sha256

IMAGENET = "imagenet"
TENSORS = "polybench_weights_sha256"
"""Key of the hash of its tensors, likewise; files of earlier versions and of others lack it."""
PREFIXES = ("net.encoder.", "net._orig_mod.encoder.", "encoder.")
"""What stands before a backbone's keys in a checkpoint of a task, in one of a compiled net, and in that of a net."""

State = Mapping[str, Tensor]


class Donor(NamedTuple):
    """A backbone's weights by key, and where they come from, oldest first, the donor itself last."""

    state: State
    ancestors: tuple[Ancestor, ...]


def encoder_of(net: nn.Module) -> nn.Module:
    """The backbone of a net.

    Raises:
        ConfigError: If it has none.
    """
    encoder = getattr(net, "encoder", None)
    if not isinstance(encoder, nn.Module):
        raise ConfigError(f"{type(net).__name__} has no backbone at '.encoder', so no weights can be transferred.")
    return encoder


def read_donor(source: str, net: nn.Module) -> Donor:
    """Read a backbone.

    Args:
        source: `imagenet`, a `.safetensors` file, or a checkpoint.
        net: The net whose backbone is to be filled; ImageNet's weights are those of its kind.

    Raises:
        ConfigError: If the source can't be read, or holds no backbone.
    """
    if source == IMAGENET:
        state = imagenet_state(net)
        digest = sha256(to_safetensors(dict(state))).hexdigest()
        return Donor(state, (Ancestor(digest, "classification", "ImageNet", None),))
    path = Path(source).expanduser()
    if not path.is_file():
        raise ConfigError(
            f"There is no donor '{source}': name a checkpoint, a .safetensors file, or imagenet (stages of a plan are "
            "run by `polybench transfer`, and a finished one's file is its checkpoints/encoder.safetensors)."
        )
    if path.suffix == ".safetensors":
        return _read_safetensors(path)
    saved = AtomicCheckpointIO().load_checkpoint(path)
    state = weights_of(saved if "state_dict" in saved else {"state_dict": saved}, path)
    return Donor(backbone_of(state, path), lineage_of(saved, path))


def backbone_of(state: Mapping[str, Any], path: Path) -> dict[str, Tensor]:
    """Those tensors of a state that belong to a backbone, by their keys in it.

    Raises:
        ConfigError: If there are none.
    """
    for prefix in PREFIXES:
        found = {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
        if found:
            return found
    raise ConfigError(f"'{path}' holds no backbone (no key begins with {' or '.join(PREFIXES)}): give another donor.")


def _read_safetensors(path: Path) -> Donor:
    try:
        with safe_open(path, framework="pt") as file:
            state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - it is no mapping
            metadata = file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise ConfigError(f"'{path}' is no safetensors file ({error}): give another donor.") from error
    expected = metadata.get(TENSORS)
    if expected is not None and weights_sha256(state) != expected:
        raise ConfigError(f"'{path}' is damaged (the sha256 of its tensors is another): use another copy of it.")
    if wrong := not_finite(state):
        raise ConfigError(
            f"'{path}' can't be used: {len(wrong)} of its tensors hold NaN or infinity ('{wrong[0]}' first): give "
            "another donor."
        )
    bare = state if not any(key.startswith(PREFIXES) for key in state) else backbone_of(state, path)
    ancestors = read_ancestors(metadata.get(LINEAGE), path) or (Ancestor(file_sha256(path), None, None, None),)
    return Donor(bare, ancestors)


def imagenet_state(net: nn.Module) -> State:
    """ImageNet's weights for a net whose backbone is one of segmentation_models_pytorch.

    Raises:
        ConfigError: If the backbone isn't from there, or its weights can't be had.
    """
    import segmentation_models_pytorch as smp  # with timm, a second that other nets don't wait for

    name = getattr(net, "encoder_name", None)
    if isinstance(net, smp.base.SegmentationModel):
        name = str(net.name).partition("-")[2]
    if name is None:
        raise ConfigError(
            f"Which ImageNet weights belong to {type(net).__name__} is not known: let the net load them itself "
            "(encoder_weights: imagenet, or pretrained: true), or give a file."
        )
    try:
        donor: nn.Module = smp.encoders.get_encoder(name, weights=IMAGENET)
    except Exception as error:  # whatever the hub, the network or the disk raises
        raise ConfigError(f"ImageNet's weights of '{name}' can't be had ({type(error).__name__}: {error}).") from error
    return donor.state_dict()


def write_encoder(donor: Donor, path: Path) -> None:
    """Write a backbone with its lineage, atomically."""
    tensors = {key: value.detach().cpu().contiguous().clone() for key, value in donor.state.items()}
    lineage = json.dumps([asdict(one) for one in donor.ancestors])
    metadata = {LINEAGE: lineage, TENSORS: weights_sha256(tensors)}
    with atomic_writer(path) as file:
        file.write(to_safetensors(tensors, metadata))
