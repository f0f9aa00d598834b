"""Data modules by the short name that users type; nothing heavy is imported before one is asked for."""

import inspect
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from polybench.cli.parser import Parser
from polybench.core.errors import ConfigError, UserError, did_you_mean

if TYPE_CHECKING:
    from polybench.data.module import SegmentationDataModule
    from polybench.data.splits import Split


def modules() -> "dict[str, type[SegmentationDataModule]]":
    """Short name -> class, of all datasets."""
    from polybench import datasets

    classes = [getattr(datasets, name) for name in datasets.__all__]
    return {c.short_name: c for c in sorted(classes, key=lambda c: str(c.short_name))}


def module_class(name: str, *, also: Sequence[str] = ()) -> "type[SegmentationDataModule]":
    """Find a dataset's class.

    Args:
        name: A short name, or the class path of a dataset, such as `myset.MySetDataModule` in this folder.
        also: Further names that the command knows, for the message.

    Raises:
        ConfigError: If there is no such dataset; the nearest is suggested.
    """
    if "." in name:
        return _class_at(name)
    known = modules()
    if name not in known:
        names = [*known, *also]
        raise ConfigError(f"There is no dataset '{name}'; there are {', '.join(names)}.{did_you_mean(name, names)}")
    return known[name]


def _class_at(path: str) -> "type[SegmentationDataModule]":
    """The class of a dataset by its import path; modules in the current folder are found, too."""
    from polybench.core.own_code import make_importable, public_names
    from polybench.data.module import SegmentationDataModule
    from polybench.data.own_dataset import check_class
    from polybench.experiments.class_changes import find_class

    make_importable()
    cls = find_class(path)
    module, _, name = path.rpartition(".")
    if cls is None:
        names = public_names(module)
        if names is None:
            raise ConfigError(f"There is no module '{module}' here: check the class path '{path}'.")
        raise ConfigError(f"There is no class '{path}'.{did_you_mean(name, names)}")
    if not (inspect.isclass(cls) and issubclass(cls, SegmentationDataModule)) or inspect.isabstract(cls):
        raise ConfigError(f"'{path}' is not a dataset: give a SegmentationDataModule that has `sources`.")
    check_class(cls)
    return cls


def default_root() -> str:
    """The folder of the datasets: `POLYBENCH_DATA`, or `data`."""
    return os.environ.get("POLYBENCH_DATA", "data")


def add_copy_arguments(
    parser: Parser, *, split: str = "name of a split, or the path of a CSV (default: the dataset's own)"
) -> None:
    """Add what names a copy: the dataset, its folder and the split.

    Args:
        parser: The action's parser.
        split: The help of `--split`.
    """
    parser.add_argument(
        "name",
        help="the dataset's short name, as `polybench data list` shows it, or a class path: myset.MySetDataModule",
    )
    parser.add_argument(
        "--root",
        default=default_root(),
        help="folder that holds the dataset's own folder (default: POLYBENCH_DATA, or ./data; here %(default)s)",
    )
    parser.add_argument("--split", help=split)
    parser.add_argument("--bits", type=int, metavar="N", help="bits that count in images of more than 8, as in fit")


def open_copy(name: str, root: str, split: str | None, bits: int | None = None) -> "SegmentationDataModule":
    """Make the data module of a copy; broken images are noted, not raised.

    Args:
        name: As for `module_class`.
        root: The folder that holds the dataset's own folder.
        split: A split's name or the path of a CSV; None for the dataset's own.
        bits: How many bits count in images of more than 8; None for 8.

    Raises:
        ConfigError: If there is no such dataset or split.
        DataError: If there is no copy.
    """
    make: Callable[..., SegmentationDataModule] = module_class(name)
    try:
        data = make(root=root, split=split, allow_missing=True, on_error="skip", **({"bits": bits} if bits else {}))
        _ = data.directory
    except UserError as error:  # which calls options what `fit` calls them
        raise type(error)(re.sub(r"--data\.(root|split)", r"--\1", str(error))) from error
    return data


def lists_of(data: "SegmentationDataModule", chosen: str | None) -> "list[Split]":
    """The list that was chosen, or all that the dataset comes with."""
    from polybench.data.own_dataset import list_names, open_split

    cls = type(data)
    known = list_names(cls)
    return [data.split] if chosen or not known else [open_split(cls, name) for name in known]


def is_here(cls: "type[SegmentationDataModule]", root: Path) -> bool:
    """Whether the dataset's own folder, or each folder of a pool, lies below a root with something in it."""
    folders = [root / name for name in cls.official_folders()]
    return all(folder.is_dir() and any(folder.iterdir()) for folder in folders)


def is_synthetic(cls: "type[SegmentationDataModule]", root: Path) -> bool:
    """Whether one of these folders holds what `polybench data synth` wrote."""
    from polybench.data.card import SYNTHETIC_MARKER

    return any((root / name / SYNTHETIC_MARKER).is_file() for name in cls.official_folders())
