"""Writes that the system refuses, as one sentence: which file, in which folder, why, and what to do."""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from polybench.core.errors import UserError

PROBE_BYTES = 64 * 1024
"""What is written to find out whether a folder takes files; more than a file system keeps inside its own tables."""

_ROOM = "make room there, or choose another folder, and run the same command again"
_ADVICE = {
    errno.ENOSPC: _ROOM,
    errno.EDQUOT: _ROOM,
    errno.EACCES: "change the permissions, or choose another folder",
    errno.EPERM: "change the permissions, or choose another folder",
    errno.EROFS: "choose a folder on a file system that can be written",
    errno.EMFILE: "raise the limit of open files (ulimit -n)",
    errno.ENFILE: "end other programs, or raise the system's limit of open files",
    errno.EIO: "check the disk, or choose another folder",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.ENOTDIR: "choose another folder",
    errno.EISDIR: "remove the folder of that name, or choose another file",
    errno.EEXIST: "remove the file of that name, or choose another folder",
    errno.EINVAL: "name a regular file, or one that isn't there",
    errno.EFBIG: "raise the limit of file sizes (ulimit -f)",
}


class WriteError(UserError, OSError):
    """A file or a folder that the system refuses to write.

    Args:
        path: What was to be written.
        error: What the system said.
        further: What to add, a sentence.
    """

    exit_code = 2

    def __init__(self, path: Path, error: OSError, further: str = "") -> None:
        sentence = f"'{path.name}' can't be written to the folder '{path.absolute().parent}' {advice(path, error)}"
        super().__init__(" ".join(part for part in (sentence, further) if part))
        self.errno, self.strerror, self.filename = error.errno, error.strerror, str(path)

    def __str__(self) -> str:
        """The sentence."""
        return str(self.args[0])


def advice(path: Path, error: OSError) -> str:
    """Why the system refused something, and what to do: the end of a sentence.

    Args:
        path: What was to be written.
        error: What the system said.
    """
    reason = error.strerror or str(error)
    if error.errno == errno.ENOSPC:
        reason += f", {_free(path)} MiB are free"
    return f"({reason}): {_ADVICE.get(error.errno or 0, 'choose another folder')}."


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Name the file where the system refuses to write it.

    Args:
        path: What is written inside the block.

    Raises:
        FileExistsError: If the block raises it, which it does to tell that a name is taken.
        WriteError: If the block raises another OSError of the system.
    """
    try:
        yield
    except (WriteError, FileExistsError):
        raise
    except OSError as error:
        if error.errno is None:  # of a library that can't write what it is given
            raise
        raise WriteError(path, error) from error


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it, where there is none.

    Raises:
        WriteError: If the system refuses, or something else has its name.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(folder, error) from error


def probe(folder: Path, room: int = 0) -> None:
    """Make sure that a folder takes files, by writing one of `PROBE_BYTES` and removing it; the folder is made.

    Args:
        folder: The folder.
        room: Bytes that must be free there.

    Raises:
        WriteError: If it doesn't.
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
    """MiB that are free where a file or folder is, or is to be."""
    there = next(parent for parent in path.absolute().parents if parent.is_dir())
    return shutil.disk_usage(there).free // 2**20
