"""Counts and names in messages."""

import re
import unicodedata
from collections.abc import Sequence

_COLUMN = re.compile(r"(?!www\.)([A-Za-z0-9_.+:=%,-]|@(?=[0-9])){1,64}")
_NOUN = re.compile(r"[A-Za-z][A-Za-z -]{0,39}")
_SHOWN = 5
_UNPRINTED = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Unicode categories of control characters, surrogates and separators of lines and paragraphs."""


def counted(n: int, noun: str) -> str:
    """A count with its noun, in the plural unless it is one.

    Args:
        n: The count.
        noun: In the singular, with a regular plural.

    >>> counted(1, "group"), counted(0, "dangling link")
    ('1 group', '0 dangling links')
    """
    return f"{n} {noun}{'' if n == 1 else 's'}"


def is_column(name: str) -> bool:
    """Whether a metric's name can head a column of a table, a CSV file and a page as it is.

    >>> is_column("iou_0.5"), is_column("my metric"), is_column("a|b")
    (True, False, False)
    """
    return _COLUMN.fullmatch(name) is not None


def is_noun(what: str) -> bool:
    """Whether a text can name the rows of a table, such as images or patches."""
    return _NOUN.fullmatch(what) is not None


def some(names: Sequence[str]) -> str:
    """The first few of many names."""
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")


def escaped(text: str) -> str:
    r"""A text in one line: line breaks, control characters and bytes of a file name that are no UTF-8 are spelt out.

    >>> print(escaped("a\nb\udcff.png"))
    a\nb\xff.png
    """
    if text.isprintable():
        return text
    return "".join(_escape(char) if unicodedata.category(char) in _UNPRINTED else char for char in text)


def _escape(char: str) -> str:
    byte = ord(char) - 0xDC00  # what a file name's byte that is no UTF-8 becomes
    return f"\\x{byte:02x}" if 0x80 <= byte <= 0xFF else repr(char)[1:-1]
