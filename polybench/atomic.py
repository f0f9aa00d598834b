"""Writes that matter: to a temporary file beside the target, flushed to disk, then renamed."""

import hashlib
import os
import re
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

SUFFIX = ".tmp"
LONGEST = 200
"""Bytes of a file's name that its temporary file has in its own, which may have 255."""

ABANDONED_SECONDS = 24 * 3600
"""Age at which a temporary file counts as left behind where its writer can't be asked for, on another host."""


@contextmanager
def atomic_writer(path: Path, *, exclusive: bool = False) -> Iterator[BinaryIO]:
    """Open a file that appears under its name whole, or not at all.

    Args:
        path: The final name; missing parent folders are made.
        exclusive: Refuse to replace a file that exists.

    Yields:
        A binary file to write to. On leaving it is flushed, synchronised and renamed; on an exception it is removed.

    Raises:
        FileExistsError: If `exclusive` and the name is taken, even by a process that took it meanwhile.
        OSError: If any step of the write fails (full disk, missing permission).
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    start = os.fsdecode(os.fsencode(path.name)[:LONGEST])
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{start}.{_host()}-{os.getpid()}.", suffix=SUFFIX)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())
        if exclusive:
            os.link(temporary, path)
        else:
            temporary.replace(path)
        _sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def atomic_write_text(path: Path, text: str, *, exclusive: bool = False) -> None:
    """Write UTF-8 text atomically; see `atomic_writer`."""
    with atomic_writer(path, exclusive=exclusive) as file:
        file.write(text.encode())


def sweep(folder: Path) -> list[Path]:
    """Remove the temporary files that killed writers have left in a folder; those of living writers stay.

    A file names its writer's process and host: it is removed where the process is of this host and no longer lives,
    else when it is older than a day.

    Args:
        folder: The folder, which need not exist; folders in it are left alone.

    Returns:
        What was removed.
    """
    removed = []
    for path in sorted(folder.glob(f".*{SUFFIX}")):
        try:
            if _is_left_behind(path):
                path.unlink()
                removed.append(path)
        except OSError:
            continue  # another process has removed it, or it is not this user's
    return removed


def _is_left_behind(path: Path) -> bool:
    """Whether nobody writes a temporary file any more; one that is no such file of ours stays.

    Raises:
        OSError: If it is gone.
    """
    if not re.search(r"\.\w{8}\.tmp$", path.name) or not path.is_file() or path.is_symlink():
        return False
    owner = re.search(r"\.([0-9a-f]{8})-(\d+)\.\w{8}\.tmp$", path.name)
    if owner is not None and owner[1] == _host():
        return not _lives(int(owner[2]))
    return time.time() - path.stat().st_mtime > ABANDONED_SECONDS


def _lives(process: int) -> bool:
    """Whether a process of this host lives."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # of another user
    return True


def _host() -> str:
    """Eight hexadecimal digits of this host, and of its namespace of processes where it has several."""
    namespace = Path("/proc/self/ns/pid")
    name = f"{socket.gethostname()} {namespace.readlink() if namespace.is_symlink() else ''}"
    return hashlib.sha256(name.encode()).hexdigest()[:8]


def _umask() -> int:
    """The process's file mode mask (reading it takes setting it)."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _sync_folder(folder: Path) -> None:
    """Make the rename itself survive a power cut, where the platform can."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
