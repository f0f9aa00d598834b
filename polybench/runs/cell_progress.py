"""How far the cells that run have come, read from the files of their folders."""

from dataclasses import dataclass
from pathlib import Path

from polybench.core.run_progress import PROGRESS, RunProgress
from polybench.results.quantities import duration

CHOICE = "choice"
"""Folder, within a run's, of the short trainings among which validation chooses."""


@dataclass(frozen=True)
class CellProgress:
    """How far a cell has come.

    Attributes:
        part: Which of its trainings runs, such as `choice 0.001`; empty for that of the run itself.
        run: How far that one has come.
    """

    part: str
    run: RunProgress

    @property
    def done(self) -> str:
        """Epochs, and the share of the steps where their number is known."""
        share = f", {self.run.step / self.run.steps:.0%}" if self.run.steps else ""
        return f"epoch {self.run.epoch}{share}"

    @property
    def headline(self) -> str:
        """What validation selects by, and its last value."""
        return "" if self.run.value is None else f"{self.run.headline} {self.run.value:.3f}"

    @property
    def left(self) -> str:
        """Time that this training still takes, if it goes on as fast; its test comes after that."""
        seconds = self.run.seconds_left
        return "" if seconds is None else duration(seconds) if seconds else "test"

    def line(self) -> str:
        """All of it, for a line of text."""
        left = f"{self.left} left" if self.run.seconds_left else self.left
        return ", ".join(part for part in (self.part, self.done, self.headline, left) if part)


def progress_of(folder: Path) -> CellProgress | None:
    """Read how far the run of a folder has come; None before its first step."""
    files = [folder / PROGRESS, *folder.glob(f"{CHOICE}/*/{PROGRESS}")]
    present = [file for file in files if file.is_file()]
    if not present:
        return None
    newest = max(present, key=lambda file: file.stat().st_mtime)
    run = RunProgress.read(newest.parent)
    part = "" if newest.parent == folder else f"{CHOICE} {newest.parent.name}"
    return None if run is None else CellProgress(part, run)
