"""Tables in the terminal, by rich; cells as plain text."""

import os
import textwrap
from collections.abc import Iterable, Sequence

import rich.table
from rich.console import Console, ConsoleOptions, JustifyMethod
from rich.markup import escape
from rich.measure import Measurement
from rich.text import Text as RichText

from polybench.core.wording import escaped
from polybench.results.quantities import DASH, heading, quantity
from polybench.results.tables import Cell, Code, Column, Joined, Link, Marks, Missing, Table, Text

WIDTH = 132
"""Width of tables that go to a file, in characters."""
MOST_CHARACTERS = 10_000
"""Width of the console in which a table's own width is measured."""
FOLDED = 20
"""Characters of a text that may be folded rather than a column left out."""
_SHORT = 12
"""Characters of a word at most that a heading over numbers keeps whole."""
_STYLE = {"plain": "", "emphasis": "italic", "strong": "bold"}
_JUSTIFY: dict[str, JustifyMethod] = {"left": "left", "right": "right", "center": "center"}


def print_table(table: Table, console: Console | None = None) -> None:
    """Print a table with its title and its notes; where it is too wide, its command lines stand below it, unfolded.

    Args:
        table: The table.
        console: Where; `wide_console()` by default.
    """
    console = console or wide_console()
    table, commands = commands_below(table, console)
    fitting = fitted(table, console)
    natural = _made(fitting.columns, fitting.rows, fitting.title)
    narrow = Measurement.get(console, _unbounded(console), natural).maximum > console.width
    console.print(_made(fitting.columns, fitting.rows, fitting.title, narrow=True) if narrow else natural)
    for note in fitting.notes:
        console.print(rich_text(note), soft_wrap=True)
    for label, command in commands:
        console.print(RichText(f"{label}\n    {command}"), soft_wrap=True)


def commands_below(table: Table, console: Console) -> tuple[Table, list[tuple[str, str]]]:
    """Take command lines out of a table that the console has no room for, so that they can be copied.

    Args:
        table: The table.
        console: The console.

    Returns:
        The table without their columns, and for each command what stands before it in its row, and itself.
    """
    if Measurement.get(console, _unbounded(console), rich_table(table)).maximum <= console.width:
        return table, []
    places = [place for place, _ in enumerate(table.columns) if any(_is_command(row[place]) for row in table.rows)]
    found = [
        (", ".join(plain_text(cell) for cell in row[:place]), plain_text(row[place]))
        for row in table.rows
        for place in places
        if _is_command(row[place])
    ]
    kept = [place for place, _ in enumerate(table.columns) if place not in places]
    rows = tuple(tuple(row[place] for place in kept) for row in table.rows)
    return Table(tuple(table.columns[place] for place in kept), rows, table.title, table.notes), found


def _is_command(cell: Cell) -> bool:
    """Whether a cell is a command line: code of several words."""
    return isinstance(cell, Code) and len(cell.text.split()) > 1


def fitted(table: Table, console: Console) -> Table:
    """A table without those of its optional columns, from the right, that the console has no room for.

    A note names what is left out.
    """
    columns, rows, left_out = list(table.columns), [list(row) for row in table.rows], []
    while _needed(columns, rows, console) > console.width:
        place = max((place for place, column in enumerate(columns) if column.optional), default=None)
        if place is None:
            break
        left_out.append(header_text(columns.pop(place)))
        for row in rows:
            del row[place]
    if not left_out:
        return table
    note = f"Left out, for want of width: {', '.join(reversed(left_out))}."
    return Table(tuple(columns), tuple(map(tuple, rows)), table.title, (*table.notes, note))


def _needed(columns: Sequence[Column], rows: Iterable[Iterable[Cell]], console: Console) -> int:
    """Width that a table needs when its longest texts are folded, but none of its numbers."""
    made = _made(columns, rows)
    for column in made.columns:
        if column.justify == "left" and not column.no_wrap:
            column.max_width = FOLDED
    return Measurement.get(console, _unbounded(console), made).maximum


def _unbounded(console: Console) -> ConsoleOptions:
    """Options of a console in which every table has its own width."""
    return console.options.update(max_width=MOST_CHARACTERS)


def table_text(table: Table, width: int = WIDTH) -> str:
    """A table with its title and its notes as a terminal of this width shows it, without colours."""
    console = Console(width=width, color_system=None, force_terminal=False)
    with console.capture() as capture:
        print_table(table, console)
    return capture.get()


def rich_table(table: Table) -> rich.table.Table:
    """A table for rich."""
    return _made(table.columns, table.rows, table.title)


def _made(
    columns: Sequence[Column], rows: Iterable[Iterable[Cell]], title: str = "", *, narrow: bool = False
) -> rich.table.Table:
    """A table for rich; a narrow one folds the headings over numbers, never the numbers."""
    made = rich.table.Table(title=literal(title) if title else None, title_justify="left")
    texts = [[rich_text(cell) for cell in row] for row in rows]
    for place, column in enumerate(columns):
        name, whole = header_text(column), narrow and column.align == "right"
        if whole:
            words = (len(word) for word in name.split() if len(word) <= _SHORT)
            widest = max((*words, *(row[place].cell_len for row in texts)), default=1)
            name = textwrap.fill(name, widest)
        made.add_column(
            RichText(name), justify=_JUSTIFY[column.align], no_wrap=whole or not column.wrap, overflow="fold"
        )
    for row in texts:
        made.add_row(*row)
    return made


def rich_text(cell: Cell) -> RichText:
    """A cell for rich, with its styles."""
    if isinstance(cell, Text):
        return RichText(plain_text(cell), style=_STYLE[cell.style])
    if isinstance(cell, Link):
        return rich_text(cell.text)
    if isinstance(cell, Joined):
        return RichText(cell.separator).join(map(rich_text, cell.parts))
    return RichText(plain_text(cell))


def header_text(column: Column) -> str:
    """Title of a column."""
    return plain_text(heading(column))


def cell_text(cell: Cell) -> str:
    """A cell as plain text; an empty text and a missing value are a dash."""
    return plain_text(cell) or DASH


def plain_text(cell: Cell) -> str:
    """A cell as plain text on one line.

    >>> plain_text(Joined((Link("unet", anchor="a"), Marks(("a", "b")))))
    'unet (a b)'
    """
    match cell:
        case str():
            return _one_line(cell)
        case Text() | Code():
            return _one_line(cell.text)
        case Missing():
            return DASH
        case Marks():
            return f"({' '.join(cell.letters)})" if cell.letters else ""
        case Link():
            return plain_text(cell.text)
        case Joined():
            return cell.separator.join(map(plain_text, cell.parts))
        case _:
            return quantity(cell)


def wide_console() -> Console:
    """A console as wide as the terminal; elsewhere wide enough for the tables."""
    return Console(width=max(Console().width, WIDTH) if not Console().is_terminal else None)


def full_width() -> int:
    """Width for a table that is all a command prints: the terminal's, or `COLUMNS`; else no column is left out."""
    return Console().width if Console().is_terminal or os.environ.get("COLUMNS") else MOST_CHARACTERS


def literal(text: str) -> str:
    """Text as rich prints it: without markup of its own, and without control characters."""
    return escape(escaped(text))


def _one_line(text: str) -> str:
    return escaped(" ".join(text.split()))
