"""Donors: backbones that other nets have learnt, read from checkpoints and safetensors files, with their lineage.

A file of ours says which runs its weights descend from, and holds a hash of its tensors.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, NamedTuple

from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_safetensors
from torch import Tensor, nn

from polybench.callbacks.checkpoint import BEST, LAST, AtomicCheckpointIO, said_of_run
from polybench.callbacks.weights import not_finite, weights_of, weights_sha256
from polybench.core.atomic import atomic_writer
from polybench.core.checksum import file_sha256
from polybench.core.errors import ConfigError
from polybench.results.facts import Ancestor
from polybench.results.strict import decode

IMAGENET = "imagenet"
LINEAGE = "polybench_lineage"
"""Key of the ancestors in the metadata of a safetensors file, as JSON, oldest first."""
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


def lineage_of(saved: Mapping[str, Any], path: Path) -> tuple[Ancestor, ...]:
    """Where a checkpoint comes from, oldest first, itself last.

    Args:
        saved: Its contents.
        path: Its file.

    Raises:
        ConfigError: If what it says of that is not as polybench writes it.
    """
    run = said_of_run(saved)
    origin = run.get("origin") or {}
    try:
        own = {
            "sha256": file_sha256(path),
            **{name: origin.get(name) for name in ("task", "dataset", "stage")},
            "training_id": run.get("training_id") or None,
            "seed": run.get("seed"),
            "point": _point(saved, run),
        }
        return (*read_ancestors(run.get("ancestors") or saved.get(LINEAGE), path), decode(Ancestor, own))
    except (ValueError, TypeError, AttributeError) as error:
        raise ConfigError(_bad_lineage(path, error)) from error


def _point(saved: Mapping[str, Any], run: Mapping[str, Any]) -> Literal["selected", "end"] | None:
    """Which of its run's checkpoints one is, where any run of that training has one like it."""
    if run.get("file") == BEST:
        return "selected"
    finished = saved.get("epoch", -1) + 1 == json.loads(run.get("length") or "{}").get("max_epochs")
    return "end" if run.get("file") == LAST and finished else None


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


def read_ancestors(text: object, path: object) -> tuple[Ancestor, ...]:
    """Read the ancestors that a file keeps as JSON, oldest first; none where it says nothing.

    Args:
        text: The JSON.
        path: The file, for messages.

    Raises:
        ConfigError: If it is not as polybench writes it.
    """
    if not text:
        return ()
    try:
        parsed = json.loads(text) if isinstance(text, str) else text
        if not isinstance(parsed, list):
            raise ValueError("it is no list")
        return tuple(decode(Ancestor, one, f"ancestor {number}") for number, one in enumerate(parsed, start=1))
    except (ValueError, RecursionError) as error:
        raise ConfigError(_bad_lineage(path, error)) from error


def _bad_lineage(path: object, error: Exception) -> str:
    return (
        f"What '{path}' says of where its weights come from is not as polybench writes it ({error}): give another "
        "copy of the file, or a file of the weights alone."
    )


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
