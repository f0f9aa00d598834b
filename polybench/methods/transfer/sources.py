"""Sources of a transfer: trained encoders, read from checkpoints and safetensors files, with their lineage.

A file of polybench names the runs that its weights descend from, and holds a hash of its tensors. That of another
program is known by its sha256.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from safetensors.torch import save as to_safetensors
from torch import nn

from polybench.core.atomic import atomic_writer
from polybench.core.errors import ConfigError
from polybench.core.weight_file import WeightFile, read_weights, refuse_not_finite
from polybench.methods.transfer.foreign import fitted, states_in
from polybench.methods.transfer.match import State
from polybench.methods.transfer.readings import is_known
from polybench.models.pretrained import given
from polybench.results.facts import Ancestor
from polybench.tasks.checkpoint import KEY, refuse_other_weights
from polybench.tasks.lineage import LINEAGE, lineage_of, read_ancestors
from polybench.tasks.weights import weights_sha256

IMAGENET = "imagenet"
TENSORS = "polybench_weights_sha256"
"""Key of the hash of its tensors in the metadata of a file; files of earlier versions and of others lack it."""


class Source(NamedTuple):
    """A trained encoder.

    Attributes:
        state: Its tensors by key.
        ancestors: The runs that they descend from, oldest first, its own last.
        absent: Keys of the target that a source of another program may lack, counters of batch norm.
        facts: Label -> plain text: how keys were found, and what was left out or converted.
    """

    state: State
    ancestors: tuple[Ancestor, ...]
    absent: tuple[str, ...] = ()
    facts: Mapping[str, str] = {}


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


def read_source(source: str, net: nn.Module, prefix: str | None = None) -> Source:
    """Read a trained encoder.

    Args:
        source: `imagenet`, a `.safetensors` file, or a checkpoint, of polybench or of another program.
        net: The target, whose encoder's keys and shapes say which tensors are meant; ImageNet's weights are those of
            its encoder.
        prefix: Place of the encoder in a file that holds several; None to look for it.

    Raises:
        ConfigError: If the source can't be read, nothing in it belongs to an encoder like the target's, or several
            encoders in it do.
    """
    if source == IMAGENET:
        if prefix is not None:
            raise ConfigError("prefix names a place in a file, and the source is imagenet: leave out prefix.")
        encoder = imagenet_encoder(net)
        state, pretrained = encoder.state_dict(), given(encoder)
        digest = sha256(to_safetensors(state)).hexdigest()
        facts = pretrained.facts if pretrained is not None else {}
        return Source(state, (Ancestor(digest, "classification", "ImageNet", None),), facts=facts)
    path = Path(source).expanduser()
    if path.is_dir():
        raise ConfigError(f"'{source}' is a folder: name the file in it, a checkpoint or a .safetensors file.")
    if not path.is_file():
        raise ConfigError(
            f"There is no file '{source}' to transfer from: name a checkpoint, a .safetensors file, or imagenet (a "
            "stage of a plan, which `polybench transfer` runs, leaves its encoder as checkpoints/encoder.safetensors)."
        )
    file = read_weights(path)
    ancestors = _ancestors(file)
    states = states_in(file.content)
    for name, state in states.items():
        refuse_not_finite(state if is_known(name) else {}, path)
    found = fitted(states, encoder_of(net).state_dict(), path, prefix)
    refuse_not_finite(found.state, path)
    return Source(found.state, ancestors, found.absent, found.facts)


def _ancestors(file: WeightFile) -> tuple[Ancestor, ...]:
    """The runs that the weights of a file descend from; a file of another program is known by its sha256.

    Raises:
        ConfigError: If a file of polybench isn't as it was written.
    """
    if LINEAGE in file.content or KEY in file.content:
        refuse_other_weights(file.content, file.path)
        return lineage_of(file.content, file.path)
    expected = file.metadata.get(TENSORS)
    if expected is not None and weights_sha256(file.content) != expected:
        raise ConfigError(f"'{file.path}' is damaged (the sha256 of its tensors is another): use another copy of it.")
    return read_ancestors(file.metadata.get(LINEAGE), file.path) or (Ancestor(file.sha256, None, None, None),)


def imagenet_encoder(net: nn.Module) -> nn.Module:
    """An encoder with ImageNet's weights, the same as that of a net, which is one of segmentation_models_pytorch.

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
        return make_encoder(name, IMAGENET)
    except ConfigError:
        raise
    except Exception as error:  # whatever the hub, the network or the disk raises
        raise ConfigError(f"ImageNet's weights of '{name}' can't be had ({type(error).__name__}: {error}).") from error


def write_encoder(source: Source, path: Path) -> None:
    """Write an encoder with its lineage, atomically."""
    tensors = {key: value.detach().cpu().contiguous().clone() for key, value in source.state.items()}
    lineage = json.dumps([asdict(one) for one in source.ancestors])
    metadata = {LINEAGE: lineage, TENSORS: weights_sha256(tensors)}
    with atomic_writer(path) as file:
        file.write(to_safetensors(tensors, metadata))
