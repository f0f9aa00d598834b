"""Comparison of the content of a copy with the official one, by the hash on its card or by the note of a download."""

import re
from collections.abc import Sequence
from pathlib import Path

from polybench.core.atomic import atomic_write_text
from polybench.data.card import DOWNLOAD_NOTE, Card
from polybench.results.facts import UNCHECKED

_NOTE = """\
polybench unpacked this folder from the official archives, whose published checksums fit: {names}.
The hash of the content it had then, as `polybench data verify` finds it:
manifest sha256: {manifest}
"""


def content_notes(card: Card, folder: Path, manifest_sha256: str) -> list[str]:
    """Describe a copy that has the counts and sizes of the official one; empty if it is the official one.

    Args:
        card: Card of the official copy.
        folder: The dataset's own folder.
        manifest_sha256: Hash of the copy's content.
    """
    known = card.manifest_sha256 or _downloaded(folder)
    if known is None:
        return [UNCHECKED]
    return [] if manifest_sha256 == known else ["other contents than the official copy, though counts and sizes agree"]


def note_download(folder: Path, archives: Sequence[str], manifest_sha256: str) -> None:
    """Write a note of the downloaded and checked archives.

    Args:
        folder: The dataset's own folder, which contains only the files of the archives.
        archives: Names of the archives.
        manifest_sha256: Hash of the content.

    Raises:
        OSError: If it can't be written.
    """
    atomic_write_text(folder / DOWNLOAD_NOTE, _NOTE.format(names=", ".join(archives), manifest=manifest_sha256))


def _downloaded(folder: Path) -> str | None:
    try:
        found = re.search(r"^manifest sha256: ([0-9a-f]{64})$", (folder / DOWNLOAD_NOTE).read_text(), re.MULTILINE)
    except (OSError, UnicodeDecodeError):
        return None
    return found[1] if found else None
