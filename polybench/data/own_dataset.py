"""Dataset classes of the user's own: their names, split lists and decoding rules."""

import hashlib
import inspect
import re
from pathlib import Path
from typing import TYPE_CHECKING

from polybench.core.errors import ConfigError
from polybench.data.splits import Split, load_split

if TYPE_CHECKING:
    from polybench.data.module import SegmentationDataModule

SPLITS = Path(__file__).parent.parent / "datasets" / "splits"
"""Folder of the split lists of polybench's datasets."""


def is_ours(cls: type) -> bool:
    """Whether a class is part of polybench."""
    return cls.__module__.partition(".")[0] == "polybench"


def check_class(cls: "type[SegmentationDataModule]") -> None:
    """Check that a class of the user's own can't be confused with a dataset of polybench.

    Raises:
        ConfigError: If it lacks a name or folder, or has the name of another dataset.
    """
    if is_ours(cls):
        return
    for key in ("short_name", "folder"):
        if not isinstance(getattr(cls, key, None), str):
            raise ConfigError(f"{cls.__name__} has no {key}: add one to the class, such as {key} = 'myset'.")
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", cls.short_name):
        raise ConfigError(
            f"short_name of {cls.__name__} must be lower-case letters, digits, '_' and '-', not '{cls.short_name}'."
        )
    if (SPLITS / cls.short_name).is_dir():
        raise ConfigError(
            f"{cls.__name__} has the short_name of one of polybench's own datasets, '{cls.short_name}', whose records "
            "would be mixed with its own: choose another name."
        )


def split_folder(cls: "type[SegmentationDataModule]") -> Path:
    """Return the folder of a dataset's lists; for the user's own class, `splits/<short_name>/` beside its module."""
    return SPLITS / cls.short_name if is_ours(cls) else module_folder(cls) / "splits" / cls.short_name


def list_names(cls: "type[SegmentationDataModule]") -> list[str]:
    """Return the names of a dataset's lists, sorted."""
    return sorted(path.stem for path in split_folder(cls).glob("*.csv"))


def module_folder(cls: type) -> Path:
    """Return the folder of a class's module; the current folder where it has no file, as in a notebook."""
    try:
        return Path(inspect.getfile(cls)).resolve().parent
    except (OSError, TypeError):
        return Path.cwd()


def open_split(cls: "type[SegmentationDataModule]", name: str | None) -> Split:
    """Read a dataset's list.

    Args:
        cls: The dataset.
        name: Name of one of its lists, or the path of a CSV; None for its default, whose path is relative to the
            module of the class.

    Raises:
        ConfigError: If there is no such list, or no name and no default.
        DataError: If the list is not valid.
    """
    folder = split_folder(cls)
    chosen = name or cls.default_split
    if not chosen:
        raise ConfigError(
            f"{cls.__name__} has no default_split: set --data.split to the path of a CSV that `polybench data split` "
            f"writes, or to the name of a list in '{folder}'."
        )
    if not name and chosen.endswith(".csv"):
        chosen = str(module_folder(cls) / chosen)
    return load_split(folder, chosen)


def decode_rule(cls: "type[SegmentationDataModule]") -> str:
    """Return the key of a cache of decoded images: class and version, and the source code of the user's own class."""
    rule = f"{cls.__module__}.{cls.__qualname__}@{cls.decode_version}"
    return rule if is_ours(cls) else f"{rule}+{hashlib.sha256(_source(cls)).hexdigest()[:16]}"


def _source(cls: "type[SegmentationDataModule]") -> bytes:
    """Return the file of a class's module, or its source code where there is no file."""
    try:
        return Path(inspect.getfile(cls)).read_bytes()
    except (OSError, TypeError):
        return cls.decode.__code__.co_code + cls.sources.__code__.co_code
