"""What tells a dataset class of the user's own from polybench's: its name, its split lists, its way of decoding."""

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
"""The lists of polybench's datasets, a folder for each."""


def is_ours(cls: type) -> bool:
    """Whether a class comes with polybench."""
    return cls.__module__.partition(".")[0] == "polybench"


def check_class(cls: "type[SegmentationDataModule]") -> None:
    """Make sure that a class of the user's own can't be taken for one of polybench's datasets.

    Raises:
        ConfigError: If it lacks a name or folder, or has the name of another dataset.
    """
    if is_ours(cls):
        return
    for key in ("short_name", "folder"):
        if not isinstance(getattr(cls, key, None), str):
            raise ConfigError(f"{cls.__name__} has no {key}: give the class one, such as {key} = 'myset'.")
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", cls.short_name):
        raise ConfigError(
            f"short_name of {cls.__name__} must be lower-case letters, digits, '_' and '-', not '{cls.short_name}'."
        )
    if (SPLITS / cls.short_name).is_dir():
        raise ConfigError(
            f"{cls.__name__} has the short_name of one of polybench's own datasets, '{cls.short_name}', whose records "
            "would mix with its own: give it another."
        )


def split_folder(cls: "type[SegmentationDataModule]") -> Path:
    """Where a dataset's lists lie: those of a class of the user's own in `splits/<short_name>/` beside its module."""
    return SPLITS / cls.short_name if is_ours(cls) else module_folder(cls) / "splits" / cls.short_name


def list_names(cls: "type[SegmentationDataModule]") -> list[str]:
    """Names of a dataset's lists, sorted."""
    return sorted(path.stem for path in split_folder(cls).glob("*.csv"))


def module_folder(cls: type) -> Path:
    """The folder of a class's module; the current one where it has no file, as in a notebook."""
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
        ConfigError: If there is no such list, or neither a name nor a default.
        DataError: If the list is not valid.
    """
    folder = split_folder(cls)
    chosen = name or cls.default_split
    if not chosen:
        raise ConfigError(
            f"{cls.__name__} has no default_split: give --data.split, the path of a CSV that `polybench data split` "
            f"makes, or the name of a list in '{folder}'."
        )
    if not name and chosen.endswith(".csv"):
        chosen = str(module_folder(cls) / chosen)
    return load_split(folder, chosen)


def decode_rule(cls: "type[SegmentationDataModule]") -> str:
    """What a cache of decoded images holds for: a class and its version, and its source where it is the user's own."""
    rule = f"{cls.__module__}.{cls.__qualname__}@{cls.decode_version}"
    return rule if is_ours(cls) else f"{rule}+{hashlib.sha256(_source(cls)).hexdigest()[:16]}"


def _source(cls: "type[SegmentationDataModule]") -> bytes:
    """The file of a class's module, or what there is of its code."""
    try:
        return Path(inspect.getfile(cls)).read_bytes()
    except (OSError, TypeError):
        return cls.decode.__code__.co_code + cls.sources.__code__.co_code
