"""Writes that matter: to a temporary file beside the target, flushed to disk, then renamed."""

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
"""Folders from which this process has removed what killed writers had left; one sweep for each is enough."""


@contextmanager
def atomic_writer(path: Path, *, exclusive: bool = False, follow: bool = False) -> Iterator[BinaryIO]:
    """Open a file that appears under its name whole, or not at all.

    What killed writers have left in the folder is removed before the first file is written there.

    Args:
        path: The final name; missing parent folders are made.
        exclusive: Refuse to replace a file that exists.
        follow: Where the name is that of a link, write the file that it leads to, as is right for a file that a user
            has named; else the link is replaced and that file stays, as is right for checkpoints.

    Yields:
        A binary file to write to. On leaving it is flushed, synchronised and renamed; on an exception it is removed.

    Raises:
        FileExistsError: If `exclusive` and the name is taken, even by a process that took it meanwhile.
        WriteError: If any step of the write fails (full disk, missing permission), or the name is that of a device, a
            pipe or a folder, which is never replaced; it names the file.
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
    """Remove what killed writers have left in a folder, before the first file that this process writes there."""
    place = folder.absolute()
    if place not in _swept:
        _swept.add(place)
        sweep(place)


def _refuse_other_than_files(path: Path) -> None:
    """Refuse to rename over a device, a pipe or a socket, which would be lost; of a folder the system itself does.

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
