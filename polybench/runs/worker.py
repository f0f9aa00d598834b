"""The process of one cell: `python -m polybench.runs.worker FOLDER` runs what the folder's `request.json` says."""

import sys
from pathlib import Path

from lightning.pytorch.utilities.exceptions import SIGTERMException

from polybench.core.errors import SIGTERM_EXIT_CODE, UserError
from polybench.experiments.again import Again
from polybench.experiments.evaluate import run_test
from polybench.experiments.fit import fit
from polybench.runs.request import Request, note_record


def work(folder: Path) -> int:
    """Run the cell of a folder, and write down where its record is.

    Returns:
        The exit code.
    """
    request = Request.read(folder)
    try:
        path, reason = _run(request)
    except SIGTERMException:
        return SIGTERM_EXIT_CODE
    if path is not None:
        note_record(folder, path)
        print(f"Record: {path}")
    elif reason:
        print(f"No record: {reason}.")
    return 0


def _run(request: Request) -> tuple[Path | None, str | None]:
    """Run the experiment; its record's file, or why there is none (nothing at all in processes beside the first)."""
    again = Again(request.again, request.needs)
    if request.command == "test":
        return run_test(request.words, again=again).path, None
    fitted = fit(request.words, again=again, shared_start=request.shared_start)
    return fitted.path, fitted.reason


if __name__ == "__main__":
    try:
        sys.exit(work(Path(sys.argv[1])))
    except UserError as error:
        print(f"polybench: error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
