"""A progress bar on stderr, where that is a terminal; nothing at all elsewhere."""

import sys
from collections.abc import Iterable
from typing import TypeVar

from rich.console import Console
from rich.progress import track

T = TypeVar("T")


def progress(items: Iterable[T], description: str, total: int | None = None) -> Iterable[T]:
    """Go through items and show how far it is; the bar vanishes at the end.

    Args:
        items: What to go through.
        description: What is done with them.
        total: How many there are, where the items don't know.
    """
    if not sys.stderr.isatty():
        return items
    return track(items, description=description, total=total, transient=True, console=Console(stderr=True))
