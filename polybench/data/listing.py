"""Listings of folders: files of some types in natural order, and all other entries with the reason."""

import re
import stat as modes
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from errno import ELOOP, ENOENT, ENOTDIR
from pathlib import Path
from typing import NamedTuple

from polybench.core.errors import DataError
from polybench.core.wording import counted, escaped, some

IMAGE_SUFFIXES = frozenset(
    {".bmp", ".dib", ".gif", ".j2k", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg"}
    | {".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tga", ".tif", ".tiff", ".webp"}
)
SYSTEM_FOLDERS = frozenset({"__MACOSX", "@eaDir"})
"""Folders that macOS and network drives create; they count as hidden."""

Inode = tuple[int, int]


class FileNameError(DataError):
    """A file name that can't be written to a list, a table or a message."""

    exit_code = 2


class NoFilesError(DataError):
    """A folder that is missing, or contains no file of the requested types."""


class Reason(Enum):
    """Reason why an entry was left out, as a phrase after a count, in the order of messages."""

    SUB_FOLDER = "in the sub-folder"
    UNUSED = "not used"
    DANGLING = "dangling link"
    LOOPING = "looping link"
    FOLDER = "misnamed folder"
    SPECIAL = "special file"
    UNREADABLE = "not readable"
    HIDDEN = "hidden"
    OTHER_TYPE = "of another type"


class LeftOut(NamedTuple):
    """An entry of a folder that was left out.

    Attributes:
        path: The entry.
        reason: The reason.
        files: Number of files of the requested types that it represents: those in a sub-folder, or 1 for such a name.
        problem: The error message, where leaving it out is an error.
    """

    path: Path
    reason: Reason
    files: int = 0
    problem: str | None = None


@dataclass(frozen=True)
class Listing:
    """The entries of a folder.

    Attributes:
        folder: The folder.
        files: Its files of the requested types, in natural order.
        left_out: All other entries, except sub-folders without such files.
        what: Noun for the files, such as "image".
    """

    folder: Path
    files: tuple[Path, ...]
    left_out: tuple[LeftOut, ...]
    what: str = "image"

    @property
    def problems(self) -> list[str]:
        """Return a sentence for each entry that has the name of a requested file but can't be read as one."""
        return [entry.problem for entry in self.left_out if entry.problem is not None]

    @property
    def nested(self) -> str | None:
        """Return the sentence on requested files in sub-folders that are not read; None where there are none."""
        inside = [entry for entry in self.left_out if entry.reason is Reason.SUB_FOLDER and entry.files]
        if not inside:
            return None
        count = counted(sum(entry.files for entry in inside), self.what)
        names = some([f"'{entry.path.name}'" for entry in inside])
        return (
            f"The folder '{self.folder}' has {count} in sub-folders ({names}), which are not read: move them "
            "into the folder itself or elsewhere, or give the sub-folder instead."
        )

    @property
    def sentence(self) -> str:
        """Return the number of files and of other entries by reason, without a full stop."""
        rest = left_out_words(self.left_out)
        return f"{counted(len(self.files), self.what)}{f'; left out: {rest}' if rest else ''}"


def left_out_words(entries: Sequence[LeftOut]) -> str:
    """Return the number of entries by reason, each with an example; empty where there are none."""
    return ", ".join(
        _counted(reason, found)
        for reason in Reason
        if (found := [entry for entry in entries if entry.reason is reason])
    )


def _counted(reason: Reason, entries: Sequence[LeftOut]) -> str:
    name, many = f"'{entries[0].path.name}'", len(entries) > 1
    if reason is Reason.SUB_FOLDER:
        where = f"{len(entries)} sub-folders such as" if many else "the sub-folder"
        return f"{sum(entry.files for entry in entries)} in {where} {name}"
    count = (
        counted(len(entries), reason.value)
        if reason.value.endswith(("link", "folder", "file"))
        else f"{len(entries)} {reason.value}"
    )
    return f"{count}{' such as' if many else ''} {name}"


def natural_key(name: str) -> list[tuple[int, int | str]]:
    """Return a sort key that puts ``frame2`` before ``frame10``."""
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in re.split(r"(\d+)", name) if part]


def check_name(path: Path) -> None:
    """Check that a path can be written to a list, a table and a message.

    Raises:
        FileNameError: If it isn't UTF-8 or has line breaks or other control characters.
    """
    shown = escaped(str(path))
    if shown != str(path):
        raise FileNameError(f"The name '{shown}' is not UTF-8 or has control characters: rename the file or folder.")


def list_files(
    folder: Path, suffixes: Collection[str] = IMAGE_SUFFIXES, *, what: str = "image", recursive: bool = False
) -> Listing:
    """List the files of some types in a folder.

    Links are followed. Hidden files and folders are skipped.

    Args:
        folder: The folder.
        suffixes: File types, in lower case, with their dots; image types by default.
        what: Noun for the files in messages.
        recursive: Also list the files of sub-folders.

    Raises:
        NoFilesError: If the folder is missing or has no such file.
        DataError: If it can't be read, or no entry with the name of such a file is one.
        FileNameError: If a name can't be written to a list.
    """
    if not folder.is_dir():
        raise NoFilesError(f"There is no folder '{folder}': put the {what}s there, or give another folder.")
    try:
        found = list(_entries(folder, suffixes, recursive, ()))
    except OSError as error:
        raise DataError(
            f"The folder '{error.filename}' can't be read ({error.strerror}): check permissions."
        ) from error
    files = sorted(
        (entry for entry in found if isinstance(entry, Path)),
        key=lambda path: natural_key(path.relative_to(folder).as_posix()),
    )
    for path in files:
        check_name(path)
    listing = Listing(folder, tuple(files), tuple(entry for entry in found if isinstance(entry, LeftOut)), what)
    if not files:
        if listing.problems:
            raise DataError(listing.problems[0])
        raise NoFilesError(listing.nested or _nothing(listing, suffixes))
    return listing


def _nothing(listing: Listing, suffixes: Collection[str]) -> str:
    """Return the message for a folder without a file of the requested types."""
    rest = left_out_words(listing.left_out)
    return (
        f"The folder '{listing.folder}' has no {listing.what} (0 files of the types {' '.join(sorted(suffixes))}"
        f"{f'; left out: {rest}' if rest else ''}): put the {listing.what}s there, or give another folder."
    )


def _entries(
    folder: Path, suffixes: Collection[str], recursive: bool, above: tuple[Inode, ...]
) -> Iterator[Path | LeftOut]:
    """Yield all entries of a folder by name; `above` are its parent folders."""
    here = folder.stat()
    above = (*above, (here.st_dev, here.st_ino))
    for path in sorted(folder.iterdir()):
        wanted = path.suffix.lower() in suffixes
        if path.name.startswith(".") or path.name in SYSTEM_FOLDERS:
            yield LeftOut(path, Reason.HIDDEN, int(wanted))
            continue
        try:
            found = path.stat()
        except OSError as error:
            yield _unreachable(path, error, wanted)
            continue
        if modes.S_ISDIR(found.st_mode):
            yield from _sub_folder(path, suffixes, recursive, above, (found.st_dev, found.st_ino))
        elif not modes.S_ISREG(found.st_mode):
            problem = f"'{path}' is not a regular file: remove it, or rename it." if wanted else None
            yield LeftOut(path, Reason.SPECIAL, int(wanted), problem)
        else:
            yield path if wanted else LeftOut(path, Reason.OTHER_TYPE)


def _sub_folder(
    path: Path, suffixes: Collection[str], recursive: bool, above: tuple[Inode, ...], own: Inode
) -> Iterator[Path | LeftOut]:
    """Yield the entries of a sub-folder, or one `LeftOut` where it is not read."""
    wanted = path.suffix.lower() in suffixes
    if own in above:
        problem = f"'{path}' is a link to a folder that contains it: remove the link." if wanted or recursive else None
        yield LeftOut(path, Reason.LOOPING, int(wanted), problem)
        return
    try:
        inside = list(_entries(path, suffixes, True, above))
    except OSError as error:
        yield _unreachable(path, error, wanted or recursive)
        return
    files = sum(isinstance(entry, Path) for entry in inside)
    if wanted and not files:
        yield LeftOut(path, Reason.FOLDER, 1)
    elif recursive:
        yield from inside
    elif files:
        yield LeftOut(path, Reason.SUB_FOLDER, files)


def _unreachable(path: Path, error: OSError, wanted: bool) -> LeftOut:
    """Return the `LeftOut` of an entry that can't be read."""
    reasons = {ENOENT: Reason.DANGLING, ENOTDIR: Reason.DANGLING, ELOOP: Reason.LOOPING}
    reason = reasons.get(error.errno or 0, Reason.UNREADABLE)
    advice = {
        Reason.DANGLING: "is a broken link: restore its target, or remove the link",
        Reason.LOOPING: "is a link to itself: remove the link",
        Reason.UNREADABLE: f"can't be read ({error.strerror}): check permissions",
    }
    return LeftOut(path, reason, int(wanted), f"'{path}' {advice[reason]}." if wanted else None)
