"""Errors that a user can mend: the command line prints their one sentence and leaves with their exit code."""

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """Something the user can mend; its message names the thing and says what to do."""

    exit_code = 1


class ConfigError(UserError):
    """A wrong option, key, class path or file in the configuration or on the command line."""

    exit_code = 2


class DataError(UserError):
    """A dataset, image, mask or split that is missing or broken."""


class RecordError(DataError):
    """A record, or its per-image table, that is broken, edited or contradicts itself."""

    exit_code = 2


SIGTERM_EXIT_CODE = 143
"""128 + 15, as a shell reports a process that SIGTERM ended."""


def did_you_mean(word: str, candidates: Iterable[str]) -> str:
    """Suggest the nearest candidate.

    Args:
        word: What the user wrote.
        candidates: What would have been accepted.

    Returns:
        `` Did you mean 'x'?`` with a leading space, or an empty string when nothing is near.
    """
    near = difflib.get_close_matches(word[:100], list(candidates), n=1, cutoff=0.6)
    return f" Did you mean '{near[0]}'?" if near else ""


def shortened(text: str, most: int = 80) -> str:
    """The beginning of a text that may be long, on one line, for messages."""
    text = " ".join(text[: most + 1].split())
    return text if len(text) <= most else f"{text[:most]}..."
