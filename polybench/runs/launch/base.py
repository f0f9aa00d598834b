"""What the engine asks of a launcher, and what a cell asks of a machine."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

LOG = "log.txt"

OF_SEVERAL = {"RANK", "LOCAL_RANK", "GROUP_RANK", "NODE_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE"}
OF_SEVERAL |= {"SLURM_PROCID", "SLURM_LOCALID", "SLURM_NODEID", "SLURM_NTASKS"}
"""Variables of a process among several; a cell is a run of its own, however the command was started."""


@dataclass(frozen=True)
class Needs:
    """What each cell gets of a machine; it is no part of what the cell is.

    Attributes:
        cpus: CPU cores.
        gpus: GPUs.
        memory: Memory in GB; None leaves it to the scheduler.
    """

    cpus: int = 1
    gpus: int = 0
    memory: float | None = None


class Job(Protocol):
    """A process of a cell, on whatever machine."""

    @property
    def where(self) -> str:
        """Its place, for messages, such as `process 123`."""

    def poll(self) -> int | None:
        """Its exit code; None while it runs. Once it has ended its place is free."""

    def terminate(self) -> None:
        """Have it save and end."""

    def wait(self) -> None:
        """Wait until it has ended."""


class Launcher(Protocol):
    """Starts the process of a cell, `python -m polybench.runs.worker FOLDER`, where there is place for one."""

    @property
    def jobs(self) -> int:
        """Cells that can run at once."""

    def has_place(self) -> bool:
        """Whether one more cell can be started."""

    def start(self, folder: Path) -> Job:
        """Start the cell of a folder, which holds its request; output is appended to `log.txt` there."""


def cell_environment(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables of this process for one that runs a cell.

    Args:
        variables: Further ones.
    """
    return {key: value for key, value in os.environ.items() if key not in OF_SEVERAL} | dict(variables)


def worker_words(python: str, folder: Path) -> list[str]:
    """The command line of a cell's process.

    Args:
        python: The interpreter.
        folder: The cell's folder.
    """
    return [python, "-m", "polybench.runs.worker", str(folder)]
