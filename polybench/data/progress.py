"""A progress bar on stderr if it is a terminal."""

import sys
from collections.abc import Iterable
from typing import TypeVar

from rich.console import Console
from rich.progress import track

T = TypeVar("T")


def progress(items: Iterable[T], description: str, total: int | None = None) -> Iterable[T]:
    """Iterate over items with a progress bar that is removed at the end.

    Args:
        items: The items.
        description: Description of the work.
        total: Number of items, where `len(items)` is not available.
    """
    if not sys.stderr.isatty():
        return items
    return track(items, description=description, total=total, transient=True, console=Console(stderr=True))
