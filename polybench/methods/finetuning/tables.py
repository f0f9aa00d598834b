"""Tables of a folder of the user's own, as CSV."""

import csv
from collections.abc import Sequence
from pathlib import Path

from polybench.core.errors import DataError


def read_rows(path: Path, required: Sequence[str], optional: Sequence[str] = ()) -> list[dict[str, str]]:
    """Read the rows of a table, at least one.

    Args:
        path: The file.
        required: Columns that it must have.
        optional: Columns that it may have, for messages.

    Raises:
        DataError: If it can't be read, lacks a column, or has no rows or one of another length.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            header, rows = list(reader.fieldnames or ()), list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"'{path}' can't be read ({error}): save it as CSV in UTF-8.") from error
    if missing := [name for name in required if name not in header]:
        raise DataError(f"'{path}' lacks the column {missing[0]}: its columns are {', '.join((*required, *optional))}.")
    if not rows or any(None in row or None in row.values() for row in rows):
        raise DataError(f"'{path}' has no rows, or one of another number of cells than its header.")
    return rows
