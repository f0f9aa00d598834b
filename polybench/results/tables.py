"""Tables of typed cells without markup, which `polybench.results.render` writes out.

A table is a title, columns and rows of cells. A cell holds a value and its kind, not how it is written:

    >>> table = Table(
    ...     columns=(Column("Recipe"), Column("Dice", "right", "higher"), Column("Training", "right")),
    ...     rows=((Link("unet", anchor="unet-1234"), Number(0.75, spread=0.01), Seconds(3725.0)),),
    ... )
    >>> from polybench.results.render import markdown
    >>> print(markdown.table_text(table))
    | Recipe | Dice ↑ | Training |
    |:---|---:|---:|
    | [unet](#unet-1234) | 0.7500 ± 0.0100 | 1 h 2 min |
    <BLANKLINE>

The renderers `terminal`, `markdown`, `csv` and `latex` each have `cell_text(cell)` and `table_text(table)`;
`terminal.print_table(table)` prints one, `terminal.plain_text(cell)` is a cell as plain text. A `str` is free text
wherever a `Cell` is expected. Renderers escape all free text.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from polybench.results.facts import Direction

Align = Literal["left", "right", "center"]
Style = Literal["plain", "emphasis", "strong"]


@dataclass(frozen=True)
class Text:
    """Free text, shown as it is."""

    text: str
    style: Style = "plain"


@dataclass(frozen=True)
class Code:
    """Free text in a typewriter face, such as a hash or the name of a split."""

    text: str


@dataclass(frozen=True)
class Number:
    """A number, and its standard deviation over seeds where there are several.

    Attributes:
        value: The number.
        decimals: How many are shown.
        spread: The standard deviation; None with a single seed.
        significant: Significant digits, shown instead of a fixed number of decimals.
        signed: Whether a plus sign is shown.
    """

    value: float
    decimals: int = 4
    spread: float | None = None
    significant: int | None = None
    signed: bool = False


@dataclass(frozen=True)
class Interval:
    """Ends of a 95 % interval."""

    low: float
    high: float
    decimals: int = 4


@dataclass(frozen=True)
class Count:
    """A whole number; `short` shows a large one with a unit, such as 31.04 M."""

    value: int
    short: bool = False


@dataclass(frozen=True)
class Seconds:
    """A time span."""

    value: float


@dataclass(frozen=True)
class Bytes:
    """An amount of memory or of storage."""

    value: int


@dataclass(frozen=True)
class Share:
    """A share from 0 to 1, shown as a percentage."""

    value: float
    decimals: int = 1


@dataclass(frozen=True)
class Missing:
    """No value."""


@dataclass(frozen=True)
class Marks:
    """Letters of the notes that a row has below its table."""

    letters: tuple[str, ...]


@dataclass(frozen=True)
class Link:
    """A cell that leads somewhere.

    Attributes:
        text: What is shown.
        anchor: Name of a place on the same page.
        url: Address of a file or of a web page, where there is no anchor.
    """

    text: "Cell"
    anchor: str | None = None
    url: str | None = None


@dataclass(frozen=True)
class Joined:
    """Several cells in one."""

    parts: tuple["Cell", ...]
    separator: str = " "


Cell = str | Text | Code | Number | Interval | Count | Seconds | Bytes | Share | Missing | Marks | Link | Joined

MISSING = Missing()
_EMPTY: tuple[Cell, ...] = ("", MISSING, Text(""))


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        header: Title above the cells.
        align: Alignment of its cells.
        direction: Which way is better, shown as an arrow; None where neither is.
        remark: Plain text after the header, such as "(95 % interval)"; CSV leaves it out.
        wrap: Whether a terminal may break the column's cells into lines.
        optional: Whether a terminal that is too narrow for the table may leave the column out.
    """

    header: Cell
    align: Align = "left"
    direction: Direction | None = None
    remark: str = ""
    wrap: bool = True
    optional: bool = False


@dataclass(frozen=True)
class Table:
    """Columns and rows of as many cells.

    Attributes:
        columns: The columns.
        rows: The rows.
        title: Plain text above the table; may be empty.
        notes: Notes below it, one a line.

    Raises:
        ValueError: If a row has another number of cells.
    """

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    title: str = ""
    notes: tuple[Cell, ...] = ()

    def __post_init__(self) -> None:
        """Check the lengths of the rows."""
        for place, row in enumerate(self.rows):
            if len(row) != len(self.columns):
                raise ValueError(f"row {place} of '{self.title}' has {len(row)} cells for {len(self.columns)} columns")


def joined(parts: Iterable[Cell], separator: str = " ") -> Cell:
    """One cell of several, missing and empty ones left out; `MISSING` where none is left."""
    kept = tuple(part for part in parts if part not in _EMPTY)
    if not kept:
        return MISSING
    return kept[0] if len(kept) == 1 else Joined(kept, separator)


def measured(value: float, low: float | None, high: float | None, spread: float | None = None) -> Cell:
    """A number with its standard deviation over seeds, and its 95 % interval where there is one."""
    return joined((Number(value, spread=spread), ends_cell(low, high)))


def ends_cell(low: float | None, high: float | None) -> Cell:
    """A 95 % interval; `MISSING` without one."""
    return MISSING if low is None or high is None else Interval(low, high)


def distinct(cells: Iterable[Cell]) -> Cell:
    """Different cells in their order, each once, with semicolons between them."""
    return joined(dict.fromkeys(cells), "; ")
