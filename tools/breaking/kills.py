"""Kill a command at one event after another, run it again as documented, and compare with an unbroken run."""

import os
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from breaking.events import Event, Injection
from breaking.forkserver import Ended
from breaking.material import Bench
from breaking.report import Case, Faults, crashes, last_line, spread

Command = Callable[[Path, Injection | None], Ended]
MONTH_SECONDS = 30 * 86400


@dataclass(frozen=True)
class Killing:
    """A command that is killed.

    Attributes:
        name: Of its folders.
        prepare: Fills the folder before the command runs.
        command: Runs it, watched.
        again: Runs what the documentation says after a crash.
        judge: Compares the folder of the second run with that of the unbroken one.
        wanted: Chooses the events to kill at, by number.
    """

    name: str
    prepare: Callable[[Path], object]
    command: Command
    again: Callable[[Path], Ended]
    judge: Callable[[Path, Path], Faults]
    wanted: Callable[[Sequence[Event]], list[int]]

    def cases(self, bench: Bench) -> list[Case]:
        """A case for each event."""
        start, unbroken = bench.folder(f"{self.name}.start"), bench.work / f"{self.name}.unbroken"
        case = bench.folder(self.name)
        self.prepare(case)
        shutil.copytree(case, start, dirs_exist_ok=True, symlinks=True)
        _restore(start, case)  # which also makes times new, as in every case
        ended = self.command(case, Injection())
        if ended.code:
            return [Case(self.name, lambda: [f"fails unbroken: {last_line(ended.err)}"])]
        shutil.rmtree(unbroken, ignore_errors=True)
        shutil.copytree(case, unbroken, symlinks=True)

        def attack(number: int) -> Faults:
            _restore(start, case)
            killed = self.command(case, Injection(number))
            if killed.code >= 0:
                return [f"not killed: {len(killed.events)} events, ended with {killed.code}"]
            age(case)
            again = self.again(case)
            if again.code:
                return crashes(again) or [f"not resumed: {last_line(again.err)}"]
            return crashes(again) + self.judge(case, unbroken) + left_over(case)

        return [
            Case(f"killed at event {n}, {described(ended.events[n], case)}", lambda n=n: attack(n))  # type: ignore[misc]
            for n in self.wanted(ended.events)
        ]


def _restore(start: Path, case: Path) -> None:
    """Copy the start to its own place again, since checkpoints name their folder."""
    shutil.rmtree(case)
    shutil.copytree(start, case, symlinks=True)


def described(event: Event, folder: Path) -> str:
    """An event without the folder of its case."""
    return f"{event.kind.removeprefix('os.')} {event.path.removeprefix(f'{folder}/')}"


def age(folder: Path) -> None:
    """Let temporary files look a month old, so that whoever sweeps them must find them abandoned."""
    past = time.time() - MONTH_SECONDS
    for path in folder.rglob("*.tmp"):
        os.utime(path, (past, past))


def left_over(folder: Path) -> Faults:
    """Temporary files of the killed process that are still there."""
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.tmp"))
    return [f".tmp left: {', '.join(names)}"] if names else []


def evenly(count: int, inside: str = "") -> Callable[[Sequence[Event]], list[int]]:
    """Choose events, evenly spread, whose path has a word in it."""

    def wanted(events: Sequence[Event]) -> list[int]:
        found = [number for number, event in enumerate(events) if inside in event.path]
        return [found[k] for k in spread(len(found), count)]

    return wanted
