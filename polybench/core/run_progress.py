"""How far a training has come: a small file in the run's folder, which other processes read while it trains."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from polybench.core.atomic import atomic_write_text

PROGRESS = "progress.json"


@dataclass(frozen=True)
class RunProgress:
    """How far a training has come.

    Attributes:
        step: Optimizer steps so far.
        steps: Steps of the whole training; None where it isn't known.
        epoch: Epochs that are finished.
        seconds: Wall time so far, the parts before a resume included.
        headline: Name of what validation selects by.
        value: Its last value; None before the first validation.
    """

    step: int
    steps: int | None
    epoch: int
    seconds: float
    headline: str
    value: float | None

    @property
    def seconds_left(self) -> float | None:
        """Wall time that the training still takes, if it goes on as fast; None where it isn't known."""
        if not self.steps or not self.step:
            return None
        return self.seconds / self.step * max(0, self.steps - self.step)

    def write(self, folder: Path) -> None:
        """Write it into the run's folder.

        Raises:
            WriteError: If the folder takes no file.
        """
        atomic_write_text(folder / PROGRESS, json.dumps(asdict(self)) + "\n")

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """Read that of a run's folder; None where there is none, or another program wrote it."""
        try:
            found = json.loads((folder / PROGRESS).read_text(encoding="utf-8"))
            numbers = {key: float(found[key]) for key in ("step", "epoch", "seconds")}
            steps, value = (None if found[key] is None else float(found[key]) for key in ("steps", "value"))
            whole = int(numbers["step"]), None if steps is None else int(steps), int(numbers["epoch"])
            return cls(*whole, numbers["seconds"], str(found["headline"]), value)
        except (OSError, ValueError, TypeError, KeyError, OverflowError, RecursionError):
            return None
