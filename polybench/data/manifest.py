"""Manifests: one hash over the content of a copy of a dataset."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from polybench.core.atomic import atomic_write_text
from polybench.core.errors import DataError
from polybench.data.decoding import unreadable
from polybench.data.progress import progress
from polybench.data.sample import Source


def manifest_sha256(sources: Sequence[Source], folder: Path) -> str:
    """Hash the content of a dataset: every id with the bytes of its image, masks and field of view.

    An earlier result in `folder` is used while the sizes and times of the files are unchanged, so that a large dataset
    is read once.

    Args:
        sources: The images.
        folder: Folder of earlier results.

    Raises:
        DataError: If a file is missing or can't be read.
        OSError: If the result can't be stored.
    """
    try:
        stats = [(s.id, s.page, *(_signature(path) for path in s.files)) for s in sources]
    except FileNotFoundError as error:
        raise DataError(f"There is no file '{error.filename}'.") from error
    memo = folder / "manifests" / f"{hashlib.sha256(repr(stats).encode()).hexdigest()[:32]}.txt"
    if memo.is_file():
        return memo.read_text().strip()
    total = hashlib.sha256()
    stacks: dict[Path, bytes] = {}
    for source in progress(sources, "Hashing files"):
        total.update(hashlib.sha256(_name(source)).digest())
        for path in source.files:
            digest = stacks.get(path) or _digest(path)
            if source.page is not None:
                stacks[path] = digest
            total.update(digest)
    atomic_write_text(memo, total.hexdigest() + "\n")
    return total.hexdigest()


def same_id(sources: Sequence[Source]) -> list[str]:
    """Return a sentence for each image with the id of another one."""
    first: dict[str, Source] = {}
    return [
        f"'{other.image}' and '{source.image}' have the same id '{source.id}': keep one of them."
        for source in sources
        if (other := first.setdefault(source.id, source)) is not source
    ]


def _digest(path: Path) -> bytes:
    try:
        return hashlib.sha256(path.read_bytes()).digest()
    except OSError as error:
        raise unreadable(path, error) from error


def _name(source: Source) -> bytes:
    return (source.id if source.page is None else f"{source.id} {source.page}").encode()


def _signature(path: Path) -> tuple[str, int, int, int, int]:
    stat = path.stat()
    return str(path.resolve()), stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino
