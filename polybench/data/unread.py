"""Files of a copy that belong to no image, and those among them that are broken images."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from pathlib import Path, PurePosixPath

from polybench.core.errors import DataError
from polybench.core.wording import counted
from polybench.data.card import DOWNLOAD_NOTE, SYNTHETIC_MARKER
from polybench.data.decoding import open_image, pages
from polybench.data.listing import IMAGE_SUFFIXES, LeftOut, Reason, list_files
from polybench.data.progress import progress
from polybench.data.sample import Source

NAMED = 10
"""Number of ids or folders that one sentence names."""


def unread_files(folder: Path, sources: Sequence[Source]) -> list[str]:
    """Return the names of all files below a dataset's folder that belong to no image, without polybench's notes.

    Args:
        folder: The dataset's own folder.
        sources: Its images.
    """
    read = {path for source in sources for path in source.files}
    read |= {folder / SYNTHETIC_MARKER, folder / DOWNLOAD_NOTE}
    return [
        path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if path not in read and path.is_file()
    ]


def left_out_beside(sources: Sequence[Source], known: Collection[str] = ()) -> list[LeftOut]:
    """Return the entries in the folders of images and masks that belong to no image, without polybench's notes.

    Args:
        sources: The images.
        known: Patterns of the names of files that belong to the official copy and are not read.
    """
    read = {path for source in sources for path in source.files}
    folders = {path.parent: None for path in sorted(read)}
    found: list[LeftOut] = []
    for folder in folders:
        listing = list_files(folder)
        found += [LeftOut(path, Reason.UNUSED, 1) for path in listing.files if path not in read]
        found += [entry for entry in listing.left_out if entry.path not in folders]
    own = (SYNTHETIC_MARKER, DOWNLOAD_NOTE, *known)
    return [entry for entry in found if not any(entry.path.match(pattern) for pattern in own)]


def unreadable_images(folder: Path, names: Sequence[str]) -> list[str]:
    """Return a sentence for each image file, with all its pages, that can't be decoded; hidden files are skipped.

    Args:
        folder: The dataset's own folder.
        names: Files below it.
    """
    paths = [folder / name for name in names if not _is_hidden(name)]
    problems = []
    for path in progress([path for path in paths if path.suffix.lower() in IMAGE_SUFFIXES], "Decoding the rest"):
        try:
            for page in range(pages(path)):
                open_image(path, page)
        except DataError as error:
            problems.append(str(error))
    return problems


def unread_notes(names: Sequence[str]) -> list[str]:
    """Describe the files that are not read: hidden files, and others by folder.

    Args:
        names: Files below a dataset's folder.
    """
    hidden = [name for name in names if _is_hidden(name)]
    others: dict[PurePosixPath, list[str]] = defaultdict(list)
    for name in names:
        if not _is_hidden(name):
            others[PurePosixPath(name).parent].append(name)
    notes = [_not_read(hidden, "hidden files")] if hidden else []
    notes += [_not_read(group, "files") for group in list(others.values())[:NAMED]]
    if len(others) > NAMED:
        notes.append(f"Files in {counted(len(others) - NAMED, 'further folder')} are not read.")
    return notes


def _is_hidden(name: str) -> bool:
    return any(part.startswith(".") for part in PurePosixPath(name).parts)


def _not_read(names: Sequence[str], what: str) -> str:
    return f"{len(names)} {what} such as '{names[0]}' are not read." if names[1:] else f"'{names[0]}' is not read."
