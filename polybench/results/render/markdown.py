"""Tables and free text in Markdown as GitHub reads it."""

import html
import re
from collections.abc import Iterable
from functools import lru_cache

from polybench.core.wording import escaped
from polybench.results.quantities import DASH, heading, quantity
from polybench.results.tables import Cell, Code, Column, Interval, Joined, Link, Marks, Missing, Number, Table, Text

_BLOCK = re.compile(r"^(\d{1,9}(?=[.)](?:\s|$))|(?=(?:#{1,6}|[-+])(?:\s|$)|[-_=]{2,}))")
"""Where a line would begin a list, a heading or a rule."""
_ALIGN = {"left": ":---", "right": "---:", "center": ":---:"}
_STYLE = {"plain": "", "emphasis": "*", "strong": "**"}


def table_text(table: Table) -> str:
    """A table: its columns and rows, without its title and notes, and a line feed at the end."""
    lines = [
        [header_text(column) for column in table.columns],
        *([cell_text(cell) for cell in row] for row in table.rows),
    ]
    head, *body = (f"| {' | '.join(line)} |" for line in lines)
    rule = f"|{'|'.join(_ALIGN[column.align] for column in table.columns)}|"
    return "\n".join([head, rule, *body]) + "\n"


def header_text(column: Column) -> str:
    """Title of a column."""
    return inline(heading(column))


def cell_text(cell: Cell) -> str:
    """A cell on one line; an empty text and a missing value are a dash."""
    return inline(cell) or DASH


def inline(cell: Cell) -> str:
    """A cell inside a sentence; an empty text is empty."""
    match cell:
        case str():
            return text(cell)
        case Number() | Interval():  # most cells
            return quantity(cell)
        case Text():
            mark = _STYLE[cell.style]
            return f"{mark}{text(cell.text)}{mark}" if cell.text else ""
        case Code():
            return code(cell.text)
        case Missing():
            return DASH
        case Marks():
            return f"<sup>{' '.join(cell.letters)}</sup>" if cell.letters else ""
        case Link():
            return _link(cell)
        case Joined():
            return cell.separator.join(inline(part) for part in cell.parts)
        case _:
            return quantity(cell)


def text(value: object) -> str:
    """Free text on one line that is shown as it is: no tag, link, picture, code, list, heading or table cell of it.

    What GitHub would make a link of without any mark (an address, a name after @) stays text, too.
    """
    return _escaped_text(_one_line(value))


@lru_cache(maxsize=8192)
def _escaped_text(line: str) -> str:
    for mark in ("\\", "`", "|", "[", "]", "*", "~"):
        line = line.replace(mark, f"\\{mark}")
    for mark, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        line = line.replace(mark, entity)
    line = re.sub(r"(?i)\b(https?|ftp|mailto|xmpp)(?=:)", r"\1\\", line)
    line = re.sub(r"(?i)\b(www)(?=\.)", r"\1\\", line)
    line = re.sub(r"(?<!\w)@(?=\w)|@(?=[\w-]+\.)", "@\N{WORD JOINER}", line)
    return _BLOCK.sub(r"\1\\", line)


def code(value: object) -> str:
    """Free text in the typewriter face; a dash where there is none."""
    line = re.sub(r"\\+(?=\|)", "", _one_line(value).replace("`", "'"))  # a backslash would end the table's cell
    return f"`{line}`".replace("|", "\\|") if line else DASH


def address(url: str) -> str | None:
    """The target of a link to a web page or a file; None for what is neither."""
    pattern = r"(https?://[\w.:-]+(/[\w./~%?=&#:@+,;-]*)?|[\w.+-]+(/[\w.+-]+)*)"
    return url if re.fullmatch(pattern, url, re.ASCII) else None


def command(words: str) -> str:
    """A command on one line of a block of code."""
    return escaped(" ".join(words.splitlines()))


def fence(lines: Iterable[str]) -> str:
    """Backticks that open and close a block of lines, more than any of them has in a row."""
    return "`" * max([3, *(1 + len(run) for line in lines for run in re.findall("`+", line))])


def html_text(value: object) -> str:
    """Free text inside a tag of HTML."""
    return html.escape(_one_line(value), quote=True)


def _link(link: Link) -> str:
    shown = inline(link.text)
    if link.anchor is not None and re.fullmatch(r"[\w.+-]+", link.anchor):
        return f"[{shown}](#{link.anchor})"
    target = address(link.url or "")
    if target is None:
        return shown
    return f"[{shown}](<{target}>)" if "://" in target else f"[{shown}]({target})"


def _one_line(value: object) -> str:
    return escaped(" ".join(str(value).split()))
