"""Atomic writes: to a temporary file in the same folder, flushed to disk, then renamed."""

import errno
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from polybench.core.disk import make_folder, writing
from polybench.core.leftovers import SUFFIX, sweep, temporary_prefix

_swept: set[Path] = set()
"""Folders in which this process has removed the temporary files of killed writers; once is enough."""


@contextmanager
def atomic_writer(path: Path, *, exclusive: bool = False, follow: bool = False) -> Iterator[BinaryIO]:
    """Open a file that appears under its name complete, or not at all.

    Temporary files of killed writers are removed before the first file is written to a folder.

    Args:
        path: The final name; missing parent folders are created.
        exclusive: Refuse to replace a file that exists.
        follow: Write to the target of a link, as for a file that a user has named; False replaces the link and keeps
            its target, as for checkpoints.

    Yields:
        A binary file. On exit it is flushed, synchronised and renamed; on an exception it is removed.

    Raises:
        FileExistsError: If `exclusive` and the name is taken, even if it was taken meanwhile.
        WriteError: If any step of the write fails (full disk, missing permission), or the name is that of a device, a
            pipe or a folder, which are never replaced; the file is named.
    """
    path = Path(os.path.realpath(path)) if follow else path
    with writing(path):
        make_folder(path.parent)
        _refuse_other_than_files(path)
        _sweep_once(path.parent)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=temporary_prefix(path), suffix=SUFFIX)
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


def atomic_write_text(path: Path, text: str, *, exclusive: bool = False, follow: bool = False) -> None:
    """Write UTF-8 text atomically; see `atomic_writer`."""
    with atomic_writer(path, exclusive=exclusive, follow=follow) as file:
        file.write(text.encode())


def _sweep_once(folder: Path) -> None:
    """Remove the temporary files of killed writers from a folder, once per process."""
    place = folder.absolute()
    if place not in _swept:
        _swept.add(place)
        sweep(place)


def _refuse_other_than_files(path: Path) -> None:
    """Refuse to replace a device, a pipe or a socket; the system refuses folders itself.

    Raises:
        OSError: If it is one.
    """
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not (stat.S_ISREG(mode) or stat.S_ISLNK(mode) or stat.S_ISDIR(mode)):
        raise OSError(errno.EINVAL, "it is a device, a pipe or a socket")


def _umask() -> int:
    """Return the process's file mode mask (reading it requires setting it)."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _sync_folder(folder: Path) -> None:
    """Flush the rename to disk, where the platform can."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
