"""What the engine asks of a launcher."""

from pathlib import Path
from typing import Protocol


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

    def has_place(self) -> bool:
        """Whether one more cell can be started."""

    def start(self, folder: Path) -> Job:
        """Start the cell of a folder, which holds its request; output is appended to `log.txt` there."""
