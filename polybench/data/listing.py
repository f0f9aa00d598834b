"""What a folder holds: its files of some types in natural order, and what was left out, with the reason."""

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
"""Folders that macOS and network drives make; they count as hidden."""

Inode = tuple[int, int]


class FileNameError(DataError):
    """A file whose name can't stand in a list, a table or a message."""

    exit_code = 2


class NoFilesError(DataError):
    """A folder that is missing, or holds no file of the wanted types."""


class Reason(Enum):
    """Why an entry of a folder was left out, as it follows a count; in the order in which messages have it."""

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
        reason: Why.
        files: How many files of the wanted types it stands for: those in a sub-folder, or 1 where it has such a name.
        problem: The sentence for it, where leaving it out is an error.
    """

    path: Path
    reason: Reason
    files: int = 0
    problem: str | None = None


@dataclass(frozen=True)
class Listing:
    """What a folder holds.

    Attributes:
        folder: The folder.
        files: Its files of the wanted types, in natural order.
        left_out: All other entries; a sub-folder without such files is none.
        what: What the files are, such as "image".
    """

    folder: Path
    files: tuple[Path, ...]
    left_out: tuple[LeftOut, ...]
    what: str = "image"

    @property
    def problems(self) -> list[str]:
        """A sentence for each entry that is named like a wanted file and can't be read as one."""
        return [entry.problem for entry in self.left_out if entry.problem is not None]

    @property
    def nested(self) -> str | None:
        """The sentence for wanted files in sub-folders, where these are not read; None where there are none."""
        inside = [entry for entry in self.left_out if entry.reason is Reason.SUB_FOLDER and entry.files]
        if not inside:
            return None
        count = counted(sum(entry.files for entry in inside), self.what)
        names = some([f"'{entry.path.name}'" for entry in inside])
        return (
            f"The folder '{self.folder}' holds {count} in sub-folders ({names}), which are not read: move them "
            "into the folder itself or elsewhere, or name the sub-folder instead."
        )

    @property
    def sentence(self) -> str:
        """How many files there are, and how many other entries by reason, without a full stop."""
        rest = left_out_words(self.left_out)
        return f"{counted(len(self.files), self.what)}{f'; left out: {rest}' if rest else ''}"


def left_out_words(entries: Sequence[LeftOut]) -> str:
    """Entries counted by reason, each reason with an example; empty where there are none."""
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
    """Sort key under which ``frame2`` comes before ``frame10``."""
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in re.split(r"(\d+)", name) if part]


def check_name(path: Path) -> None:
    """Make sure that a path can stand in a list, a table and a message.

    Raises:
        FileNameError: If it isn't UTF-8 or has line breaks or other control characters.
    """
    shown = escaped(str(path))
    if shown != str(path):
        raise FileNameError(
            f"The name '{shown}' is not UTF-8 or has control characters in it: rename the file or folder."
        )


def list_files(
    folder: Path, suffixes: Collection[str] = IMAGE_SUFFIXES, *, what: str = "image", recursive: bool = False
) -> Listing:
    """List the files of some types in a folder.

    Links count as what they lead to. Hidden files and folders are passed over.

    Args:
        folder: The folder.
        suffixes: The types, in lower case, with their dots.
        what: What the files are, for messages.
        recursive: List those of sub-folders, too.

    Raises:
        NoFilesError: If the folder is missing or holds no such file.
        DataError: If it can't be read, or all it holds is named like such a file and is none.
        FileNameError: If a name can't stand in a list.
    """
    if not folder.is_dir():
        raise NoFilesError(f"There is no folder '{folder}': put the {what}s there, or name the folder that holds them.")
    try:
        found = list(_entries(folder, suffixes, recursive, ()))
    except OSError as error:
        raise DataError(f"The folder '{error.filename}' can't be read ({error.strerror}): check its rights.") from error
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
    """The sentence for a folder without a file of the wanted types."""
    rest = left_out_words(listing.left_out)
    return (
        f"The folder '{listing.folder}' holds no {listing.what} (0 files of the types {' '.join(sorted(suffixes))}"
        f"{f'; left out: {rest}' if rest else ''}): put the {listing.what}s there, or name the folder that holds them."
    )


def _entries(
    folder: Path, suffixes: Collection[str], recursive: bool, above: tuple[Inode, ...]
) -> Iterator[Path | LeftOut]:
    """All entries of a folder by name; `above` are the folders that lead to it."""
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
            problem = f"'{path}' is no regular file: remove it, or rename it." if wanted else None
            yield LeftOut(path, Reason.SPECIAL, int(wanted), problem)
        else:
            yield path if wanted else LeftOut(path, Reason.OTHER_TYPE)


def _sub_folder(
    path: Path, suffixes: Collection[str], recursive: bool, above: tuple[Inode, ...], own: Inode
) -> Iterator[Path | LeftOut]:
    """The entries of a sub-folder, or what stands for them where it is not read."""
    wanted = path.suffix.lower() in suffixes
    if own in above:
        problem = f"'{path}' is a link to a folder that it lies in: remove the link." if wanted or recursive else None
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
    """What stands for an entry that can't be looked at."""
    reasons = {ENOENT: Reason.DANGLING, ENOTDIR: Reason.DANGLING, ELOOP: Reason.LOOPING}
    reason = reasons.get(error.errno or 0, Reason.UNREADABLE)
    advice = {
        Reason.DANGLING: "is a link to nothing: restore what it leads to, or remove the link",
        Reason.LOOPING: "is a link that leads to itself: remove the link",
        Reason.UNREADABLE: f"can't be read ({error.strerror}): check its rights",
    }
    return LeftOut(path, reason, int(wanted), f"'{path}' {advice[reason]}." if wanted else None)
