"""The per-image table of a record: a CSV file that is read back exactly as it was written, or refused."""

import csv
import hashlib
import io
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from polybench.core.errors import RecordError
from polybench.results.image_rows import KEYS

if TYPE_CHECKING:
    import pandas as pd

MOST_BYTES = 512 * 2**20
"""Of a table; one of 100,000 images takes about 100 MB."""

_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_COLUMN = re.compile(r"[a-z0-9_]+@[1-9][0-9]*/[^\s/]+")


@dataclass(frozen=True)
class ImageTable:
    """A table that was read.

    Attributes:
        rows: One row per image, sorted by id: `id`, `group`, and columns of float64.
        sha256: Hash of the file's text, with line feeds as line ends.
    """

    rows: "pd.DataFrame"
    sha256: str


def table_text(rows: "pd.DataFrame") -> str:
    """The text of a table: `id` and `group` first, sorted by id, numbers of six digits, line feeds.

    Raises:
        RecordError: If the rows have no ids, no groups, an id twice, or a value that is no finite number.
    """
    if not set(KEYS) <= set(rows.columns) or rows["id"].duplicated().any():
        raise RecordError("The per-image table needs the columns 'id' and 'group', and each id once.")
    table = rows[[*KEYS, *(name for name in rows.columns if name not in KEYS)]].sort_values("id")
    text: str = table.to_csv(index=False, float_format="%.6g", lineterminator="\n")
    return text


def text_sha256(text: str) -> str:
    """Hash of a table's text, as a record holds it."""
    return hashlib.sha256(text.encode()).hexdigest()


def read_table(path: Path) -> ImageTable:
    """Read a table strictly.

    The file must be what `table_text` writes: UTF-8 without a byte order mark, a header of different names, rows of as
    many cells sorted by different ids, and in each cell a finite number as `%.6g` writes it; no cell is empty. Line
    ends may be those of Windows throughout, as git writes them there.

    Raises:
        RecordError: If it isn't; the message names the file, the line and the fault.
    """
    import pandas as pd  # imported when needed, so that fits start sooner

    text = file_text(path)
    try:
        header, *lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    except (csv.Error, ValueError) as error:
        _refuse(path, f"it is no table ({error})")
    _check_header(header, path)
    for number, line in enumerate(lines, start=2):
        if len(line) != len(header):
            _refuse(path, f"line {number} has {len(line)} cells where the header has {len(header)}")
    _check_ids([line[0] for line in lines], path)
    columns: dict[str, object] = {name: [line[place] for line in lines] for place, name in enumerate(KEYS)}
    for place, name in enumerate(header[2:], start=2):
        columns[name] = [_number(line[place], name, number, path) for number, line in enumerate(lines, start=2)]
    if _written(header, lines) != text:
        _refuse(path, "it has quotes or line ends that polybench doesn't write")
    return ImageTable(pd.DataFrame(columns), text_sha256(text))


def file_text(path: Path) -> str:
    """The file's text with line feeds as line ends.

    Raises:
        RecordError: If it is no regular file of UTF-8 text, too large, empty or cut off.
    """
    try:
        if not path.is_file():
            _refuse(path, "it is no regular file")
        if path.stat().st_size > MOST_BYTES:
            _refuse(path, f"it is larger than {MOST_BYTES // 2**20} MiB")
        text = path.read_bytes().decode()
    except OSError as error:
        _refuse(path, error.strerror or str(error))
    except UnicodeDecodeError as error:
        _refuse(path, f"byte {error.start} is not UTF-8")
    if text.startswith("\N{BYTE ORDER MARK}"):
        _refuse(path, "it begins with a byte order mark, which an editor or a spreadsheet program has added")
    if "\r" in text and text.count("\r\n") == text.count("\n"):
        text = text.replace("\r\n", "\n")
    if not text.endswith("\n"):
        _refuse(path, "its last line is cut off" if text else "it is empty")
    return text


def _check_header(header: list[str], path: Path) -> None:
    if tuple(header[:2]) != KEYS:
        _refuse(path, f"its first columns are {', '.join(map(repr, header[:2]))}, not 'id' and 'group'")
    for name in header[2:]:
        if not _COLUMN.fullmatch(name):
            _refuse(path, f"the column '{name[:80]}' is not of the form protocol@version/metric")
        if header.count(name) > 1:
            _refuse(path, f"the column '{name}' is there twice")


def _check_ids(ids: list[str], path: Path) -> None:
    if not ids:
        _refuse(path, "it has no rows")
    for number, (before, one) in enumerate(zip(["", *ids], ids, strict=False), start=2):
        if one == before:
            _refuse(path, f"the id '{one}' of line {number} is there twice" if one else f"line {number} has no id")
        if one < before:
            _refuse(path, f"the id '{one}' of line {number} is out of order: rows are sorted by id")


def _number(cell: str, name: str, line: int, path: Path) -> float:
    """The number of a cell that holds nothing else."""
    if _INTEGER.fullmatch(cell):
        return float(cell)
    try:
        number = float(cell)
    except ValueError:
        number = math.nan
    if not math.isfinite(number) or f"{number:.6g}" != cell:
        _refuse(path, f"'{cell[:40]}' in line {line}, column '{name}', is no finite number of six digits")
    return number


def _written(header: list[str], lines: list[list[str]]) -> str:
    """The text that cells make."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *lines])
    return text.getvalue()


def _refuse(path: Path, fault: str) -> NoReturn:
    raise RecordError(
        f"The per-image table '{path}' can't be read: {fault}. Restore the file: tables are never edited."
    )
