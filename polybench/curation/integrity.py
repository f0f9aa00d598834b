"""Integrity of downloaded files: size, type by the first bytes, and checksum."""

import zipfile
from pathlib import Path

from rich.console import Console

from polybench.core.atomic import atomic_write_text
from polybench.core.checksum import file_sha256
from polybench.data.card import Archive

_TIFF = ((0, b"II*\x00"), (0, b"MM\x00*"), (0, b"II+\x00"), (0, b"MM\x00+"))
_MAGIC: dict[str, tuple[tuple[int, bytes], ...]] = {
    ".zip": ((0, b"PK\x03\x04"), (0, b"PK\x05\x06")),
    ".gz": ((0, b"\x1f\x8b"),),
    ".tgz": ((0, b"\x1f\x8b"),),
    ".bz2": ((0, b"BZh"),),
    ".xz": ((0, b"\xfd7zXZ\x00"),),
    ".tar": ((257, b"ustar"),),
    ".tif": _TIFF,
    ".tiff": _TIFF,
    ".png": ((0, b"\x89PNG\r\n\x1a\n"),),
    ".jpg": ((0, b"\xff\xd8\xff"),),
    ".gif": ((0, b"GIF8"),),
    ".bmp": ((0, b"BM"),),
}


def defect(path: Path, archive: Archive) -> str | None:
    """Describe the defect of a downloaded archive; None where there is none.

    Without a published checksum, the one stored by `store_checksum` counts.

    Args:
        path: The file.
        archive: The expected archive.

    Raises:
        OSError: If the file can't be read.
    """
    problem = size_or_type_defect(path, archive)
    if problem is not None:
        return problem
    expected = archive.sha256 or _stored_checksum(path)
    if expected is None:
        return None
    found = file_sha256(path)
    return None if found == expected else f"has sha256 {found} instead of {expected}"


def size_or_type_defect(path: Path, archive: Archive) -> str | None:
    """Describe a defect in size or type, as `defect`.

    Args:
        path: The file.
        archive: The expected archive.

    Raises:
        OSError: If the file can't be read.
    """
    size = path.stat().st_size
    if archive.bytes is not None and size != archive.bytes:
        return f"has {size} bytes instead of {archive.bytes}"
    with path.open("rb") as file:
        problem = head_defect(file.read(512), archive.name)
    if problem is None and archive.name.lower().endswith(".zip") and not zipfile.is_zipfile(path):
        return "is a zip archive without its end"
    return problem


def head_defect(head: bytes, name: str) -> str | None:
    """Describe a defect in the first bytes: a web page, or another type than that of the name.

    Args:
        head: The first 512 bytes, or all where there are fewer.
        name: The file's name.
    """
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype html", b"<html")):
        return "is a web page, as servers send for a login, a robot check or an error"
    suffix = Path(name).suffix.lower()
    kinds = _MAGIC.get(suffix)
    if kinds and not any(head[at : at + len(magic)] == magic for at, magic in kinds):
        return f"is not a {suffix} file"
    return None


def store_checksum(path: Path, archive: Archive) -> None:
    """Write a file's checksum to `<name>.sha256`, in the format of `sha256sum`, if no checksum is published.

    Args:
        path: The file.
        archive: The archive.

    Raises:
        OSError: If the file can't be read or its checksum can't be written.
    """
    if archive.sha256 is not None:
        return
    found, known = file_sha256(path), _stored_checksum(path)
    if found == known:
        return
    differs = f", another than the {known} of the file fetched before" if known else ""
    log(f"'{path.name}' has no published checksum: sha256 {found} is stored in a file beside it{differs}.")
    atomic_write_text(_sidecar(path), f"{found}  {path.name}\n")


def log(message: str) -> None:
    """Print one line to stderr."""
    Console(stderr=True).print(message, markup=False, highlight=False, soft_wrap=True)


def _stored_checksum(path: Path) -> str | None:
    try:
        return _sidecar(path).read_text().split()[0]
    except (OSError, IndexError, UnicodeDecodeError):
        return None


def _sidecar(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")
