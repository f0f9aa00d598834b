"""A progress bar on stderr, where that is a terminal; nothing at all elsewhere."""

import sys
from collections.abc import Iterable, Sequence
from typing import TypeVar

from rich.console import Console
from rich.progress import track

T = TypeVar("T")


def progress(items: Sequence[T], description: str) -> Iterable[T]:
    """Go through items and show how far it is; the bar vanishes at the end.

    Args:
        items: What to go through.
        description: What is done with them.
    """
    if not sys.stderr.isatty():
        return items
    return track(items, description=description, transient=True, console=Console(stderr=True))
