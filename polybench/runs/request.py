"""The request to the process of a cell, and the note that it is finished: two files in the cell's folder."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from polybench.core.atomic import atomic_write_text
from polybench.core.errors import ConfigError

REQUEST = "request.json"
DONE = "done.json"
RESUMABLE = ("last.ckpt", "interrupted.ckpt")


@dataclass(frozen=True)
class Request:
    """What a cell runs.

    Attributes:
        command: `fit` or `test`.
        words: The words of its command line.
        words_to_resume: Those where it was interrupted and left a checkpoint.
        again: The command that reproduces the record, that of a whole plan; empty for that of the run itself.
        needs: What that command needs besides, a sentence each.
        shared_start: Whether all seeds of the row start from the source of this run.
        leaderboard: Where its record goes.
        run_lease: The lease of the run that it is, among cells of all folders; None where that can't be told.
    """

    command: str
    words: tuple[str, ...]
    words_to_resume: tuple[str, ...]
    again: str
    needs: tuple[str, ...]
    shared_start: bool
    leaderboard: str
    run_lease: str | None = None

    def write(self, folder: Path) -> None:
        """Write the request into the cell's folder."""
        atomic_write_text(folder / REQUEST, json.dumps(asdict(self), indent=2) + "\n")

    @classmethod
    def read(cls, folder: Path) -> "Request":
        """Read the request of a cell's folder.

        Raises:
            ConfigError: If it was edited, or is gone.
        """
        path = folder / REQUEST
        try:
            return cls._of(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
            raise ConfigError(f"'{path}' doesn't say what to run: run the plan or the matrix again.") from error

    @classmethod
    def _of(cls, request: Any) -> "Request":
        return cls(
            request["command"],
            tuple(request["words"]),
            tuple(request["words_to_resume"]),
            request["again"],
            tuple(request["needs"]),
            request["shared_start"],
            request["leaderboard"],
            request.get("run_lease"),
        )

    def words_in(self, folder: Path) -> tuple[str, ...]:
        """The words of its command line in a folder that may hold what an interrupted run has left."""
        return self.words_to_resume if is_resumable(folder) else self.words


def is_resumable(folder: Path) -> bool:
    """Whether a run was interrupted, and left a checkpoint to resume from; the selected one alone is none."""
    return any((folder / "checkpoints" / name).is_file() for name in RESUMABLE)


def noted_in(folder: Path, leaderboard: Path) -> Path | None:
    """The record of a finished cell, if it is one of this leaderboard.

    Raises:
        ConfigError: If the note was edited.
    """
    record = noted_record(folder)
    return record if record is not None and record.resolve().is_relative_to(leaderboard.resolve()) else None


def note_record(folder: Path, record: Path) -> None:
    """Write down that a cell is finished, and where its record is."""
    atomic_write_text(folder / DONE, json.dumps({"record": str(record.resolve())}) + "\n")


def noted_record(folder: Path) -> Path | None:
    """The record of a finished cell; None where it is not finished, or its record is gone.

    Raises:
        ConfigError: If the note was edited.
    """
    path = folder / DONE
    if not path.is_file():
        return None
    try:
        record = Path(json.loads(path.read_text(encoding="utf-8"))["record"])
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ConfigError(f"'{path}' doesn't say where the record of the run is: remove it to run it again.") from error
    try:
        return record if record.is_file() else None
    except OSError as error:
        raise ConfigError(f"'{path}' names a record that can't be: remove it to run the cell again.") from error
