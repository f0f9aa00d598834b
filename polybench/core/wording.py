"""Counts and names in messages."""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

_COLUMN = re.compile(r"(?!www\.)([A-Za-z0-9_.+:=%,-]|@(?=[0-9])){1,64}")
_NOUN = re.compile(r"[A-Za-z][A-Za-z -]{0,39}")
_SHOWN = 5
_UNPRINTED = frozenset({"Cc", "Cs", "Zl", "Zp"})
_DIRECTIONS = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Marks that change the direction of the text behind them, so that it looks like another."""
"""Unicode categories of control characters, surrogates and separators of lines and paragraphs."""


def counted(n: int, noun: str) -> str:
    """Format a count with its noun, in the plural unless it is one.

    Args:
        n: The count.
        noun: A singular noun with a regular plural.

    >>> counted(1, "group"), counted(0, "dangling link")
    ('1 group', '0 dangling links')
    """
    return f"{n} {noun}{'' if n == 1 else 's'}"


@lru_cache(maxsize=4096)
def is_column(name: str) -> bool:
    """Whether the name of a metric can be a column name of a table, a CSV file and a page.

    >>> is_column("iou_0.5"), is_column("my metric"), is_column("a|b")
    (True, False, False)
    """
    return _COLUMN.fullmatch(name) is not None


def is_noun(what: str) -> bool:
    """Whether a text can be the noun for the rows of a table, such as images or patches."""
    return _NOUN.fullmatch(what) is not None


def some(names: Sequence[str]) -> str:
    """List the first few of many names."""
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")


def listed(names: Sequence[str]) -> str:
    """List all of a few names.

    >>> listed(["a"]), listed(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def escaped(text: str) -> str:
    r"""Escape line breaks, control characters and invalid UTF-8 of file names, so that a text is one line.

    >>> print(escaped("a\nb\udcff.png"))
    a\nb\xff.png
    """
    if text.isprintable():
        return text
    return "".join(
        _escape(char) if unicodedata.category(char) in _UNPRINTED or char in _DIRECTIONS else char for char in text
    )


def _escape(char: str) -> str:
    byte = ord(char) - 0xDC00  # Python's surrogate of an invalid byte
    return f"\\x{byte:02x}" if 0x80 <= byte <= 0xFF else repr(char)[1:-1]
