"""The lease of a cell: one process works in its folder, on whatever machine; taken over when that process is gone.

A second one, in the folder of the leaderboard, is of the run that the cell is: cells of several folders that would
write one record are run one after the other, so that the later one finds the record of the first.

The lease is a file with host, process and a heartbeat. A process that has ended on this machine loses it at once, one
that can't be seen, on another machine or suspended, when its heartbeat has been silent for a minute. It needs nothing
but a folder that all machines share: no lock of the file system.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import LeaseCompromise, SoftFileLease, Timeout

from polybench.core.atomic import atomic_write_text

LEASE = "cell.lease"

LEASES = ".leases"
"""Folder of the leases of runs, in that of the leaderboard."""

BUSY = 75
"""Exit code of a cell's process where another one works in the folder: a failure that passes (EX_TEMPFAIL)."""

SILENT = 60.0
"""Seconds without a heartbeat after which the lease of a process on another machine is taken over."""

TRIES = 1.0
"""Seconds to try: one to take the file of a process that is gone out of the way, one to write one's own."""


class BusyError(Exception):
    """Another process works in the folder."""


def run_lease(leaderboard: Path, run: str) -> Path:
    """The lease of a run among all that write to a leaderboard.

    Args:
        leaderboard: The leaderboard's folder.
        run: What makes it that run: a hash.
    """
    return leaderboard / LEASES / f"{run}.lease"


@contextmanager
def leased_run(path: Path, lost: Callable[[], None]) -> Iterator[None]:
    """Hold the lease of a run, in a folder that git ignores; see `leased`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    ignored = path.parent / ".gitignore"
    if not ignored.exists():
        atomic_write_text(ignored, "*\n")
    with _held(path, lost, TRIES):
        yield


@contextmanager
def leased(folder: Path, lost: Callable[[], None], seconds: float = TRIES) -> Iterator[None]:
    """Hold the lease of a cell's folder.

    Args:
        folder: The folder.
        lost: Called in a thread where another process has taken the lease over: nothing must be written any more.
        seconds: How long to try.

    Raises:
        BusyError: If another process holds it.
    """
    with _held(folder / LEASE, lost, seconds):
        yield


@contextmanager
def _held(path: Path, lost: Callable[[], None], seconds: float) -> Iterator[None]:
    def report(_: LeaseCompromise) -> None:
        lost()

    lease = SoftFileLease(path, lease_duration=SILENT, on_compromise=report, thread_local=False)
    try:
        lease.acquire(timeout=seconds, poll_interval=0.05)
    except Timeout as error:
        raise BusyError(str(path)) from error
    try:
        yield
    finally:
        lease.release()


class Looks:
    """Looks at the leases of cells, again and again: only who watches one knows how long it has been silent."""

    def __init__(self) -> None:
        self._leases: dict[Path, SoftFileLease] = {}

    def is_free(self, folder: Path) -> bool:
        """Whether no process works in a cell's folder; the lease of one that is gone is taken out of the way.

        A hint: the process that starts to work there takes the lease itself.
        """
        return self.is_unheld(folder / LEASE)

    def is_unheld(self, path: Path) -> bool:
        """The same of the file of a lease, whose folder may not be there yet."""
        if not path.is_file():
            return True
        lease = self._leases.setdefault(path, SoftFileLease(path, lease_duration=SILENT, thread_local=False))
        try:
            lease.acquire(timeout=0)
        except Timeout:
            _remove_empty(path)
            return False
        lease.release()
        return True


def _remove_empty(path: Path) -> None:
    """Remove a lease that a crash left without a word of its owner, once it is as old as a silent one."""
    with suppress(FileNotFoundError):
        found = path.stat()
        if not found.st_size and time.time() - found.st_mtime > SILENT:
            path.unlink()


def is_free(folder: Path) -> bool:
    """Whether no process works in a cell's folder, at a single look."""
    return Looks().is_free(folder)


def holder(folder: Path) -> int | None:
    """The process that holds the lease of a cell's folder, on whatever machine; None where there is none."""
    return holder_of(folder / LEASE)


def holder_of(path: Path) -> int | None:
    """The same of the file of a lease."""
    return SoftFileLease(path, lease_duration=SILENT, thread_local=False).pid if path.is_file() else None
