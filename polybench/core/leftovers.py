"""Temporary files: names that say who writes them, and the removal of those that killed writers have left."""

import hashlib
import os
import re
import socket
import time
from pathlib import Path

SUFFIX = ".tmp"
ABANDONED_SECONDS = 24 * 3600
"""Age at which a temporary file counts as left behind where its writer can't be asked for, on another host."""

LONGEST = 200
"""Bytes of a file's name that its temporary file has in its own, which may have 255."""


def temporary_prefix(path: Path) -> str:
    """The beginning of the name of a file's temporary file, for `tempfile.mkstemp` with `SUFFIX`."""
    start = os.fsdecode(os.fsencode(path.name)[:LONGEST])
    return f".{start}.{_host()}-{os.getpid()}."


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
