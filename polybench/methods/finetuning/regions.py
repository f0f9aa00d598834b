"""Regions of images with the interfaces that cross them, read from a folder.

The folder holds `images/<image>.png` (or another type of images), `regions.csv` with image, subject, subset, top, left,
height and width, and `interfaces.csv` with image, column and one further column for each interface, from top to bottom:
its row in that column. Pixels count from 0 at the image's upper left corner; each column of a region has a line.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from polybench.core.errors import DataError
from polybench.data.listing import IMAGE_SUFFIXES
from polybench.data.splits import SUBSETS
from polybench.methods.finetuning.tables import read_rows

Floats = npt.NDArray[np.float64]

REGIONS = "regions.csv"
INTERFACES = "interfaces.csv"
PLACE = ("top", "left", "height", "width")
LEAST = 4
"""Least height and width of a region, which cubic splines need."""

OF_A_REGION = ("image", "subject", "subset", *PLACE)


@dataclass(frozen=True)
class Region:
    """A region of an image.

    Attributes:
        image: Id of the image.
        subject: Whom it shows.
        subset: `train`, `val` or `test`.
        path: File of the image.
        top: First row of the region.
        left: First column.
        rows: Row of each interface in each column of the region, (K, width), in the image.
        height: Rows of the region.
    """

    image: str
    subject: str
    subset: str
    path: Path
    top: int
    left: int
    height: int
    rows: Floats

    @property
    def width(self) -> int:
        """Columns of the region."""
        return int(self.rows.shape[1])


@dataclass(frozen=True)
class RegionSet:
    """The regions of a folder.

    Attributes:
        regions: The regions, in the order of their table.
        interfaces: Names of the interfaces, from top to bottom.
        sha256: Hash of both tables.
    """

    regions: tuple[Region, ...]
    interfaces: tuple[str, ...]
    sha256: str

    def of(self, subset: str) -> list[Region]:
        """The regions of a subset."""
        return [one for one in self.regions if one.subset == subset]


def read_regions(root: Path) -> RegionSet:
    """Read the regions of a folder.

    Args:
        root: The folder.

    Raises:
        DataError: If a file, a column or a subset is missing, a region has a column without its interfaces, or an
            interface lies outside its region or above the one before it.
    """
    if not (root / REGIONS).is_file():
        raise DataError(
            f"There is no '{root / REGIONS}': set --data.root, or POLYBENCH_DATA for its parent, to a folder of "
            "regions with interfaces; polybench data synth intima_media --out data writes generated ones to 'data'."
        )
    placed, traced = read_rows(root / REGIONS, OF_A_REGION), read_rows(root / INTERFACES, ("image", "column"))
    interfaces = tuple(name for name in traced[0] if name not in ("image", "column"))
    if not interfaces:
        raise DataError(f"'{root / INTERFACES}' names no interface: give each one a column after image and column.")
    lines: dict[str, dict[int, list[float]]] = {}
    for row in traced:
        (column,) = _numbers(row, ("column",), INTERFACES)
        lines.setdefault(row["image"], {})[int(column)] = _numbers(row, interfaces, INTERFACES)
    regions = tuple(_region(row, lines.get(row["image"], {}), interfaces, root) for row in placed)
    names = [one.image for one in regions]
    if twice := [name for name in names if names.count(name) > 1]:
        raise DataError(f"'{root / REGIONS}' has the image '{twice[0]}' more than once: give each region its own.")
    for subset in ("train", "test"):
        if not any(one.subset == subset for one in regions):
            raise DataError(f"'{root / REGIONS}' has no region of the subset '{subset}': name some.")
    text = b"".join((root / name).read_bytes() for name in (REGIONS, INTERFACES))
    return RegionSet(regions, interfaces, hashlib.sha256(text).hexdigest())


def _region(
    row: Mapping[str, str], lines: Mapping[int, Sequence[float]], interfaces: Sequence[str], root: Path
) -> Region:
    """A region of a row of the table.

    Raises:
        DataError: If it is no region, or a column of it has no interface or a wrong one.
    """
    image, subset = row["image"], row["subset"]
    if subset not in SUBSETS:
        raise DataError(f"The region of '{image}' has the subset '{subset}': write train, val or test.")
    top, left, height, width = (int(one) for one in _numbers(row, PLACE, REGIONS))
    if top < 0 or left < 0 or min(height, width) < LEAST:
        raise DataError(
            f"The region of '{image}' is no part of an image, or smaller than {LEAST} pixels: correct "
            f"{', '.join(PLACE)} in {REGIONS}."
        )
    columns = range(left, left + width)
    if missing := [column for column in columns if column not in lines]:
        raise DataError(f"{INTERFACES} has no line for column {missing[0]} of '{image}', which is in its region.")
    rows = np.array([lines[column] for column in columns], np.float64).T
    if rows.min() < top or rows.max() > top + height - 1 or (np.diff(rows, axis=0) < 0).any():
        raise DataError(
            f"An interface of '{image}' leaves its region, or lies above the one before it: their columns in "
            f"{INTERFACES} are {', '.join(interfaces)}, from top to bottom."
        )
    return Region(image, row["subject"], subset, _file(root, image), top, left, height, rows)


def _file(root: Path, image: str) -> Path:
    """The file of an image.

    Raises:
        DataError: If there is none.
    """
    paths = [root / "images" / f"{image}{suffix}" for suffix in sorted(IMAGE_SUFFIXES)]
    found = next((path for path in paths if path.is_file()), None)
    if found is None:
        raise DataError(f"There is no image '{root / 'images' / image}.*', which {REGIONS} names.")
    return found


def _numbers(row: Mapping[str, str], names: Sequence[str], table: str) -> list[float]:
    """Numbers of a row.

    Raises:
        DataError: If one is none.
    """
    try:
        found = [float(row[name]) for name in names]
    except ValueError as error:
        raise DataError(f"A line of {table} for '{row['image']}' has a cell that is no number: correct it.") from error
    if not np.isfinite(found).all():
        raise DataError(f"A line of {table} for '{row['image']}' has a cell that is no finite number: correct it.")
    return found
