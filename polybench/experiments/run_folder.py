"""The folder of a run: the one that was named, the one of the resumed run, or a new one."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, Protocol

from polybench.core.errors import ConfigError

KEPT_RECORD, KEPT_TABLE = "record.json", "record.csv"
"""The record of a run in its own folder, and the record's table."""

RUN_FOLDER = "POLYBENCH_RUN_FOLDER"
"""Environment variable through which the processes of one run agree on its folder."""


class Part(NamedTuple):
    """What makes a session a part of another one's run: its folder, and words that its command doesn't have."""

    folder: Path
    words: tuple[str, ...] = ()


class Resumable(Protocol):
    """What the choice depends on: a parsed command line.

    Attributes:
        command: fit, validate, test, predict or profile.
        place: The folder where that is settled; None where it isn't.
    """

    command: str
    place: Path | None

    @property
    def given_folder(self) -> str | None:
        """The folder that the user named."""

    @property
    def given_checkpoint(self) -> str | None:
        """The checkpoint that the user named."""

    @property
    def runs(self) -> Path:
        """Where the runs of this recipe, variant and seed are kept."""

    def resumes(self, checkpoint: Path) -> bool:
        """Whether a checkpoint is of this very run."""


def choose_run_folder(session: Resumable) -> tuple[Path, bool]:
    """Choose the folder of a run; processes that another one started take the folder of the first.

    Args:
        session: The parsed command line.

    Returns:
        The folder, and whether an interrupted run is resumed there.

    Raises:
        ConfigError: If the run is resumed, and another folder than its own is named.
    """
    given = session.given_folder
    start = Path(session.given_checkpoint) if session.command == "fit" and session.given_checkpoint else None
    resumed = start is not None and session.resumes(start)
    if session.place is not None:
        return session.place, resumed
    if os.environ.get("LOCAL_RANK", "0") != "0" and RUN_FOLDER in os.environ:
        return Path(os.environ[RUN_FOLDER]), resumed
    if resumed and start is not None and start.parent.name == "checkpoints":
        folder = start.parent.parent
        if given and Path(given).resolve() != folder.resolve():
            raise ConfigError(
                f"A run is resumed in its own folder, where its best checkpoint is, '{folder}': leave out "
                f"--trainer.default_root_dir {given}."
            )
        return folder, True
    if given:
        return Path(given), resumed
    return session.runs / f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{os.getpid()}", resumed


def current_run_folder() -> Path | None:
    """The folder of the run of this process, or of the process that started it; None before there is one."""
    folder = os.environ.get(RUN_FOLDER)
    return Path(folder) if folder else None
