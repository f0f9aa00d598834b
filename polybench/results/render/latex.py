r"""Tables in LaTeX with booktabs; free text is escaped.

The text needs `\usepackage{booktabs}` and `\usepackage{textcomp}`. Links are their text alone.
"""

import unicodedata

from polybench.core.wording import escaped
from polybench.results.quantities import DASH, heading, quantity
from polybench.results.tables import Cell, Code, Column, Joined, Link, Marks, Missing, Table, Text

_ALIGN = {"left": "l", "right": "r", "center": "c"}
_STYLE = {"plain": "{}", "emphasis": r"\emph{{{}}}", "strong": r"\textbf{{{}}}"}
_ESCAPES = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "`": r"\textasciigrave{}",
    "[": "{[}",
    "]": "{]}",
    "\N{MULTIPLICATION SIGN}": r"$\times$",
    "\N{PLUS-MINUS SIGN}": r"$\pm$",
    "\N{EN DASH}": "--",
    "\N{EM DASH}": "---",
    "\N{UPWARDS ARROW}": r"$\uparrow$",
    "\N{DOWNWARDS ARROW}": r"$\downarrow$",
    "\N{MINUS SIGN}": "$-$",
    "\N{GREEK CAPITAL LETTER DELTA}": r"$\Delta$",
    "\N{LESS-THAN OR EQUAL TO}": r"$\leq$",
    "\N{GREATER-THAN OR EQUAL TO}": r"$\geq$",
    "\N{HORIZONTAL ELLIPSIS}": r"\ldots{}",
}


def table_text(table: Table) -> str:
    """A table as a `table` environment with its title as caption, and its notes below the rule."""
    layout = "".join(_ALIGN[column.align] for column in table.columns)
    lines = [r"\begin{table}", r"\centering"]
    if table.title:
        lines.append(rf"\caption{{{text(table.title)}}}")
    lines += [rf"\begin{{tabular}}{{{layout}}}", r"\toprule", _line([header_text(column) for column in table.columns])]
    lines += [r"\midrule", *(_line([cell_text(cell) for cell in row]) for row in table.rows)]
    lines += [r"\bottomrule", r"\end{tabular}"]
    lines += [rf"\par\footnotesize {inline(note)}" for note in table.notes]
    return "\n".join([*lines, r"\end{table}"]) + "\n"


def header_text(column: Column) -> str:
    """Title of a column."""
    return inline(heading(column))


def cell_text(cell: Cell) -> str:
    """A cell; an empty text and a missing value are a dash."""
    return inline(cell) or text(DASH)


def inline(cell: Cell) -> str:
    """A cell inside a sentence; an empty text is empty."""
    match cell:
        case str():
            return text(cell)
        case Text():
            return _STYLE[cell.style].format(text(cell.text)) if cell.text else ""
        case Code():
            return rf"\texttt{{{text(cell.text)}}}" if cell.text else text(DASH)
        case Missing():
            return text(DASH)
        case Marks():
            return rf"\textsuperscript{{{' '.join(cell.letters)}}}" if cell.letters else ""
        case Link():
            return inline(cell.text)
        case Joined():
            return _escape(cell.separator).join(inline(part) for part in cell.parts)
        case _:
            return text(quantity(cell))


def text(value: str) -> str:
    r"""Free text on one line that LaTeX shows as it is.

    Characters that LaTeX's fonts lack are written by their Unicode name.

    >>> print(text("50 % of a_b {c}"))
    50 \% of a\_b \{c\}
    """
    return _escape(escaped(" ".join(value.split())))


def _escape(line: str) -> str:
    return "".join(_ESCAPES.get(char) or _character(char) for char in line)


def _character(char: str) -> str:
    """A letter, digit or mark as it is; any other character beyond Latin by its name."""
    if ord(char) < 0x250:
        return char
    return f"[{unicodedata.name(char, hex(ord(char))).lower()}]"


def _line(cells: list[str]) -> str:
    return f"{' & '.join(cells)} \\\\"
