"""What is known of a page that was written: of which files and which code it is, so that it needn't be made again.

`root/.cache/<dataset>.json` holds the hash of everything that a page follows from, and that of the page. Every file is
hashed anew, so that an edited one is noticed whatever its time. A cache that is damaged, of another version, or of
other files says nothing; one that can't be written is no error.
"""

import contextlib
import hashlib
import json
import sys
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from pathlib import Path

from polybench.core.atomic import atomic_write_text
from polybench.core.checksum import file_sha256
from polybench.core.version import __version__

FOLDER = ".cache"
_LIBRARIES = ("jinja2", "numpy", "pandas", "pydantic", "scipy")


def page_digest(root: Path, dataset: str) -> str | None:
    """Hash everything that a dataset's page follows from: records, tables, audit, code and libraries.

    Args:
        root: The folder of the leaderboards.
        dataset: Its name.

    Returns:
        sha256 in hexadecimal; None where a file can't be read.
    """
    digest = hashlib.sha256(f"{code_digest()} {dataset}\n".encode())
    try:
        for path in _files(root, dataset):
            content = file_sha256(path) if path.is_file() else "nothing"
            digest.update(f"{path.parent.name}/{path.name} {content}\n".encode())
    except OSError:
        return None
    return digest.hexdigest()


def is_current(root: Path, dataset: str, digest: str | None) -> bool:
    """Whether the page is the one that was written of exactly these files by this code.

    Args:
        root: The folder of the leaderboards.
        dataset: Its name.
        digest: Of `page_digest`.
    """
    try:
        known = json.loads(_place(root, dataset).read_text(encoding="utf-8"))
        return digest is not None and known == {"inputs": digest, "page": file_sha256(root / f"{dataset}.md")}
    except (OSError, ValueError, RecursionError):
        return False


def remember(root: Path, dataset: str, digest: str | None, text: str) -> None:
    """Store of what a page was written.

    Args:
        root: The folder of the leaderboards.
        dataset: Its name.
        digest: Of `page_digest`, before the records were read.
        text: The page.
    """
    if digest is None:
        return
    known = {"inputs": digest, "page": hashlib.sha256(text.encode()).hexdigest()}
    with contextlib.suppress(OSError):
        atomic_write_text(_place(root, dataset), json.dumps(known))


@cache
def code_digest() -> str:
    """Hash of polybench's sources for pages, its version, and those of Python and of the libraries that pages need."""
    folder = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for path in sorted(path for part in ("core", "results") for path in (folder / part).rglob("*.*")):
        if path.suffix in (".py", ".j2"):
            digest.update(f"{path.relative_to(folder).as_posix()} {file_sha256(path)}\n".encode())
    versions = {name: version(name) for name in _LIBRARIES} | {"polybench": __version__, "python": sys.version}
    digest.update(json.dumps(versions, sort_keys=True).encode())
    return digest.hexdigest()


def _files(root: Path, dataset: str) -> Iterator[Path]:
    """Records with their tables, and the audit."""
    for path in sorted((root / "records" / dataset).glob("*.json")):
        yield from (path, path.with_suffix(".csv"))
    yield from (root / "audits" / f"{dataset}{suffix}" for suffix in (".json", ".csv"))


def _place(root: Path, dataset: str) -> Path:
    return root / FOLDER / f"{dataset}.json"
