"""Per-image tables of the hash that a sealed record states: polybench wrote them, so that no cell needs a check."""

import struct
from functools import lru_cache
from pathlib import Path

import numpy as np
from pydantic import TypeAdapter, ValidationError

from polybench.results.image_rows import KEYS, ImageRows
from polybench.results.table_file import file_text, text_sha256

_NUMBERS = TypeAdapter(list[float])


def read_sealed(path: Path, sha256: str) -> ImageRows | None:
    """Read the rows of a table, as `polybench.results.table_file.read_table` does.

    Args:
        path: The file.
        sha256: Hash that the record beside it states.

    Returns:
        One row per image; None where the file has another hash, or is no table of plain cells, so that only the strict
        reader can tell what it holds.

    Raises:
        RecordError: If it is no regular file of UTF-8 text, too large, or cut off.
    """
    text = file_text(path)
    return rows_of(text) if text_sha256(text) == sha256 else None


def rows_of(text: str) -> ImageRows | None:
    """The rows of a table's text; None where a cell is quoted or the cells are not of one shape."""
    if '"' in text:
        return None
    header, *lines = text.removesuffix("\n").split("\n")
    keys, places = _header(header)
    rows = [line.split(",", 2) for line in lines]
    if keys != KEYS or not places or not lines or any(len(row) < 3 for row in rows):
        return None
    ids, groups, rest = zip(*rows, strict=True)
    try:
        cells = _NUMBERS.validate_json(f"[{','.join(rest)}]")
    except ValidationError:
        return None
    numbers = np.frombuffer(struct.pack(f"{len(cells)}d", *cells))  # of a list, numpy makes an array more slowly
    if len(numbers) != len(lines) * len(places) or not np.isfinite(numbers).all():
        return None
    return ImageRows(ids, groups, places, np.ascontiguousarray(numbers.reshape(len(lines), -1).T))


@lru_cache(maxsize=64)
def _header(line: str) -> tuple[tuple[str, ...], dict[str, int]]:
    """The first two columns, and the place of each other one."""
    names = tuple(line.split(","))
    return names[:2], {name: place for place, name in enumerate(names[2:])}
