"""Run a plan: skip what is finished, resume what was interrupted, start what is ready, stop at the first failure."""

import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from polybench.errors import ConfigError, UserError
from polybench.runs.cell import Cell

WAIT_SECONDS = 0.5
TAIL_LINES = 15

Say = Callable[[str], None]


class CellError(UserError):
    """A run of a plan that failed."""


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
    cells: Sequence[Cell], command: str, devices: Sequence[str] = (), jobs: int = 1, say: Say = print
) -> list[Outcome]:
    """Run cells, each as a process of `polybench fit` (or `test`), as many at once as there are devices, or jobs.

    Args:
        cells: The runs; one that others start from comes before them.
        command: The command that runs them all, for their records.
        devices: CUDA devices, a run on each; none leaves the choice to the recipes.
        jobs: Runs at once where no devices are named.
        say: Takes a line for the terminal.

    Returns:
        The outcomes, in the order of the cells.

    Raises:
        ConfigError: If a folder holds another run, or another process works there; nothing is started then.
        CellError: If a run fails; those that are running are let finish first.
    """
    slots = list(range(max(1, len(devices) or jobs)))
    waiting = list(cells)
    running: list[_Running] = []
    done: dict[str, Outcome] = {}
    failed: list[str] = []
    with ExitStack() as stack:
        stack.callback(lambda: _terminate(running))
        while waiting or running:
            while waiting and slots and not failed and (cell := _ready(waiting, done)) is not None:
                waiting.remove(cell)
                outcome = _prepare(cell)
                if outcome is not None:
                    say(f"{cell.name}: finished before, {outcome.record.name}")
                    done[cell.name] = outcome
                    continue
                slot = slots.pop(0)
                running.append(_start(cell, command, slot, devices, say))
            if failed and not running:
                break
            running = [one for one in running if not _ended(one, done, slots, failed, say)]
            if running and (not slots or _ready(waiting, done) is None or failed):
                time.sleep(WAIT_SECONDS)
    if failed:
        raise CellError(failed[0])
    return [done[cell.name] for cell in cells]


def _terminate(running: Sequence[_Running]) -> None:
    """End what still runs when this process gives up; a run saves where it stands."""
    for one in running:
        one.process.terminate()


def _ready(waiting: Sequence[Cell], done: dict[str, Outcome]) -> Cell | None:
    """The first cell for which all that it needs is finished."""
    return next((cell for cell in waiting if all(needed.name in done for needed in cell.needs())), None)


def _prepare(cell: Cell) -> Outcome | None:
    """See that the folder is this run's; its outcome where it is finished."""
    cell.folder.mkdir(parents=True, exist_ok=True)
    cell.claim()
    record = cell.finished()
    return Outcome(cell, record, skipped=True) if record is not None else None


def _start(cell: Cell, command: str, slot: int, devices: Sequence[str], say: Say) -> _Running:
    lock = _lock(cell.folder / "cell.lock")
    words = cell.words()
    environment = {**os.environ, **cell.environment(command)}
    if devices:
        environment["CUDA_VISIBLE_DEVICES"] = devices[slot]
    say(f"{cell.name}: {'goes on' if cell.goes_on else 'starts'}, log in '{cell.folder / 'log.txt'}'")
    with (cell.folder / "log.txt").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "polybench", *words],
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            pass_fds=(lock,),
        )
    return _Running(cell, process, lock, slot)


def _lock(path: Path) -> int:
    """Lock a file; the run inherits the lock, so that it holds while the run lives, even if this process is killed.

    Raises:
        ConfigError: If another process has it.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise ConfigError(f"Another process is at work in '{path.parent}': wait for it, or end it.") from error
    return descriptor


def _ended(one: _Running, done: dict[str, Outcome], slots: list[int], failed: list[str], say: Say) -> bool:
    """Whether a run has ended; then its outcome is noted and its slot is free."""
    code = one.process.poll()
    if code is None:
        return False
    slots.append(one.slot)
    try:
        if code == 0:
            done[one.cell.name] = Outcome(one.cell, one.cell.finish(), skipped=False)
            say(f"{one.cell.name}: finished")
        else:
            log = one.cell.folder / "log.txt"
            tail = log.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL_LINES:]
            shown = "\n".join(f"    {line}" for line in tail)
            failed.append(
                f"{one.cell.name} ended with exit code {code}; mend it and give the same command again, which goes on "
                f"from there. The end of '{log}':\n{shown}"
            )
    finally:
        os.close(one.lock)
    return True
