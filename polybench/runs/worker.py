"""The process of one cell: `python -m polybench.runs.worker FOLDER` runs what the folder's `request.json` says.

It holds the leases of the folder and of the run while it works, so that each cell is run once however many commands
start it.
"""

import os
import sys
from contextlib import nullcontext
from pathlib import Path

from polybench.core.errors import SIGTERM_EXIT_CODE, UserError
from polybench.core.place import is_first
from polybench.core.start_anew import resumed_by_itself
from polybench.runs.attempt import forget_failure, note_failure
from polybench.runs.kept_weights import keep_weights
from polybench.runs.lease import BUSY, BusyError, leased, leased_run
from polybench.runs.request import Request, note_record, noted_in


def main(folder: Path) -> int:
    """Run the cell of a folder, unless another process does or has done so.

    Returns:
        The exit code.
    """
    if not is_first():  # the first process of the run holds the lease
        return work(folder)
    try:
        with leased(folder, _leave):
            request = Request.read(folder)
            if noted_in(folder, Path(request.leaderboard)) is not None:
                return 0
            with leased_run(Path(request.run_lease), _leave) if request.run_lease else nullcontext():
                return attempt(folder)
    except BusyError:
        return BUSY


def attempt(folder: Path) -> int:
    """Run the cell of a folder; where it fails, its reason is left there, and where it is ended from outside, none.

    Returns:
        The exit code.
    """
    forget_failure(folder)
    try:
        return work(folder)
    except UserError as error:
        note_failure(folder, str(error))
        raise
    except Exception as error:
        note_failure(folder, f"{type(error).__name__}: {error}")
        raise


def work(folder: Path) -> int:
    """Run the cell of a folder, and write down where its record is.

    Returns:
        The exit code.
    """
    from lightning.pytorch.utilities.exceptions import SIGTERMException  # seconds that a busy cell need not cost

    request = Request.read(folder)
    try:
        with resumed_by_itself(f"remove the folder '{folder}' to run this cell anew"):
            path, reason = _run(request, request.words_in(folder))
    except SIGTERMException:
        return SIGTERM_EXIT_CODE
    if path is not None:
        note_record(folder, path)
        print(f"Record: {path}")
    elif reason:
        note_failure(folder, f"no record: {reason}")
        print(f"No record: {reason}.")
    return 0


def _run(request: Request, words: tuple[str, ...]) -> tuple[Path | None, str | None]:
    """Run the experiment; its record's file, or why there is none (nothing at all in processes beside the first)."""
    from polybench.experiments.again import Again
    from polybench.experiments.evaluate import run_test
    from polybench.experiments.fit import fit

    again = Again(request.again, request.needs) if request.again else None
    if request.command == "test":
        return run_test(words, again=again).path, None
    fitted = fit(words, again=again, shared_start=request.shared_start)
    keep_weights(fitted.checkpoint, fitted.record, fitted.path)
    return fitted.path, fitted.reason


def _leave() -> None:
    """End at once: another process has taken over the cell."""
    print("polybench: error: another process has taken over this cell, which was silent for a minute.", flush=True)
    os._exit(BUSY)


if __name__ == "__main__":
    try:
        sys.exit(main(Path(sys.argv[1])))
    except UserError as error:
        print(f"polybench: error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
