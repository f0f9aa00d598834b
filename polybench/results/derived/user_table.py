"""Strata from a column of a user's table: `TABLE.csv:centre`, a CSV with one row per image and its id in `id`."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from polybench.core.errors import ConfigError, DataError, did_you_mean
from polybench.core.wording import listed, some

ID = "id"
MOST_NUMBERS = 10
"""Different values above which a column of numbers is refused."""
UNSTATED = "not stated"
"""Stratum of images whose cell is empty."""


class TableColumn(NamedTuple):
    """A column of a table.

    Attributes:
        path: The CSV file.
        name: The column.
    """

    path: Path
    name: str


def table_column(text: str) -> TableColumn:
    """Split `TABLE.csv:centre` into the file and the column.

    Raises:
        ConfigError: If one of the two is missing.
    """
    path, _, name = text.rpartition(":")
    if not path or not name.strip():
        raise ConfigError(f"'{text}' names no column: give TABLE.csv:COLUMN, such as patients.csv:centre.")
    return TableColumn(Path(path), name.strip())


def labels_of(column: TableColumn, ids: Sequence[str]) -> dict[str, str]:
    """Read the strata of images; further rows of the table are left out.

    Args:
        column: A column of a table.
        ids: Ids of the images.

    Returns:
        Image id -> value of the column, `UNSTATED` where its cell is empty.

    Raises:
        DataError: If the file can't be read, it has no ids, an id twice or not all of the images, or if the column is
            one of many different numbers.
        ConfigError: If it has no such column.
    """
    rows = _read(column)
    found: dict[str, str] = {}
    for row in rows:
        image_id = row[ID]
        if image_id in found:
            raise DataError(f"'{column.path}' has the id '{image_id}' twice: keep one row per image.")
        found[image_id] = row[column.name] or UNSTATED
    if lacking := [image_id for image_id in ids if image_id not in found]:
        raise DataError(
            f"'{column.path}' lacks {len(lacking)} of the {len(ids)} images: {some(lacking)}. Add a row for each, with "
            f"the image's id in the column '{ID}'."
        )
    labels = {image_id: found[image_id] for image_id in ids}
    _refuse_many_numbers(column, set(labels.values()))
    return labels


def _read(column: TableColumn) -> list[dict[str, str]]:
    """Rows with stripped ids and values of the column."""
    try:
        with column.path.open(encoding="utf-8-sig", newline="") as file:
            header, *lines = csv.reader(file, strict=True)
    except FileNotFoundError:
        raise DataError(
            f"There is no table '{column.path}': give the path of a CSV, then a colon and a column."
        ) from None
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(f"'{column.path}' can't be read as a CSV in UTF-8 ({error}): save it as one.") from error
    names = [name.strip() for name in header]
    if ID not in names:
        raise DataError(f"'{column.path}' has no column '{ID}': name the column of the images' ids so.")
    others = [name for name in names if name != ID]
    if column.name not in others:
        hint = did_you_mean(column.name, others) or (f" It has {listed(others)}." if others else "")
        raise ConfigError(f"'{column.path}' has no column '{column.name}' beside the ids.{hint}")
    places = {name: names.index(name) for name in (ID, column.name)}
    rows = []
    for number, line in enumerate(lines, start=2):
        if line and len(line) != len(names):
            raise DataError(
                f"'{column.path}' has {len(line)} cells in row {number} and {len(names)} in its header: mend that row."
            )
        if line:
            rows.append({name: line[place].strip() for name, place in places.items()})
    return rows


def _refuse_many_numbers(column: TableColumn, values: set[str]) -> None:
    """Refuse a column such as age, of which each value would be a stratum."""
    stated = values - {UNSTATED}
    if len(stated) > MOST_NUMBERS and all(map(_is_number, stated)):
        raise DataError(
            f"The column '{column.name}' of '{column.path}' has {len(stated)} different numbers: add a column of a few "
            f"classes of them, such as '{column.name} class' with 0-9, 10-19 and so on, and name that."
        )


def _is_number(text: str) -> bool:
    try:
        float(text.replace(",", "."))
    except ValueError:
        return False
    return True
