"""Errors that users can fix; the command line prints their one-sentence message and exits with their code."""

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """Base class of errors that users can fix; the message names the cause and says what to do."""

    exit_code = 1


class ConfigError(UserError):
    """A wrong option, key, class path or file in the configuration or on the command line."""

    exit_code = 2


class DivergedError(ConfigError):
    """A training whose weights, or the value that selects, are no finite numbers any more."""


class DataError(UserError):
    """A dataset, image, mask or split that is missing or broken."""


class RecordError(DataError):
    """A record or per-image table that is broken, edited or inconsistent."""

    exit_code = 2


SIGTERM_EXIT_CODE = 143
"""128 + 15, the exit code of a process that was ended by SIGTERM."""


def did_you_mean(word: str, candidates: Iterable[str]) -> str:
    """Suggest the nearest candidate.

    Args:
        word: The user's input.
        candidates: Valid inputs.

    Returns:
        `` Did you mean 'x'?`` with a leading space, or an empty string if no candidate is near.
    """
    near = difflib.get_close_matches(word[:100], list(candidates), n=1, cutoff=0.6)
    return f" Did you mean '{near[0]}'?" if near else ""


def shortened(text: str, most: int = 80) -> str:
    """Shorten a text to one line for messages."""
    text = " ".join(text[: most + 1].split())
    return text if len(text) <= most else f"{text[:most]}..."
