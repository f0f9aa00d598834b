"""Unpacking of untrusted archives: zip, and tar, plain or compressed by gzip, bzip2 or xz.

All members are checked before anything is written; the archive is then unpacked to a temporary folder and moved to the
target. Names outside the target, links, devices, encryption, names that differ only in case, and archives with an
extreme compression ratio (zip bombs) are refused. Files of macOS (`__MACOSX/`, `._*`) are left out.
"""

import bz2
import filecmp
import gzip
import io
import lzma
import os
import shutil
import stat
import struct
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO, cast

from filelock import FileLock, Timeout
from rich.console import Console
from rich.progress import track

from polybench.core.errors import DataError

MAX_MEMBERS = 200_000
"""Largest number of files and folders in an archive; DSB-2018 has about 32,000."""
MAX_BYTES = 64 << 30
"""Largest unpacked size in bytes; ISIC-2018 has 11 GB."""
MAX_HEADER = 64 << 20
"""Largest header of a tar archive in bytes; a larger one is a bomb, not a name."""
MAX_RATIO = 200
"""Largest compression ratio of archives that unpack to more than `RATIO_FROM` bytes; deflate reaches 1000."""
RATIO_FROM = 64 << 20
_TARS: dict[str, Callable[[Path], io.BufferedIOBase]] = {
    ".tar": lambda path: path.open("rb"),
    ".tar.gz": gzip.GzipFile,
    ".tgz": gzip.GzipFile,
    ".tar.bz2": bz2.BZ2File,
    ".tar.xz": lzma.LZMAFile,
}
_BROKEN = (
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, struct.error),
    *(EOFError, UnicodeError, NotImplementedError),
)


@dataclass(frozen=True)
class _Entry:
    """A member of an archive: its properties, the reason to refuse it, and its reader."""

    name: str
    size: int
    folder: bool
    refusal: str | None
    open: Callable[[], IO[bytes]]


def unpack(path: Path, target: Path, *, strip: int = 0, progress: bool = True) -> int:
    """Unpack an archive into a folder.

    Existing files are kept if they are identical. Nothing is moved to the folder before the whole archive has been
    unpacked and compared.

    Args:
        path: The archive.
        target: The folder, which is created if needed.
        strip: Number of leading folders of names in the archive that are dropped.
        progress: Show a progress bar on stderr.

    Returns:
        The number of files of the archive in the folder, including existing ones.

    Raises:
        DataError: If the archive is broken, of another type or unsafe, if an existing file differs from the archive's,
            or if the folder has no space or can't be written.
    """
    target = target.resolve()
    beside = target if target.is_mount() else target.parent
    scratch = beside / f".{target.name}.unpacking"
    try:
        beside.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{scratch}.lock", timeout=0), _emptied(scratch):
            places, total = _plan(path, strip)
            if shutil.disk_usage(beside).free < total:
                raise DataError(
                    f"'{path}' unpacks to {total} bytes, more than '{beside}' has free: free some space first."
                )
            _write(path, places, scratch, progress=progress)
            _move(path, scratch, target)
    except Timeout as error:
        raise DataError(f"Another process is unpacking into '{target}': wait for it, or end it.") from error
    except _BROKEN as error:
        raise DataError(_broken(path, error)) from error
    except OSError as error:
        if error.errno is None:  # a damaged stream of gzip or bz2
            raise DataError(_broken(path, error)) from error
        where = error.filename or target
        raise DataError(f"'{path}' can't be unpacked ('{where}': {error.strerror}).") from error
    return len(places)


def _plan(path: Path, strip: int) -> tuple[dict[str, PurePosixPath], int]:
    """Check every member; return the path of each file by its name in the archive, and the total size."""
    places: dict[str, PurePosixPath] = {}
    taken: dict[str, tuple[str, bool]] = {}
    most = max(RATIO_FROM, MAX_RATIO * path.stat().st_size)
    members = total = 0
    for entry in _entries(path):
        members, total = members + 1, total + entry.size
        if members > MAX_MEMBERS or total > min(MAX_BYTES, most):
            raise DataError(
                f"'{path}' is not unpacked: it holds {members} members and {total} bytes or more, which no dataset's "
                f"archive of its size does."
            )
        parts = PureWindowsPath(entry.name).parts  # splits at both slashes
        if any(part == "__MACOSX" or part.startswith("._") for part in parts):
            continue
        refusal = _refusal(entry)
        if not refusal and not entry.folder and not parts[strip:]:
            refusal = f"has no name left without its first {strip} folders"
        refusal = refusal or _clash(PurePosixPath(*parts[strip:]), entry.folder, taken)
        if refusal:
            raise DataError(f"'{path}' is not unpacked: its member '{entry.name}' {refusal}.")
        if not entry.folder:
            places[entry.name] = PurePosixPath(*parts[strip:])
    if not places:
        raise DataError(f"'{path}' is not unpacked: it holds no files.")
    return places, total


def _refusal(entry: _Entry) -> str | None:
    name = PureWindowsPath(entry.name)
    if name.drive or name.root:
        return "has an absolute name"
    if ".." in name.parts:
        return "leads out of the folder"
    return entry.refusal


def _clash(place: PurePosixPath, folder: bool, taken: dict[str, tuple[str, bool]]) -> str | None:
    """Add a path and its parents to `taken`, or return the reason of a conflict."""
    for above in (*reversed(place.parents), place):
        if above == PurePosixPath():
            continue
        key = unicodedata.normalize("NFC", str(above)).casefold()
        entered = (str(above), folder or above != place)
        if key not in taken:
            taken[key] = entered
        elif taken[key][0] != entered[0]:
            return f"and '{taken[key][0]}' differ only in case"
        elif not (taken[key][1] and entered[1]):
            return "exists twice"
    return None


def _entries(path: Path) -> Iterator[_Entry]:
    """Yield the members in the archive's order; each must be read before the next."""
    name = path.name.lower()
    opener = next((opener for suffix, opener in _TARS.items() if name.endswith(suffix)), None)
    if opener is not None:
        with opener(path) as stream:
            yield from _tar_entries(path, _Guarded(stream))
    elif name.endswith(".zip"):
        yield from _zip_entries(path)
    else:
        raise DataError(f"'{path}' is neither a zip nor a tar archive: unpack it by hand.")


def _zip_entries(path: Path) -> Iterator[_Entry]:
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            kind = stat.S_IFMT(info.external_attr >> 16)
            refusal = "is a link or a device" if kind not in {0, stat.S_IFREG, stat.S_IFDIR} else None
            if info.flag_bits & 1:
                refusal = "is encrypted: unpack it by hand with its password"
            yield _Entry(info.filename, info.file_size, info.is_dir(), refusal, partial(archive.open, info))


class _Guarded(io.RawIOBase):
    """Stream of a tar archive that limits the size of a read, since headers can claim huge names."""

    def __init__(self, stream: io.BufferedIOBase) -> None:
        self._stream = stream

    def read(self, size: int = -1) -> bytes:
        """Read from the archive; a size beyond `MAX_HEADER` is an error."""
        if not 0 <= size <= MAX_HEADER:
            raise tarfile.ReadError(f"a header of {size} bytes")
        return self._stream.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move within the archive."""
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        """Return the position in the archive."""
        return self._stream.tell()


def _tar_entries(path: Path, guarded: _Guarded) -> Iterator[_Entry]:
    with tarfile.open(fileobj=guarded, mode="r:") as archive:
        for info in archive:
            refusal = None if info.isreg() or info.isdir() else "is a link or a device"
            try:
                tarfile.data_filter(info, str(path.parent))
            except tarfile.FilterError as error:
                refusal = refusal or f"is not safe ({error})"
            read = partial(archive.extractfile, info)
            yield _Entry(info.name, info.size, info.isdir(), refusal, cast(Callable[[], IO[bytes]], read))
        guarded.seek(archive.offset)
        end = guarded.read(MAX_HEADER)  # to the end of the file, where gzip, bzip2 and xz compare checksums
        if len(end) < tarfile.BLOCKSIZE or any(end[: tarfile.BLOCKSIZE]):
            raise tarfile.ReadError("it stops before its end")


def _write(path: Path, places: dict[str, PurePosixPath], scratch: Path, *, progress: bool) -> None:
    planned = (entry for entry in _entries(path) if entry.name in places and not entry.folder)
    console = Console(stderr=True)
    shown = progress and console.is_terminal
    text = f"Unpacking {path.name}"
    for entry in track(planned, text, len(places), transient=True, console=console, disable=not shown):
        file = scratch / places[entry.name]
        file.parent.mkdir(parents=True, exist_ok=True)
        with entry.open() as source, file.open("xb") as sink:
            shutil.copyfileobj(source, sink, 1 << 20)
            if sink.tell() != entry.size:
                raise zipfile.BadZipFile(f"'{entry.name}' has {sink.tell()} bytes instead of {entry.size}")


def _move(path: Path, scratch: Path, target: Path) -> None:
    """Move the unpacked files to their folder, after checking that no existing file differs."""
    if not os.path.lexists(target):
        scratch.rename(target)
        return
    fresh = []
    for file in sorted(file for file in scratch.rglob("*") if file.is_file()):
        there = target / file.relative_to(scratch)
        blocker = next((above for above in (there, *there.parents) if above.is_file()), None)
        if blocker is None and not os.path.lexists(there):
            fresh.append((file, there))
        elif blocker != there or not filecmp.cmp(file, there, shallow=False):
            raise DataError(f"'{blocker or there}' differs from the one in '{path}': move it away and unpack again.")
    for _, there in fresh:
        linked = next((above for above in there.parents if above.is_symlink() and above.is_relative_to(target)), None)
        if linked is not None:
            raise DataError(f"'{path}' is not unpacked: '{linked}' is a link, which is not followed: remove it.")
    for _, there in fresh:
        there.parent.mkdir(parents=True, exist_ok=True)
    for file, there in fresh:
        file.rename(there)


@contextmanager
def _emptied(folder: Path) -> Iterator[None]:
    """Create an empty folder, replacing that of a killed process, and remove it at the end."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _broken(path: Path, error: Exception) -> str:
    return f"'{path}' is broken or truncated ({error}): delete it and download it again."
