"""How a number is reproduced: a command, and what it needs besides."""

from typing import NamedTuple


class Again(NamedTuple):
    """How to reproduce a number.

    Attributes:
        command: One line for a shell.
        needs: What it needs besides, a sentence each.
    """

    command: str
    needs: tuple[str, ...]
