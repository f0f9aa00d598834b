"""Errors of writes as one sentence: the file, the folder, the reason and what to do."""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from polybench.core.errors import UserError

PROBE_BYTES = 64 * 1024
"""Bytes of a test write; more than a file system stores inside its own tables."""

_ROOM = "free some space there, or choose another folder, and run the same command again"
_ADVICE = {
    errno.ENOSPC: _ROOM,
    errno.EDQUOT: _ROOM,
    errno.EACCES: "change the permissions, or choose another folder",
    errno.EPERM: "change the permissions, or choose another folder",
    errno.EROFS: "choose a folder on a writable file system",
    errno.EMFILE: "raise the limit of open files (ulimit -n)",
    errno.ENFILE: "end other programs, or raise the system's limit of open files",
    errno.EIO: "check the disk, or choose another folder",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.ENOTDIR: "choose another folder",
    errno.EISDIR: "remove the folder of that name, or choose another file",
    errno.EEXIST: "remove the file of that name, or choose another folder",
    errno.EINVAL: "choose a regular file, or a new name",
    errno.EFBIG: "raise the limit of file sizes (ulimit -f)",
}


class WriteError(UserError, OSError):
    """A file or a folder that can't be written.

    Args:
        path: The file or folder.
        error: The error of the system.
        further: A further sentence of the message; empty for none.
    """

    exit_code = 2

    def __init__(self, path: Path, error: OSError, further: str = "") -> None:
        sentence = f"'{path.name}' can't be written to the folder '{path.absolute().parent}' {advice(path, error)}"
        super().__init__(" ".join(part for part in (sentence, further) if part))
        self.errno, self.strerror, self.filename = error.errno, error.strerror, str(path)
        self._made_of = (path, error, further)

    def __reduce__(self) -> tuple[type["WriteError"], tuple[Path, OSError, str]]:
        """Return what another process makes it of."""
        return type(self), self._made_of

    def __str__(self) -> str:
        """Return the message."""
        return str(self.args[0])


def advice(path: Path, error: OSError) -> str:
    """Return the reason of a system error and what to do, as the end of a sentence.

    Args:
        path: The file or folder.
        error: The error of the system.
    """
    reason = error.strerror or str(error)
    if error.errno == errno.ENOSPC:
        reason += f", {_free(path)} MiB are free"
    return f"({reason}): {_ADVICE.get(error.errno or 0, 'choose another folder')}."


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Convert errors of the system in a block to a `WriteError` that names the file.

    Args:
        path: The file that is written in the block.

    Raises:
        FileExistsError: If the block raises it, for a name that is taken.
        WriteError: If the block raises another OSError of the system.
    """
    try:
        yield
    except (WriteError, FileExistsError):
        raise
    except OSError as error:
        if error.errno is None:  # raised by a library, not by the system
            raise
        raise WriteError(path, error) from error


def make_folder(folder: Path) -> None:
    """Create a folder and its parents if they don't exist.

    Raises:
        WriteError: If it can't be created, or a file has its name.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(folder, error) from error


def probe(folder: Path, room: int = 0) -> None:
    """Check that a folder is writable, by writing and removing a file of `PROBE_BYTES`; the folder is created.

    Args:
        folder: The folder.
        room: Bytes that must be free; 0 for no check.

    Raises:
        WriteError: If it isn't.
    """
    make_folder(folder)
    with (
        writing(folder / "a test file"),
        tempfile.NamedTemporaryFile(dir=folder, prefix=".probe.", suffix=".tmp") as file,
    ):
        file.write(b"\0" * PROBE_BYTES)
        file.flush()
        os.fsync(file.fileno())
        if shutil.disk_usage(folder).free < room:
            raise OSError(errno.ENOSPC, f"{-(-room // 2**20)} MiB are needed")


def _free(path: Path) -> int:
    """Return the free MiB at the location of an existing or future file or folder."""
    there = next(parent for parent in path.absolute().parents if parent.is_dir())
    return shutil.disk_usage(there).free // 2**20
