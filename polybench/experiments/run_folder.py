"""The folder of a run: the one that was named, the one of the resumed run, or a new one."""

import os
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import NamedTuple, Protocol

from polybench.core.errors import ConfigError
from polybench.core.place import is_first, slurm_job

KEPT_RECORD, KEPT_TABLE = "record.json", "record.csv"
"""The record of a run in its own folder, and the record's table."""

_CHOSEN = count()
"""Numbers the folders that this process has chosen together with others."""

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
    if not is_first() and RUN_FOLDER in os.environ:
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
    name = slurm_job() or _agreed(f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{os.getpid()}")
    return session.runs / name, resumed


def _agreed(name: str) -> str:
    """The name that the first process of a job of torchrun chose, which its agent passes on; elsewhere this one."""
    variables = os.environ
    if variables.get("TORCHELASTIC_USE_AGENT_STORE") != "True" or int(variables.get("WORLD_SIZE", "1")) < 2:
        return name
    from torch.distributed.rendezvous import rendezvous  # imported when needed, since most commands have one process

    store, _, _ = next(rendezvous("env://"))
    key = f"polybench/run_folder/{next(_CHOSEN)}"
    if is_first():
        store.set(key, name)
    return bytes(store.get(key)).decode()


def current_run_folder() -> Path | None:
    """The folder of the run of this process, or of the process that started it; None before there is one."""
    folder = os.environ.get(RUN_FOLDER)
    return Path(folder) if folder else None
