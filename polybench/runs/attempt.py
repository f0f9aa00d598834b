"""How the latest attempt at a cell stands: it runs, it failed and why, or it was interrupted; from its folder alone."""

import json
from contextlib import suppress
from pathlib import Path

from polybench.core.atomic import atomic_write_text
from polybench.core.wording import escaped
from polybench.runs.cell_progress import progress_of
from polybench.runs.lease import LEASE, holder, is_free
from polybench.runs.request import REQUEST

FAILURE = "failed.json"
SHOWN = 60
"""Characters of the reason of a failure that tables show."""


def note_failure(folder: Path, reason: str) -> None:
    """Write down why an attempt failed; its first line is kept."""
    line = next(iter(reason.strip().splitlines()), "without a reason")
    atomic_write_text(folder / FAILURE, json.dumps({"reason": escaped(line)}) + "\n")


def forget_failure(folder: Path) -> None:
    """Leave nothing of an earlier attempt's failure, when the next one begins."""
    (folder / FAILURE).unlink(missing_ok=True)


def noted_failure(folder: Path) -> str | None:
    """Why the latest attempt failed; None where it didn't, or was ended from outside."""
    with suppress(OSError, ValueError, TypeError, KeyError, RecursionError):
        return str(json.loads((folder / FAILURE).read_text(encoding="utf-8"))["reason"])
    return None


def attempt(folder: Path) -> str | None:
    """How the latest attempt at a cell that isn't finished stands; None where there was none."""
    if (folder / LEASE).is_file() and not is_free(folder):
        progress = progress_of(folder)
        return f"running, process {holder(folder)}" + (f": {progress.line()}" if progress else "")
    reason = noted_failure(folder)
    if reason is not None:
        return f"failed: {reason if len(reason) <= SHOWN else reason[:SHOWN] + '...'}"
    return "interrupted" if (folder / REQUEST).is_file() else None
