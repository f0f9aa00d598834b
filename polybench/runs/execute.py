"""Run a plan: skip what is finished, resume what was interrupted, start what is ready, stop at the first failure."""

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from polybench.core.errors import ConfigError, UserError
from polybench.experiments.again import Again
from polybench.runs.cell import Cell

WAIT_SECONDS = 0.5
TAIL_LINES = 15
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)

Report = Callable[[str], None]
"""Takes a line about a run."""


class CellError(UserError):
    """A run of a plan that failed.

    Args:
        message: What the user reads.
        code: The exit code of its process; 2, for a wrong configuration, becomes that of the command.
    """

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.exit_code = ConfigError.exit_code if code == ConfigError.exit_code else UserError.exit_code


class StoppedError(UserError):
    """A signal that ended the command, after its runs have saved where they stood.

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


@dataclass(frozen=True)
class Outcome:
    """A finished run: its cell, its record, and whether it had been finished before."""

    cell: Cell
    record: Path
    skipped: bool


@dataclass
class _Running:
    cell: Cell
    process: subprocess.Popen[bytes]
    lock: int
    slot: int


def execute(
    cells: Sequence[Cell],
    again: Again,
    devices: Sequence[str] = (),
    jobs: int = 1,
    report: Report = print_at_once,
) -> list[Outcome]:
    """Run cells, each in a process of its own, as many at once as there are devices, or jobs.

    On SIGTERM or SIGINT the runs get SIGTERM, and are waited for until they have saved.

    Args:
        cells: The runs; one that others start from comes before them.
        again: The command that runs them all and what it needs, for their records.
        devices: CUDA devices, a run on each; none leaves the choice to the recipes.
        jobs: Runs at once where no devices are named.
        report: Takes a line about a run, for the terminal.

    Returns:
        The outcomes, in the order of the cells.

    Raises:
        ConfigError: If a folder holds another run, or another process works there; what runs is stopped, as by SIGTERM.
        CellError: If a run fails; those that are running are let finish first.
        StoppedError: If a signal came.
    """
    work = _Work(list(cells), again, devices, list(range(max(1, len(devices) or jobs))), report)
    with _noting_signals() as received:
        try:
            while not received and work.advance():
                time.sleep(WAIT_SECONDS)
        finally:
            stopped = work.stop()
    if received:
        name = signal.Signals(received[0]).name
        what = f"while {', '.join(stopped)} ran" if stopped else "between two runs"
        raise StoppedError(f"Interrupted by {name} {what}: the same command resumes there.", received[0])
    if work.failed:
        raise work.failed[0]
    return [work.done[cell.name] for cell in cells]


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
    """Waiting, running, finished and failed runs."""

    waiting: list[Cell]
    again: Again
    devices: Sequence[str]
    slots: list[int]
    report: Report
    running: list[_Running] = field(default_factory=list)
    done: dict[str, Outcome] = field(default_factory=dict)
    failed: list[CellError] = field(default_factory=list)

    def advance(self) -> bool:
        """Start what can be started, note what has ended; whether there is anything left to wait for."""
        while self.slots and not self.failed and (cell := self._ready()) is not None:
            self.waiting.remove(cell)
            self._start(cell)
        self._note_ended()
        return bool(self.running or (self.waiting and not self.failed))

    def stop(self) -> list[str]:
        """End what still runs: a run saves where it stands, and is waited for.

        Returns:
            Names of the cells that are not finished.
        """
        stopped = list(self.running)
        for one in stopped:
            self.report(f"{one.cell.name}: stops after saving, process {one.process.pid}")
            one.process.terminate()
        for one in stopped:
            one.process.wait()
        self._note_ended()
        return [one.cell.name for one in stopped if one.cell.name not in self.done]

    def _ready(self) -> Cell | None:
        """The first cell for which all that it needs is finished."""
        return next((cell for cell in self.waiting if all(needed.name in self.done for needed in cell.needs())), None)

    def _start(self, cell: Cell) -> None:
        """Start a run, unless it is finished."""
        cell.folder.mkdir(parents=True, exist_ok=True)
        cell.claim()
        record = cell.finished()
        if record is not None:
            self.report(f"{cell.name}: finished before, see {record.name}")
            self.done[cell.name] = Outcome(cell, record, skipped=True)
            return
        lock = _lock(cell.folder / "cell.lock")
        slot = self.slots.pop(0)
        self.report(f"{cell.name}: {'resumes' if cell.resumable else 'starts'}, log in '{cell.folder / 'log.txt'}'")
        cell.request(self.again).write(cell.folder)
        environment = dict(os.environ)
        if self.devices:
            environment["CUDA_VISIBLE_DEVICES"] = self.devices[slot]
        process = _process_of(cell, environment, lock)
        self.running.append(_Running(cell, process, lock, slot))
        os.pwrite(lock, str(process.pid).encode(), 0)

    def _note_ended(self) -> None:
        """Note the outcomes of runs that have ended, whose slots are free."""
        ended = [one for one in self.running if one.process.poll() is not None]
        self.running = [one for one in self.running if one not in ended]
        for one in ended:
            self.slots.append(one.slot)
            try:
                self._note(one.cell, one.process.returncode)
            finally:
                os.close(one.lock)

    def _note(self, cell: Cell, code: int) -> None:
        if code == 0:
            self.done[cell.name] = Outcome(cell, cell.finish(), skipped=False)
            self.report(f"{cell.name}: finished")
            return
        log = cell.folder / "log.txt"
        tail = log.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL_LINES:]
        shown = "\n".join(f"    {line}" for line in tail)
        message = (
            f"{cell.name} ended with exit code {code}; fix the cause and repeat the command, which resumes "
            f"there. The end of '{log}':\n{shown}"
        )
        self.failed.append(CellError(message, code))


def _process_of(cell: Cell, environment: dict[str, str], lock: int) -> subprocess.Popen[bytes]:
    """Start a run that Ctrl-C in the terminal doesn't reach: what it gets is the SIGTERM of this process."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # a process inherits what is blocked
    try:
        with (cell.folder / "log.txt").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "polybench.runs.worker", str(cell.folder)],
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=(lock,),
            )
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _lock(path: Path) -> int:
    """Lock a file; the run inherits the lock, so that it holds while the run lives, even if this process is killed.

    Raises:
        ConfigError: If another process has it; the file says which.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        pid = os.read(descriptor, 20).decode()
        os.close(descriptor)
        who = f"Process {pid}" if pid else "Another process"
        raise ConfigError(f"{who} is at work in '{path.parent}': wait for it, or end it.") from error
    os.ftruncate(descriptor, 0)
    return descriptor
