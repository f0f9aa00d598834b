"""The process of one cell: `python -m polybench.runs.worker FOLDER` runs what the folder's `request.json` says."""

import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from polybench.atomic import atomic_write_text
from polybench.errors import UserError

REQUEST = "request.json"
DONE = "done.json"
SIGTERM_EXIT_CODE = 143


@dataclass(frozen=True)
class Request:
    """What a cell runs.

    Attributes:
        command: `fit`, or `test` for a stage that refines.
        words: The words of that command.
        again: The command that gets the record again, that of the whole plan.
        shared_start: Whether all seeds of the row begin with the very source of this run.
    """

    command: str
    words: tuple[str, ...]
    again: str
    shared_start: bool

    def write(self, folder: Path) -> None:
        """Write the request into the cell's folder."""
        atomic_write_text(folder / REQUEST, json.dumps(asdict(self), indent=2) + "\n")

    @classmethod
    def read(cls, folder: Path) -> "Request":
        """Read the request of a cell's folder."""
        said = json.loads((folder / REQUEST).read_text(encoding="utf-8"))
        return cls(said["command"], tuple(said["words"]), said["again"], said["shared_start"])


def note_record(folder: Path, record: Path) -> None:
    """Write down that a cell is finished, and where its record is."""
    atomic_write_text(folder / DONE, json.dumps({"record": str(record.resolve())}) + "\n")


def noted_record(folder: Path) -> Path | None:
    """The record of a finished cell; None where it is not finished, or its record is gone."""
    path = folder / DONE
    if not path.is_file():
        return None
    record = Path(json.loads(path.read_text(encoding="utf-8"))["record"])
    return record if record.is_file() else None


def work(folder: Path) -> int:
    """Run the cell of a folder, and write down where its record is.

    Returns:
        The exit code.
    """
    from lightning.pytorch.utilities.exceptions import SIGTERMException

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
    if request.command == "test":
        from polybench.experiments.evaluate import run_test

        return run_test(request.words, command=request.again).path, None
    from polybench.experiments.fit import fit

    fitted = fit(request.words, command=request.again, shared_start=request.shared_start)
    return fitted.path, fitted.reason


if __name__ == "__main__":
    try:
        sys.exit(work(Path(sys.argv[1])))
    except UserError as error:
        print(f"polybench: error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
