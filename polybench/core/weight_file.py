"""Files of weights: what `torch.save` wrote, and safetensors, of polybench or of another program.

No code of a file is run: a file of torch is read with `weights_only=True`. What else can be given by mistake is refused
in a sentence that says how to get a file that can be read.
"""

import argparse
import pickle
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from polybench.core.checksum import file_sha256
from polybench.core.errors import ConfigError, shortened
from polybench.core.finite import not_finite, out_of_range, tensors_of

_SCALAR = np.float64(0).__reduce__()[0]
PLAIN: list[Any] = [
    argparse.Namespace,
    np.dtype,
    *(type(np.dtype(name)) for name in ("float64", "float32", "int64", "int32", "bool")),
    *((_SCALAR, f"numpy.{core}.multiarray.scalar") for core in ("core", "_core")),
]
"""Plain values beside the weights in files of other programs, options and best scores, that can run no code."""

_BEGINNINGS = {
    b"<!doctype html": "is a web page, not weights: download the file itself (a link with 'raw' or 'resolve' in it)",
    b"<html": "is a web page, not weights: download the file itself (a link with 'raw' or 'resolve' in it)",
    b"version https://git-lfs": "is a pointer of Git LFS, not weights: fetch the file with git lfs pull",
    b"\x89hdf": "is an HDF5 file of Keras: give a file of PyTorch, .pt, .pth or .safetensors",
}
"""What other files begin with, in lower case -> what to say."""

_INCOMPLETE = "is incomplete or damaged: download or copy it again"


@dataclass(frozen=True)
class WeightFile:
    """A file of weights that was read, on the CPU.

    Attributes:
        path: The file.
        content: What it holds by key: tensors, and in a file of torch other plain values too.
        metadata: The texts beside the tensors of a safetensors file; empty for a file of torch.
    """

    path: Path
    content: Mapping[str, Any]
    metadata: Mapping[str, str]

    @cached_property
    def sha256(self) -> str:
        """The sha256 of the file."""
        return file_sha256(self.path)

    def state_dict(self) -> dict[str, Tensor]:
        """Return the one state dict that the file is, or holds under a key such as `state_dict` or `model`.

        Returns:
            Tensors by key, in the order of the file.

        Raises:
            ConfigError: If there is none or more than one, it holds anything but tensors, or one can't be used (see
                `refuse_not_finite`).
        """
        state: Mapping[Any, Any] = self.content
        if not tensors_of(state):
            inner = {key: value for key, value in state.items() if isinstance(value, Mapping) and tensors_of(value)}
            if len(inner) > 1:
                raise ConfigError(
                    f"'{self.path}' holds several state dicts ({', '.join(repr(key) for key in inner)}): give a file "
                    "of one of them, saved with torch.save."
                )
            state = next(iter(inner.values()), {})
        tensors = {str(key): value for key, value in tensors_of(state).items()}
        if not tensors or len(tensors) < len(state):
            raise ConfigError(f"'{self.path}' holds no state dict of tensors: give a file of weights alone.")
        refuse_not_finite(tensors, self.path)
        return tensors


def read_weights(path: Path) -> WeightFile:
    """Read a file of weights onto the CPU: safetensors by its suffix, else one of `torch.save`.

    Raises:
        ConfigError: If it can't be read, is no file of weights, is incomplete or damaged, or would run code.
    """
    try:
        _refuse_other_files(path)
        return _read_safetensors(path) if path.suffix == ".safetensors" else _read_saved(path)
    except OSError as error:
        raise ConfigError(
            f"'{path}' can't be read ({error.strerror or error}): give a file of weights that can be."
        ) from error


def refuse_not_finite(state: Mapping[str, Any], path: Path) -> None:
    """Refuse weights that hold NaN, infinity, numbers that become infinite in float32, or variances below 0.

    Args:
        state: The tensors that are used, by key.
        path: Their file, for the message.

    Raises:
        ConfigError: If a tensor does.
    """
    if wrong := not_finite(state):
        raise ConfigError(
            f"'{path}' can't be used: {len(wrong)} of its tensors hold NaN or infinity ('{wrong[0]}' first): give "
            "another file."
        )
    refuse_out_of_range(state, path)


def refuse_out_of_range(state: Mapping[str, Any], path: object) -> None:
    """Refuse weights with which no net can compute, though they are finite: beyond float32, or variances below 0.

    Args:
        state: The tensors that are used, by key.
        path: Their file, for the message.

    Raises:
        ConfigError: If there is one; its tensor is named.
    """
    for key, what in out_of_range(state).items():
        raise ConfigError(f"'{path}' can't be used: its tensor '{key}' holds {what}: give another file.")


def refuse_not_floating(state: Mapping[str, Tensor], own: Mapping[str, Tensor], path: Path | str) -> None:
    """Refuse quantised weights and others that are no floating-point numbers where a net's are.

    Args:
        state: The tensors that are used, by the net's keys.
        own: The net's, the same keys among them.
        path: Their file, or what it is of, for the message.

    Raises:
        ConfigError: If a tensor holds integers, booleans or complex numbers in place of floating-point numbers.
    """
    for key, value in state.items():
        if own[key].is_floating_point() and not value.is_floating_point():
            raise ConfigError(
                f"'{key}' in '{path}' is of type {str(value.dtype).removeprefix('torch.')}, not of a floating-point "
                "type: give the file of a net that isn't quantised."
            )


def _read_safetensors(path: Path) -> WeightFile:
    try:
        with safe_open(path, framework="pt") as file:
            state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - it is no mapping
            return WeightFile(path, state, file.metadata() or {})
    except SafetensorError as error:
        raise ConfigError(
            f"'{path}' is no safetensors file, or an incomplete one ({shortened(str(error))}): download or copy it "
            "again, or give another file."
        ) from error


def _read_saved(path: Path) -> WeightFile:
    try:
        with torch.serialization.safe_globals(PLAIN):
            saved: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever a broken file makes a reader raise
        raise ConfigError(f"'{path}' {_reason(error)}.") from error
    if not isinstance(saved, Mapping):
        raise ConfigError(f"'{path}' holds a {type(saved).__name__}, not weights by name: give a file of a state dict.")
    return WeightFile(path, saved, {})


def _refuse_other_files(path: Path) -> None:
    """Refuse what is known to be something else than weights, and an archive with other bytes than were written.

    Raises:
        ConfigError: If the file is.
        OSError: If it can't be read.
    """
    with path.open("rb") as file:
        start = file.read(64)
    if not start:
        raise ConfigError(f"'{path}' is empty: download or copy it again.")
    other = next((text for begin, text in _BEGINNINGS.items() if start.lower().startswith(begin)), None)
    if path.suffix.lower() == ".onnx" or re.match(rb"\x08[\x01-\x20](\x12|:|B)", start):
        other = "is an ONNX graph: give the weights that it was exported from, a .pt, .pth or .safetensors file"
    elif start.startswith(b"PK\x03\x04"):
        other = _archive(path)
    if other is not None:
        raise ConfigError(f"'{path}' {other}.")


def _archive(path: Path) -> str | None:
    """What to say of a zip archive that is no whole file of `torch.save`."""
    if not zipfile.is_zipfile(path):
        return _INCOMPLETE
    try:
        with zipfile.ZipFile(path) as archive:
            names = {name.partition("/")[2] for name in archive.namelist()}
            damaged = archive.testzip()
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError, ValueError):
        return _INCOMPLETE
    for mark, what, module in (
        ("constants.pkl", "a TorchScript archive, which holds code", "jit"),
        ("archive_format", "an exported program, which holds a graph", "export"),
    ):
        if mark in names:
            saved = f"torch.save(torch.{module}.load('{path}').state_dict(), '{path.stem}_weights.pt')"
            return f"is {what}: give its weights alone, saved with {saved}"
    if "data.pkl" not in names:
        return "is an archive without weights of PyTorch: extract it, and give a .pt, .pth or .safetensors file"
    return None if damaged is None else f"is damaged (the checksum of '{damaged}' in it is another): copy it again"


def _reason(error: BaseException) -> str:
    """What to say of a file that torch couldn't read."""
    text = str(error)
    named = re.search(r"GLOBAL (\S+)", text)
    if named is not None:
        return (
            f"would run code ('{shortened(named[1])}') and is not read: in the program that wrote it, save the weights "
            "alone with torch.save(net.state_dict(), 'weights.pt') and give that file"
        )
    if isinstance(error, EOFError) or re.search(r"unexpected EOF|truncated|PytorchStreamReader", text):
        return _INCOMPLETE
    what = "UnpicklingError" if isinstance(error, pickle.UnpicklingError) else type(error).__name__
    return (
        f"is not a checkpoint of tensors and plain values ({what}), or it is incomplete: give a file of weights, .pt, "
        ".pth, .ckpt or .safetensors"
    )
