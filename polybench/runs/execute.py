"""Run cells: skip what is finished, resume what was interrupted, start what is ready, wait for what runs elsewhere."""

import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import FrameType

from polybench.core.disk import make_folder
from polybench.core.errors import ConfigError, UserError
from polybench.experiments.again import Again
from polybench.runs.cell import Cell
from polybench.runs.launch import Job, Launcher, LocalLauncher
from polybench.runs.launch.base import LOG
from polybench.runs.lease import BUSY, LEASE, Looks, holder_of

WAIT_SECONDS = 0.5
TAIL_LINES = 15
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)

Report = Callable[[str], None]
"""Takes a line about a cell."""

Watch = Callable[[Sequence[Cell]], None]
"""Takes the cells that run, here or elsewhere, now and then."""


class CellError(UserError):
    """A cell that failed.

    Args:
        message: What the user reads.
        code: The exit code of its process; 2, for a wrong configuration, becomes that of the command.
    """

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.exit_code = ConfigError.exit_code if code == ConfigError.exit_code else UserError.exit_code


class StoppedError(UserError):
    """A signal that ended the command, after its cells have saved where they stood.

    Args:
        message: What the user reads.
        number: The signal.
    """

    def __init__(self, message: str, number: int) -> None:
        super().__init__(message)
        self.exit_code = 128 + number


def print_at_once(line: str) -> None:
    """Print a line without buffering, in a file too."""
    print(line, flush=True)


def watch_nothing(cells: Sequence[Cell]) -> None:
    """Show nothing."""


@dataclass(frozen=True)
class Outcome:
    """A finished cell: its record, and whether it had been finished before."""

    cell: Cell
    record: Path
    skipped: bool


@dataclass(frozen=True)
class Ended:
    """What has become of cells.

    Attributes:
        outcomes: Those that are finished, in their order.
        failed: Name -> why a cell failed.
        left: Those that were not run, because one that they need failed.
    """

    outcomes: list[Outcome]
    failed: dict[str, UserError]
    left: list[Cell]


@dataclass(frozen=True)
class Options:
    """How cells are run.

    Attributes:
        launcher: Starts their processes.
        goes_on: Run the other cells after one has failed; otherwise those that are running are let finish.
        report: Takes a line about a cell, for the terminal.
        watch: Takes the cells that run, twice a second.
        recorded: The record of a cell that another command has made, if there is one; asked before it starts.
        run_lease: The lease of the run that a cell is, among cells of all folders; None where that can't be told.
        retry_seconds: Between two looks at a cell that runs elsewhere.
    """

    launcher: Launcher = field(default_factory=LocalLauncher)
    goes_on: bool = False
    report: Report = print_at_once
    watch: Watch = watch_nothing
    recorded: Callable[[Cell], Path | None] = lambda cell: None
    run_lease: Callable[[Cell], Path | None] = lambda cell: None
    retry_seconds: float = 2.0


def execute(cells: Sequence[Cell], again: Again | None, options: Options) -> Ended:
    """Run cells, each in a process of its own.

    A cell whose folder another process works in, started by another command here or on another machine, is waited for.
    On SIGTERM or SIGINT the cells get SIGTERM, and are waited for until they have saved.

    Args:
        cells: The cells; one that others start from comes before them.
        again: The command that runs them all and what it needs, for their records; None for that of each cell.
        options: How they are run.

    Returns:
        What has become of them.

    Raises:
        UserError: If a folder holds another run or takes no files, unless the others go on; what runs is stopped, as
            by SIGTERM.
        StoppedError: If a signal came.
    """
    work = _Work(list(cells), again, options)
    with _noting_signals() as received:
        try:
            while not received and work.advance():
                options.watch(work.at_work())
                time.sleep(WAIT_SECONDS)
        finally:
            stopped = work.stop()
            options.watch([])
    if received:
        name = signal.Signals(received[0]).name
        what = f"while {', '.join(stopped)} ran" if stopped else "between two runs"
        raise StoppedError(f"Interrupted by {name} {what}: the same command resumes there.", received[0])
    outcomes = [work.done[cell.name] for cell in cells if cell.name in work.done]
    return Ended(outcomes, work.failed, work.waiting)


@contextmanager
def _noting_signals() -> Iterator[list[int]]:
    """Note signals instead of ending at once, so that no run is left behind; a second one changes nothing."""
    received: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        received.append(number)

    before = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    noted = [number for number, handler in before.items() if handler is not signal.SIG_IGN]
    for number in noted:
        signal.signal(number, note)
    try:
        yield received
    finally:
        for number in noted:
            signal.signal(number, before[number])


@dataclass
class _Work:
    """Waiting, running, finished and failed cells."""

    waiting: list[Cell]
    again: Again | None
    options: Options
    running: list[tuple[Cell, Job]] = field(default_factory=list)
    looks: Looks = field(default_factory=Looks)
    elsewhere: dict[str, float] = field(default_factory=dict)
    done: dict[str, Outcome] = field(default_factory=dict)
    failed: dict[str, UserError] = field(default_factory=dict)

    def advance(self) -> bool:
        """Start what can be started, note what has ended; whether there is anything left to wait for."""
        for cell in self._ready():
            if not self.options.launcher.has_place():
                break
            self._try(cell)
        self._note_ended()
        return bool(self.running or self._ready(at=float("inf")))

    def at_work(self) -> list[Cell]:
        """The cells that run, here or elsewhere."""
        return [cell for cell, _ in self.running] + [cell for cell in self.waiting if cell.name in self.elsewhere]

    def stop(self) -> list[str]:
        """End what still runs: a run saves where it stands, and is waited for.

        Returns:
            Names of the cells that are not finished.
        """
        stopped = list(self.running)
        for cell, job in stopped:
            self.options.report(f"{cell.name}: stops after saving, {job.where}")
            job.terminate()
        for cell, job in stopped:
            job.wait()
            if job.poll() == 0:
                self._note(cell, 0)
            else:
                self.options.report(f"{cell.name}: stopped, log in '{cell.folder / LOG}'")
        self.running = []
        return [cell.name for cell, _ in stopped if cell.name not in self.done]

    def _ready(self, at: float | None = None) -> list[Cell]:
        """The cells for which all that they need is finished; those that run elsewhere at their next look."""
        if self.failed and not self.options.goes_on:
            return []
        now = time.monotonic() if at is None else at
        return [
            cell
            for cell in self.waiting
            if self.elsewhere.get(cell.name, now) <= now and all(needed.name in self.done for needed in cell.needs())
        ]

    def _try(self, cell: Cell) -> None:
        """Start a cell; where others go on, one that can't be started has failed."""
        try:
            self._start(cell)
        except UserError as error:
            if not self.options.goes_on:
                raise
            self._fail(cell, error)

    def _start(self, cell: Cell) -> None:
        """Start a cell, unless it is finished or another process works in its folder."""
        make_folder(cell.folder)
        cell.claim()
        record, run = cell.finished(), self.options.run_lease(cell)
        if record is not None:
            self.waiting.remove(cell)
            where = "elsewhere" if cell.name in self.elsewhere else "before"
            self.options.report(f"{cell.name}: finished {where}, see {record.name}")
            self.done[cell.name] = Outcome(cell, record, skipped=True)
        elif not self.looks.is_free(cell.folder):
            self._wait_for(cell, cell.folder / LEASE)
        elif run is not None and not self.looks.is_unheld(run):
            self._wait_for(cell, run)
        elif (found := self.options.recorded(cell)) is not None:
            self.waiting.remove(cell)
            self.options.report(f"{cell.name}: recorded elsewhere, see {found.name}")
            self.done[cell.name] = Outcome(cell, found, skipped=True)
        else:
            how = "resumes" if cell.resumable else "starts"
            replace(cell.request(self.again), run_lease=None if run is None else str(run)).write(cell.folder)
            self.waiting.remove(cell)
            self.running.append((cell, self.options.launcher.start(cell.folder)))
            self.options.report(f"{cell.name}: {how}, log in '{cell.folder / LOG}'")

    def _wait_for(self, cell: Cell, lease: Path) -> None:
        """Look again later at a cell that another process runs, in its folder or as the same run in another one."""
        if cell.name not in self.elsewhere:
            pid = holder_of(lease)
            who = f"process {pid}" if pid else "another process"
            where = f"in '{cell.folder}'" if lease.parent == cell.folder else "on the same run in another folder"
            self.options.report(f"{cell.name}: {who} is at work {where}, waits for it")
        self.elsewhere[cell.name] = time.monotonic() + self.options.retry_seconds

    def _note_ended(self) -> None:
        """Note the outcomes of cells that have ended."""
        for cell, job in list(self.running):
            code = job.poll()
            if code is not None:
                self.running.remove((cell, job))
                self._note(cell, code)

    def _note(self, cell: Cell, code: int) -> None:
        if code == BUSY:
            self.waiting.insert(0, cell)
            self._wait_for(cell, cell.folder / LEASE)
        elif code == 0:
            try:
                record = cell.finish()
            except ConfigError as error:
                self._fail(cell, error)
                return
            self.done[cell.name] = Outcome(cell, record, skipped=False)
            self.options.report(f"{cell.name}: finished")
        else:
            self._fail(cell, CellError(_why(cell, code), code))

    def _fail(self, cell: Cell, error: UserError) -> None:
        if cell in self.waiting:
            self.waiting.remove(cell)
        self.failed[cell.name] = error
        self.options.report(f"{cell.name}: failed")


def _why(cell: Cell, code: int) -> str:
    """Why a cell failed: its exit code and the end of its log."""
    log = cell.folder / LOG
    text = log.read_text(encoding="utf-8", errors="replace") if log.is_file() else ""
    tail = text.splitlines()[-TAIL_LINES:]
    shown = "\n".join(f"    {line}" for line in tail)
    return (
        f"{cell.name} ended with exit code {code}; fix the cause and repeat the command, which resumes "
        f"there. The end of '{log}':\n{shown}"
    )
