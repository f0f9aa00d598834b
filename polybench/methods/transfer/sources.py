"""Sources of a transfer: trained encoders, read from checkpoints and safetensors files, with their lineage.

A file of polybench names the runs that its weights descend from, and holds a hash of its tensors.
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
"""Key of the hash of its tensors in the metadata of a file; files of earlier versions and of others lack it."""
PREFIXES = ("net.encoder.", "net._orig_mod.encoder.", "encoder.")
"""Prefixes of an encoder's keys: in a checkpoint of a task, of a task with a compiled net, and of a net."""

State = Mapping[str, Tensor]


class Source(NamedTuple):
    """A trained encoder.

    Attributes:
        state: Its tensors by key.
        ancestors: The runs that they descend from, oldest first, its own last.
    """

    state: State
    ancestors: tuple[Ancestor, ...]


def encoder_of(net: nn.Module) -> nn.Module:
    """The encoder of a net.

    Raises:
        ConfigError: If it has none.
    """
    encoder = getattr(net, "encoder", None)
    if not isinstance(encoder, nn.Module):
        raise ConfigError(
            f"{type(net).__name__} has no encoder at '.encoder', so no weights can be transferred: leave out the "
            "TransferCallback."
        )
    return encoder


def read_source(source: str, net: nn.Module) -> Source:
    """Read a trained encoder.

    Args:
        source: `imagenet`, a `.safetensors` file, or a checkpoint.
        net: The target; ImageNet's weights are those of its encoder.

    Raises:
        ConfigError: If the source can't be read, or holds no encoder.
    """
    if source == IMAGENET:
        state = imagenet_state(net)
        digest = sha256(to_safetensors(dict(state))).hexdigest()
        return Source(state, (Ancestor(digest, "classification", "ImageNet", None),))
    path = Path(source).expanduser()
    if not path.is_file():
        raise ConfigError(
            f"There is no file '{source}' to transfer from: name a checkpoint, a .safetensors file, or imagenet (a "
            "stage of a plan, which `polybench transfer` runs, leaves its encoder as checkpoints/encoder.safetensors)."
        )
    if path.suffix == ".safetensors":
        return _read_safetensors(path)
    saved = AtomicCheckpointIO().load_checkpoint(path)
    state = weights_of(saved if "state_dict" in saved else {"state_dict": saved}, path)
    return Source(encoder_state(state, path), lineage_of(saved, path))


def encoder_state(state: Mapping[str, Any], path: Path) -> dict[str, Tensor]:
    """The tensors of a state that belong to an encoder, by their keys in it.

    Raises:
        ConfigError: If there are none.
    """
    for prefix in PREFIXES:
        found = {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
        if found:
            return found
    raise ConfigError(f"'{path}' holds no encoder (no key begins with {' or '.join(PREFIXES)}): give another file.")


def _read_safetensors(path: Path) -> Source:
    try:
        with safe_open(path, framework="pt") as file:
            state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - it is no mapping
            metadata = file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise ConfigError(f"'{path}' is no safetensors file ({error}): give another file.") from error
    expected = metadata.get(TENSORS)
    if expected is not None and weights_sha256(state) != expected:
        raise ConfigError(f"'{path}' is damaged (the sha256 of its tensors is another): use another copy of it.")
    if wrong := not_finite(state):
        raise ConfigError(
            f"'{path}' can't be used: {len(wrong)} of its tensors hold NaN or infinity ('{wrong[0]}' first): give "
            "another file."
        )
    bare = state if not any(key.startswith(PREFIXES) for key in state) else encoder_state(state, path)
    ancestors = read_ancestors(metadata.get(LINEAGE), path) or (Ancestor(file_sha256(path), None, None, None),)
    return Source(bare, ancestors)


def imagenet_state(net: nn.Module) -> State:
    """ImageNet's weights of a net whose encoder is one of segmentation_models_pytorch.

    Raises:
        ConfigError: If the encoder isn't from there, or its weights can't be had.
    """
    import segmentation_models_pytorch as smp  # with timm, a second that other nets don't wait for

    from polybench.models.pretrained.encoder import make_encoder

    name = getattr(net, "encoder_name", None)
    if isinstance(net, smp.base.SegmentationModel):
        name = str(net.name).partition("-")[2]
    if name is None:
        raise ConfigError(
            f"Which ImageNet weights belong to {type(net).__name__} is not known: let the net load them itself "
            "(encoder_weights: imagenet, or pretrained: true), or give a file."
        )
    try:
        encoder = make_encoder(name, IMAGENET)
    except ConfigError:
        raise
    except Exception as error:  # whatever the hub, the network or the disk raises
        raise ConfigError(f"ImageNet's weights of '{name}' can't be had ({type(error).__name__}: {error}).") from error
    return encoder.state_dict()


def write_encoder(source: Source, path: Path) -> None:
    """Write an encoder with its lineage, atomically."""
    tensors = {key: value.detach().cpu().contiguous().clone() for key, value in source.state.items()}
    lineage = json.dumps([asdict(one) for one in source.ancestors])
    metadata = {LINEAGE: lineage, TENSORS: weights_sha256(tensors)}
    with atomic_writer(path) as file:
        file.write(to_safetensors(tensors, metadata))
