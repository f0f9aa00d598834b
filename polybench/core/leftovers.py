"""Temporary files: names that identify their writer, and removal of the files of killed writers."""

import hashlib
import os
import re
import socket
import time
from pathlib import Path

SUFFIX = ".tmp"
ABANDONED_SECONDS = 24 * 3600
"""Age from which a temporary file of another host counts as abandoned."""

LONGEST = 200
"""Bytes of a file's name in the name of its temporary file, which may have 255."""


def temporary_prefix(path: Path) -> str:
    """Return the prefix of a file's temporary file, for `tempfile.mkstemp` with `SUFFIX`."""
    start = os.fsdecode(os.fsencode(path.name)[:LONGEST])
    return f".{start}.{_host()}-{os.getpid()}."


def sweep(folder: Path) -> list[Path]:
    """Remove the temporary files of killed writers from a folder; those of running writers are kept.

    The name of a file contains its writer's process and host: it is removed if the process of this host has ended, or
    if it is older than a day.

    Args:
        folder: The folder, which need not exist; its sub-folders are not searched.

    Returns:
        The removed files.
    """
    removed = []
    for path in sorted(folder.glob(f".*{SUFFIX}")):
        try:
            if _is_left_behind(path):
                path.unlink()
                removed.append(path)
        except OSError:
            continue  # removed by another process, or owned by another user
    return removed


def _is_left_behind(path: Path) -> bool:
    """Whether a temporary file of polybench is abandoned.

    Raises:
        OSError: If it doesn't exist any more.
    """
    if not re.search(r"\.\w{8}\.tmp$", path.name) or not path.is_file() or path.is_symlink():
        return False
    owner = re.search(r"\.([0-9a-f]{8})-(\d+)\.\w{8}\.tmp$", path.name)
    if owner is not None and owner[1] == _host():
        return not _lives(int(owner[2]))
    return time.time() - path.stat().st_mtime > ABANDONED_SECONDS


def _lives(process: int) -> bool:
    """Whether a process of this host is running."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # a process of another user
    return True


def _host() -> str:
    """Return eight hexadecimal digits for this host and its process namespace."""
    namespace = Path("/proc/self/ns/pid")
    name = f"{socket.gethostname()} {namespace.readlink() if namespace.is_symlink() else ''}"
    return hashlib.sha256(name.encode()).hexdigest()[:8]
