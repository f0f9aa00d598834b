"""Tensors of a file of weights, read without running code from it."""

import pickle
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from polybench.core.checksum import file_sha256
from polybench.core.errors import ConfigError

_HASH_IN_NAME = re.compile(r"-([0-9a-f]{8,64})\.pth$")
"""The first digits of the sha256 in the name of a file, by the convention of torch hub."""


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a `.safetensors` file, or of a state dict that torch saved.

    Args:
        path: The file.

    Returns:
        Tensors by key, in the order of the file.

    Raises:
        ConfigError: If it can't be read, or holds anything but tensors.
    """
    try:
        saved: Any = (
            load_file(path)
            if path.suffix == ".safetensors"
            else torch.load(path, map_location="cpu", weights_only=True)
        )
    except (OSError, EOFError, RuntimeError, KeyError, ValueError, SafetensorError, pickle.UnpicklingError) as error:
        reason = str(error).partition("\n")[0][:200]
        why = "it is no file that torch saved" if isinstance(error, KeyError) else f"{type(error).__name__}: {reason}"
        raise ConfigError(f"The weights in '{path}' can't be read ({why}): use another copy of the file.") from error
    state = saved.get("state_dict", saved) if isinstance(saved, Mapping) else {}
    tensors = {str(key): value for key, value in state.items() if isinstance(value, Tensor)}
    if not tensors or len(tensors) < len(state):
        raise ConfigError(f"'{path}' holds no state dict of tensors: give a file of weights alone.")
    return tensors


def checked_sha256(path: Path, expected: str | None, advice: str) -> str:
    """Hash a file, and compare the hash with the expected one, or with that in the file's name.

    Args:
        path: The file.
        expected: Its sha256; None where it isn't known.
        advice: What to do if it is another, for the message.

    Raises:
        ConfigError: If it is another, or the file can't be read.
    """
    try:
        found = file_sha256(path)
    except OSError as error:
        raise ConfigError(f"The weights in '{path}' can't be read ({error.strerror}): {advice}.") from error
    named = _HASH_IN_NAME.search(path.name)
    right = expected or (named[1] if named else "")
    if not found.startswith(right):
        raise ConfigError(
            f"The weights in '{path}' are not those that were released (sha256 {found[:8]}... instead of "
            f"{right[:8]}...): {advice}."
        )
    return found
