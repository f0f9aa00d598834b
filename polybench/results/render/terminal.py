"""Tables in the terminal, by rich; cells as plain text."""

import rich.table
from rich.console import Console, JustifyMethod
from rich.markup import escape
from rich.text import Text as RichText

from polybench.core.wording import escaped
from polybench.results.quantities import ARROWS, DASH, quantity
from polybench.results.tables import Cell, Code, Column, Joined, Link, Marks, Missing, Table, Text, joined

WIDTH = 132
"""Of tables that go to a file, characters."""
_STYLE = {"plain": "", "emphasis": "italic", "strong": "bold"}
_JUSTIFY: dict[str, JustifyMethod] = {"left": "left", "right": "right", "center": "center"}


def print_table(table: Table, console: Console | None = None) -> None:
    """Print a table with its title and its notes.

    Args:
        table: The table.
        console: Where; `wide_console()` by default.
    """
    console = console or wide_console()
    console.print(rich_table(table))
    for note in table.notes:
        console.print(rich_text(note))


def table_text(table: Table, width: int = WIDTH) -> str:
    """A table with its title and its notes as it stands in a terminal of this width, without colours."""
    console = Console(width=width, color_system=None, force_terminal=False)
    with console.capture() as capture:
        print_table(table, console)
    return capture.get()


def rich_table(table: Table) -> rich.table.Table:
    """A table for rich; numbers are never wrapped."""
    made = rich.table.Table(title=literal(table.title) if table.title else None, title_justify="left")
    for column in table.columns:
        right = column.align != "left"
        made.add_column(RichText(header_text(column)), justify=_JUSTIFY[column.align], no_wrap=right, overflow="fold")
    for row in table.rows:
        made.add_row(*map(rich_text, row))
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
    """What stands above a column."""
    return plain_text(joined((column.header, column.remark, ARROWS[column.direction] if column.direction else "")))


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


def literal(text: str) -> str:
    """Text as rich prints it: without markup of its own, and without control characters."""
    return escape(escaped(text))


def _one_line(text: str) -> str:
    return escaped(" ".join(text.split()))
