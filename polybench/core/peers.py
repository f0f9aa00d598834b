"""Which processes of a run are alive: each locks a file of its own, which the system unlocks when the process dies.

Locks are POSIX record locks: no process inherits them, and shared file systems carry them from machine to machine.
"""

import json
import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

if sys.platform != "win32":  # where a process that died isn't named
    import fcntl

FOLDER = ".processes"
"""Name of the folder of a run in which its processes tell of themselves."""

PATIENCE = 3.0
"""Seconds until the system has unlocked the file of a process whose connections it has closed."""

INTERVAL = 1.0
"""Seconds between two looks at the other processes."""


class Ended(NamedTuple):
    """A process that has ended.

    Attributes:
        rank: Its rank.
        where: Its number and its machine.
        reason: What it said; empty where it is done, None where it was killed.
    """

    rank: int
    where: str
    reason: str | None

    def sentence(self, processes: int) -> str:
        """Name the process, and what ended it."""
        why = "was killed" if self.reason is None else f"has ended ({self.reason.rstrip('.')})"
        return f"Process {self.rank} of {processes} ({self.where}) {why}, and this one with it."


class Peers:
    """The processes of a run, of which this is one.

    Args:
        folder: A folder that all of them see.
        rank: The rank of this process.
        processes: How many there are; of one process alone nothing is kept.
    """

    def __init__(self, folder: Path, rank: int, processes: int) -> None:
        self.folder, self.rank, self.processes = folder, rank, processes
        self._file: int | None = None
        self._left = threading.Event()

    @property
    def joined(self) -> bool:
        """Whether this process has begun, and not left."""
        return self._file is not None

    @property
    def others(self) -> list[int]:
        """Ranks of the other processes."""
        return [rank for rank in range(self.processes) if rank != self.rank]

    def join(self) -> None:
        """Lock the file of this process.

        Raises:
            OSError: If the folder takes no files, or its file system has no locks.
        """
        if sys.platform == "win32" or self.processes < 2:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        self._file = os.open(self._path(self.rank), os.O_RDWR | os.O_CREAT, 0o644)
        fcntl.lockf(self._file, fcntl.LOCK_EX)
        self._write(None)

    def leave(self, reason: str = "", *, follows: bool = False) -> None:
        """Say why this process ends, and unlock its file.

        Args:
            reason: The sentence for it; empty where the process is done.
            follows: It ends since another one has ended.
        """
        if self._file is not None:
            done = follows or not reason
            self._write("" if done else reason)
            self._left.set()
            file, self._file = self._file, None
            with suppress(OSError):  # the last one removes the folder
                if done:
                    self._path(self.rank).unlink()
                    self.folder.rmdir()
            os.close(file)

    def ended(self, patience: float = 0.0) -> Ended | None:
        """The process of the others that was killed or ended by an error of its own.

        Args:
            patience: Seconds to wait for it.

        Returns:
            The first of them; None where there is none.
        """
        until = time.monotonic() + patience
        while self._file is not None:
            found = [self._look(rank) for rank in self.others]
            for one in found:
                if one is not None and one.reason != "":
                    return one
            if time.monotonic() > until:
                break
            time.sleep(0.02)
        return None

    def watch(self, tell: Callable[[Ended], None]) -> None:
        """Call a function, in a thread of its own, as soon as another process is killed or ends by an error."""
        if self._file is not None:
            threading.Thread(target=self._wait, args=(tell,), daemon=True, name="peers").start()

    def _wait(self, tell: Callable[[Ended], None]) -> None:
        while not self._left.wait(INTERVAL):
            found = None
            with suppress(OSError):
                found = self.ended()
            if found is not None:
                tell(found)
                return

    def _look(self, rank: int) -> Ended | None:
        """A process that has ended; None while it runs, and before it has begun."""
        try:
            file = os.open(self._path(rank), os.O_RDWR)
        except FileNotFoundError:
            return None
        try:
            fcntl.lockf(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            found = json.loads(os.pread(file, 65536, 0))
            return Ended(rank, found["where"], found["reason"])
        except (BlockingIOError, json.JSONDecodeError):
            return None
        finally:
            os.close(file)

    def _write(self, reason: str | None) -> None:
        assert self._file is not None
        where = f"number {os.getpid()} on {socket.gethostname()}"
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, json.dumps({"where": where, "reason": reason}).encode(), 0)

    def _path(self, rank: int) -> Path:
        return self.folder / f"{rank}.json"
