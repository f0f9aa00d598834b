"""Files that a transfer reads: checkpoints of PyTorch and safetensors, of polybench or of another program.

Both are read without running code: a checkpoint with `weights_only=True`. What else can be given by mistake is refused
in a sentence that says how to get a file that can be read.
"""

import argparse
import pickle
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from polybench.core.errors import ConfigError, shortened
from polybench.tasks.checkpoint import AtomicCheckpointIO
from polybench.tasks.weights import not_finite

_SCALAR = np.float64(0).__reduce__()[0]
PLAIN: list[Any] = [
    argparse.Namespace,
    np.dtype,
    *(type(np.dtype(name)) for name in ("float64", "float32", "int64", "int32", "bool")),
    *((_SCALAR, f"numpy.{core}.multiarray.scalar") for core in ("core", "_core")),
]
"""Plain values beside the weights in checkpoints of other programs, options and best scores, that can run no code."""

_BEGINNINGS = {
    b"<!doctype html": "is a web page, not weights: download the file itself (a link with 'raw' or 'resolve' in it)",
    b"<html": "is a web page, not weights: download the file itself (a link with 'raw' or 'resolve' in it)",
    b"version https://git-lfs": "is a pointer of Git LFS, not weights: fetch the file with git lfs pull",
    b"\x89hdf": "is an HDF5 file of Keras: give a file of PyTorch, .pt, .pth or .safetensors",
}
"""What other files begin with, in lower case -> what to say."""

_INCOMPLETE = "is incomplete or damaged: download or copy it again"


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read a file of `torch.save` onto the CPU.

    Raises:
        ConfigError: If it isn't one, is incomplete or damaged, would run code, or holds weights that aren't finite.
    """
    _refuse_other_files(path)
    try:
        with torch.serialization.safe_globals(PLAIN):
            saved: dict[str, Any] = AtomicCheckpointIO().load_checkpoint(path)
    except ConfigError as error:
        if error.__cause__ is None or isinstance(error.__cause__, zipfile.BadZipFile):
            raise
        raise ConfigError(f"'{path}' {_reason(error.__cause__)}.") from error.__cause__
    return saved


def read_tensors(path: Path) -> tuple[dict[str, Tensor], Mapping[str, str]]:
    """Read a safetensors file onto the CPU.

    Returns:
        Its tensors and its metadata.

    Raises:
        ConfigError: If it isn't one, or is incomplete.
    """
    _refuse_other_files(path)
    try:
        with safe_open(path, framework="pt") as file:
            state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - it is no mapping
            return state, file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise ConfigError(
            f"'{path}' is no safetensors file, or an incomplete one ({error}): download or copy it again, or give "
            "another file."
        ) from error


def refuse_not_finite(state: Mapping[str, Any], path: Path) -> None:
    """Refuse weights that hold NaN or infinity.

    Raises:
        ConfigError: If a tensor does.
    """
    if wrong := not_finite(state):
        raise ConfigError(
            f"'{path}' can't be used: {len(wrong)} of its tensors hold NaN or infinity ('{wrong[0]}' first): give "
            "another file."
        )


def _refuse_other_files(path: Path) -> None:
    """Refuse what is known to be something else than weights.

    Raises:
        ConfigError: If the file is.
    """
    with path.open("rb") as file:
        start = file.read(64)
    if not start:
        raise ConfigError(f"'{path}' is empty: download or copy it again.")
    other = next((words for begin, words in _BEGINNINGS.items() if start.lower().startswith(begin)), None)
    if path.suffix.lower() == ".onnx" or re.match(rb"\x08[\x01-\x20](\x12|:|B)", start):
        other = "is an ONNX graph: give the weights that it was exported from, a .pt, .pth or .safetensors file"
    elif start.startswith(b"PK\x03\x04"):
        other = _archive(path)
    if other is not None:
        raise ConfigError(f"'{path}' {other}.")


def _archive(path: Path) -> str | None:
    """What to say of a zip archive that is no file of `torch.save`."""
    if not zipfile.is_zipfile(path):
        return _INCOMPLETE
    try:
        with zipfile.ZipFile(path) as archive:
            names = {name.partition("/")[2] for name in archive.namelist()}
    except (zipfile.BadZipFile, OSError, EOFError, ValueError):
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
    return None


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
