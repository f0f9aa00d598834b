"""Count what a process does to the files of a folder, and let one of these events kill it or fail.

An event is an open for writing, a write of the kernel's size, a flush to disk, a rename, a link, a removal or a new
folder. The files that C code opens by itself aren't seen.
"""

import errno
import io
import mmap
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Action = Literal["kill", "ENOSPC", "EACCES"]
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_PLACES = {"os.rename": (1, 3), "os.link": (1, 3), "os.symlink": (1, 2), "os.mkdir": (0, 2)}
"""Event -> where its arguments have the path, and the folder that this is relative to."""
_PLACES |= {"os.remove": (0, 1), "os.rmdir": (0, 1)}
GROWS = ("open", "write", "fsync", "os.mkdir", "os.link", "os.symlink")
"""What a full disk refuses."""
NEEDS_RIGHT = ("open", "os.rename", "os.link", "os.symlink", "os.mkdir", "os.remove", "os.rmdir")
"""What a folder that may not be written refuses."""


@dataclass(frozen=True)
class Event:
    """One event: what happened, and to which file."""

    kind: str
    path: str


@dataclass(frozen=True)
class Injection:
    """What shall happen at which event.

    Attributes:
        at: Number of the event, from 0; -1 lets all of them pass.
        action: Kill the process (and those that it started), or refuse the event.
        lasting: A full disk stays full, a folder that may not be written stays so; else this one event is refused.
    """

    at: int = -1
    action: Action = "kill"
    lasting: bool = True


class Watch:
    """Watches the process that it is made in, and those that this forks.

    Args:
        folder: The folder whose events count.
        log: Gets a line for each event; lies elsewhere.
        injection: What shall happen.
    """

    def __init__(self, folder: Path, log: Path, injection: Injection) -> None:
        self._inside = f"{folder.resolve()}{os.sep}"
        self._log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self._write = os.write
        self._counter = mmap.mmap(-1, 16)  # shared by the processes that are forked
        self._injection = injection
        self._refused = ""
        """The folder of the event that was refused."""

    def start(self) -> None:
        """Count from here on, until the process ends."""
        opened, write, fsync = io.open, os.write, os.fsync
        watch = self

        class File(io.FileIO):
            def write(self, data: Any, /) -> int:
                def half() -> None:
                    io.FileIO.write(self, memoryview(data).cast("B")[: memoryview(data).nbytes // 2])

                watch.meet("write", _name(self.fileno()), half)
                return super().write(data)

        def open_watched(
            file: Any,
            mode: str = "r",
            buffering: int = -1,
            encoding: str | None = None,
            errors: str | None = None,
            newline: str | None = None,
            closefd: bool = True,
            opener: Any = None,
        ) -> Any:
            if not set(mode) & set("wax+") or not watch._counts(_name(file)):
                return opened(file, mode, buffering, encoding, errors, newline, closefd, opener)
            raw = File(file, mode.replace("b", "").replace("t", ""), closefd, opener)
            if buffering == 0:
                return raw
            buffer = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
            if "b" in mode:
                return buffer
            return io.TextIOWrapper(buffer, encoding, errors, newline, line_buffering=buffering == 1)

        def write_watched(descriptor: int, data: Any, /) -> int:
            watch.meet("write", _name(descriptor), lambda: None)
            return write(descriptor, data)

        def fsync_watched(descriptor: Any, /) -> None:
            watch.meet("fsync", _name(descriptor if isinstance(descriptor, int) else descriptor.fileno()))
            fsync(descriptor)

        import builtins

        builtins.open = io.open = open_watched
        os.write, os.fsync = write_watched, fsync_watched  # type: ignore[assignment]
        sys.addaudithook(self._audit)

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            if isinstance(arguments[0], str | bytes | os.PathLike) and arguments[2] & _WRITES:
                self.meet("open", _name(arguments[0]))
        elif event in _PLACES:
            place, folder = _PLACES[event]
            path = _name(arguments[place], arguments[folder])
            if (event == "os.mkdir") != os.path.lexists(path) or event not in ("os.mkdir", "os.remove", "os.rmdir"):
                self.meet(event, path)  # a folder that is there is not made, a file that isn't there not removed

    def _counts(self, path: str) -> bool:
        return path.startswith(self._inside)

    def meet(self, kind: str, path: str, half: Callable[[], None] | None = None) -> None:
        """Count an event, and let it happen, or not.

        Args:
            kind: What happens.
            path: The file.
            half: Writes half of the bytes, which a killed or refused write may leave.

        Raises:
            OSError: If the event is refused.
        """
        if not self._counts(path):
            return
        number = int.from_bytes(self._counter[:8], "little")
        self._counter[:8] = (number + 1).to_bytes(8, "little")
        due = number == self._injection.at
        self._write(self._log, f"{'!' if due else ' '}{kind} {path}\n".encode(errors="replace"))
        action = self._injection.action
        if due:
            if half:
                half()
            if action == "kill":
                os.killpg(0, signal.SIGKILL)
            self._counter[8] = 1
            self._refused = str(Path(path).parent)
        if not due and not (self._counter[8] and self._injection.lasting):
            return
        if action == "ENOSPC" and kind in GROWS:
            raise _error(errno.ENOSPC, kind, path)
        if action == "EACCES" and kind in NEEDS_RIGHT and (due or str(Path(path).parent) == self._refused):
            raise _error(errno.EACCES, kind, path)


def read_log(log: Path) -> tuple[list[Event], Event | None]:
    """The events of a process, and the one that was due."""
    if not log.exists():
        return [], None
    lines = log.read_text(errors="replace").splitlines()
    events = [Event(*line[1:].split(" ", 1)) for line in lines]
    return events, next((event for line, event in zip(lines, events, strict=True) if line[0] == "!"), None)


def _error(number: int, kind: str, path: str) -> OSError:
    """What the kernel answers: a write and a flush name no file."""
    return OSError(number, os.strerror(number), *(() if kind in ("write", "fsync") else (path,)))


def _name(file: Any, folder: int | None = -1) -> str:
    """The absolute name of a file that a name or a descriptor stands for."""
    if isinstance(file, int):
        try:
            return str(Path(f"/proc/self/fd/{file}").readlink())
        except OSError:
            return ""
    name = os.fsdecode(file)
    base = _name(folder) if folder is not None and folder >= 0 else ""
    return os.path.abspath(f"{base}/{name}" if base else name)  # noqa: PTH100 (resolve would follow links)
