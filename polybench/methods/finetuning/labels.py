"""Labelled images of a folder: one sub-folder a class, or a CSV."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np

from polybench.core.errors import DataError
from polybench.data.images import UInt8Array, read_image
from polybench.data.listing import IMAGE_SUFFIXES, natural_key
from polybench.data.splits import SUBSETS, Subset
from polybench.methods.finetuning.items import Item
from polybench.methods.finetuning.tables import read_rows

TABLE = "labels.csv"
ARRAY = ".npy"
REQUIRED = ("file", "label", "subset")
OPTIONAL = ("group", "image", "lesion", "lesions")
OF_CANDIDATES = ("image", "lesion", "lesions")


@dataclass(frozen=True)
class Labelled:
    """Images of a folder with their classes.

    Attributes:
        items: Subset -> its items.
        files: Id of an item -> its file.
        classes: Names of the classes, the background first.
        grouped: Whether groups are stated.
        candidates: Whether the items are candidates, with their images and lesions.
        sha256: Hash of ids, labels, groups and subsets.
    """

    items: Mapping[Subset, list[Item]]
    files: Mapping[str, Path]
    classes: tuple[str, ...]
    grouped: bool
    candidates: bool
    sha256: str


def read_labels(root: Path, classes: Sequence[str] | None = None) -> Labelled:
    """List the images of a folder: those of `labels.csv`, or of `train/<class>/`, `test/<class>/` and maybe `val/`.

    The table has the columns file (relative to the folder), label and subset, and may have group; without it each image
    is a group of its own. Candidates have image, lesion (the number of the lesion that they lie on from 0, -1 for none)
    and lesions (how many the image has) too.

    Args:
        root: The folder.
        classes: Names of the classes, the background first; None for their natural order.

    Raises:
        DataError: If a file, a column or a subset is missing, or a class is unknown.
    """
    if not root.is_dir():
        raise DataError(f"There is no folder '{root}': set --data.root to a folder of labelled images.")
    rows = _of_table(root / TABLE) if (root / TABLE).is_file() else _of_folders(root)
    names = tuple(classes or sorted({row["label"] for row in rows}, key=natural_key))
    candidates = all(name in rows[0] for name in OF_CANDIDATES)
    items: dict[Subset, list[Item]] = {subset: [] for subset in SUBSETS}
    files: dict[str, Path] = {}
    for row in rows:
        item = _item(row, names, candidates, root)
        if item.id in files:
            raise DataError(f"Two images of '{root}' have the id '{item.id}': rename one of them.")
        files[item.id] = root / row["file"]
        items[cast(Subset, row["subset"])].append(item)
    if empty := [subset for subset in ("train", "test") if not items[subset]]:
        raise DataError(
            f"'{root}' has no image of the subset '{empty[0]}': name some, under {empty[0]}/ or in {TABLE}."
        )
    told = [(subset, *item) for subset, mine in items.items() for item in mine]
    sha256 = hashlib.sha256(repr((names, told)).encode()).hexdigest()
    return Labelled(items, files, names, "group" in rows[0], candidates, sha256)


def _item(row: Mapping[str, str], names: Sequence[str], candidates: bool, root: Path) -> Item:
    """An item of a row."""
    own = str(Path(row["file"]).with_suffix(""))
    if row["label"] not in names:
        raise DataError(f"'{row['file']}' has the class '{row['label']}', which is none of {', '.join(names)}.")
    if row["subset"] not in SUBSETS:
        raise DataError(f"'{row['file']}' has the subset '{row['subset']}': write train, val or test.")
    if not (root / row["file"]).is_file():
        raise DataError(f"There is no file '{root / row['file']}', which {TABLE} names.")
    label = names.index(row["label"])
    if not candidates:
        return Item(own, row.get("group") or own, label, own)
    try:
        lesion, lesions = int(row["lesion"]), int(row["lesions"])
    except ValueError as error:
        raise DataError(f"lesion and lesions of '{row['file']}' must be whole numbers: correct {TABLE}.") from error
    if (lesion >= 0) != (label > 0) or lesion >= lesions:
        raise DataError(
            f"'{row['file']}' has lesion {lesion} of {lesions} and the class '{row['label']}': a candidate on a lesion "
            f"is of another class than '{names[0]}', any other has lesion -1."
        )
    image = row["image"]
    return Item(f"{image}/{Path(own).name}", row.get("group") or image, label, image, None, lesion, lesions)


def _of_table(path: Path) -> list[dict[str, str]]:
    rows = read_rows(path, REQUIRED, OPTIONAL)
    given = [name for name in OF_CANDIDATES if name in rows[0]]
    if given and len(given) < len(OF_CANDIDATES):
        raise DataError(f"'{path}' has {given[0]} without the other columns of candidates, {', '.join(OF_CANDIDATES)}.")
    return rows


def _of_folders(root: Path) -> list[dict[str, str]]:
    """Rows of a folder whose sub-folders are subsets, and theirs classes."""
    suffixes = {*IMAGE_SUFFIXES, ARRAY}
    found = [
        {"file": str(path.relative_to(root)), "label": folder.name, "subset": subset}
        for subset in SUBSETS
        if (root / subset).is_dir()
        for folder in sorted((root / subset).iterdir(), key=lambda one: natural_key(one.name))
        if folder.is_dir() and not folder.name.startswith(".")
        for path in sorted(folder.iterdir(), key=lambda one: natural_key(one.name))
        if path.suffix.lower() in suffixes and not path.name.startswith(".")
    ]
    if not found:
        raise DataError(
            f"'{root}' has neither {TABLE} nor images in train/<class>/ and test/<class>/: write one, with the columns "
            f"{', '.join(REQUIRED)}."
        )
    return found


def read_labelled(path: Path) -> UInt8Array:
    """Read an image, or an array (.npy), as (H, W, 3).

    Raises:
        DataError: If it can't be read.
    """
    if path.suffix.lower() != ARRAY:
        return read_image(path)
    try:
        return three_channels(np.load(path, allow_pickle=False))
    except (OSError, ValueError) as error:
        raise DataError(f"'{path}' is no array of bytes (H, W) or (H, W, C) with 1 to 3 channels: {error}.") from error


def three_channels(array: UInt8Array) -> UInt8Array:
    """Repeat channels to three, as Tajbakhsh et al. (2016) do: a single one twice, of two the second.

    Args:
        array: (H, W), or (H, W, C) with 1 to 3 channels.

    Returns:
        (H, W, 3).

    Raises:
        ValueError: If it has another type or shape.

    Example:
        >>> three_channels(np.array([[[1, 2]]], np.uint8)).tolist()
        [[[1, 2, 2]]]
    """
    if array.dtype != np.uint8 or array.ndim not in (2, 3) or (array.ndim == 3 and not 1 <= array.shape[2] <= 3):
        raise ValueError(f"it has the type {array.dtype} and the shape {array.shape}")
    planes = array[..., None] if array.ndim == 2 else array
    return planes[..., np.minimum(np.arange(3), planes.shape[2] - 1)]
