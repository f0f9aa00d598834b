"""Tables as CSV: numbers in full, spreads and ends of intervals in columns of their own.

A column whose cells have several numbers becomes several: `Dice`, `Dice std`, `Dice low`, `Dice high`. Seconds, bytes
and shares are plain numbers. Text that a spreadsheet program would take for a formula has an apostrophe before it.
"""

import csv
import io
import math
from collections.abc import Iterable

from polybench.results.render.terminal import plain_text
from polybench.results.tables import (
    Bytes,
    Cell,
    Column,
    Count,
    Interval,
    Joined,
    Link,
    Marks,
    Missing,
    Number,
    Seconds,
    Share,
    Table,
)

_PARTS = ("", "std", "low", "high")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def table_text(table: Table) -> str:
    """A table as CSV with a header; its title and notes are left out."""
    return tables_text([table])


def tables_text(tables: Iterable[Table]) -> str:
    """Several tables as one CSV: the columns of all, those that a table lacks are empty in its rows."""
    header: dict[str, None] = {}
    lines: list[dict[str, str]] = []
    for table in tables:
        rows = [[fields(cell) for cell in row] for row in table.rows]
        for place, column in enumerate(table.columns):
            used = [part for part in _PARTS if part == "" or any(part in row[place] for row in rows)]
            header |= dict.fromkeys(_name(column, part) for part in used)
        lines += [
            {_name(table.columns[place], part): text for place, cell in enumerate(row) for part, text in cell.items()}
            for row in rows
        ]
    file = io.StringIO()
    writer = csv.DictWriter(file, list(header), restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return file.getvalue()


def cell_text(cell: Cell) -> str:
    """The text of a cell, without spreads and intervals."""
    return fields(cell)[""]


def fields(cell: Cell) -> dict[str, str]:
    """Part of a cell -> its text: the value itself is the part "", further parts are `std`, `low` and `high`.

    >>> fields(Joined((Number(0.75, spread=0.01), Interval(0.7, 0.8))))
    {'': '0.75', 'std': '0.01', 'low': '0.7', 'high': '0.8'}
    """
    match cell:
        case Number():
            return {"": _number(cell.value)} | ({} if cell.spread is None else {"std": _number(cell.spread)})
        case Interval():
            return {"": "", "low": _number(cell.low), "high": _number(cell.high)}
        case Count() | Bytes() | Seconds() | Share():
            return {"": _number(cell.value)}
        case Missing() | Marks():
            return {"": ""}
        case Link():
            return fields(cell.text)
        case Joined():
            return _joined(cell)
        case _:
            return {"": _safe(plain_text(cell))}


def _joined(cell: Joined) -> dict[str, str]:
    """The texts of all parts in one; the last of their spreads and intervals."""
    found: dict[str, str] = {}
    texts = []
    for part in map(fields, cell.parts):
        texts.append(part[""])
        found |= part
    return {**found, "": cell.separator.join(text for text in texts if text)}


def _name(column: Column, part: str) -> str:
    return f"{_safe(plain_text(column.header))} {part}".strip()


def _number(value: float) -> str:
    """A number that reads back as the same one."""
    return str(value) if math.isfinite(value) else ""


def _safe(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text
