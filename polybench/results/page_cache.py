"""What is known of a page that was written: of which files and which code it is, so that it needn't be made again.

`root/.cache/<dataset>.json` holds the hash of everything that a page follows from, and that of the page. Every file is
hashed anew, so that an edited one is noticed whatever its time. A cache that is damaged, of another version, or of
other files says nothing; one that can't be written is no error.
"""

import contextlib
import hashlib
import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path

from polybench.core.atomic import atomic_write_text
from polybench.core.checksum import file_sha256
from polybench.core.version import __version__
from polybench.results.verified import marks_folder

FOLDER, MARK = ".cache", ".mark"
_LIBRARIES = ("jinja2", "numpy", "pandas", "pydantic", "scipy")


@dataclass(frozen=True)
class Hashes:
    """Hashes of the files that a dataset's page follows from: records, tables, marks and the audit.

    Attributes:
        dataset: Its name.
        records: `<name>.json`, `<name>.csv` or `<name>.mark` -> sha256, or `nothing` where a table is missing.
        audit: The same of the audit.
    """

    dataset: str
    records: Mapping[str, str]
    audit: Mapping[str, str]

    @property
    def inputs(self) -> str:
        """Hash of what all records of a page share: its audit, the code and the libraries."""
        return _digest([code_digest(), self.dataset, *map(" ".join, self.audit.items())])

    @property
    def page(self) -> str:
        """Hash of everything that the page follows from."""
        return _digest([self.inputs, *map(" ".join, self.records.items())])

    def of_record(self, name: str) -> str:
        """The hashes of a record, of its table, and of the mark of a row that was run again.

        Args:
            name: Name of the record, which may not be there.
        """
        return " ".join(self.records.get(f"{name}{suffix}", "") for suffix in (".json", ".csv", MARK))


def hashes_of(root: Path, dataset: str) -> Hashes | None:
    """Hash every file that a dataset's page follows from.

    Args:
        root: The folder of the leaderboards.
        dataset: Its name.

    Returns:
        The hashes; None where a file can't be read.
    """
    paths = sorted((root / "records" / dataset).glob("*.json"))
    marks = sorted(marks_folder(root, dataset).glob("*.json"))
    audit = [root / "audits" / f"{dataset}{suffix}" for suffix in (".json", ".csv")]
    try:
        records = {one.name: _sha256(one) for path in paths for one in (path, path.with_suffix(".csv"))}
        records |= {f"{path.stem}{MARK}": _sha256(path) for path in marks}
        return Hashes(dataset, records, {path.name: _sha256(path) for path in audit})
    except OSError:
        return None


def is_current(root: Path, dataset: str, hashes: Hashes | None) -> bool:
    """Whether the page is the one that was written of exactly these files by this code.

    Args:
        root: The folder of the leaderboards.
        dataset: Its name.
        hashes: Of the files.
    """
    try:
        known = json.loads(_place(root, dataset).read_text(encoding="utf-8"))
        return hashes is not None and known == {"inputs": hashes.page, "page": file_sha256(root / f"{dataset}.md")}
    except (OSError, ValueError, RecursionError):
        return False


def was_written(root: Path, dataset: str) -> bool:
    """Whether the page was written of the files that are there; no file is hashed where nothing is known of a page.

    Args:
        root: The folder of the leaderboards.
        dataset: Its name.
    """
    return _place(root, dataset).is_file() and is_current(root, dataset, hashes_of(root, dataset))


def remember(root: Path, dataset: str, hashes: Hashes | None, text: str) -> None:
    """Store of what a page was written.

    Args:
        root: The folder of the leaderboards.
        dataset: Its name.
        hashes: Of the files, before the records were read.
        text: The page.
    """
    if hashes is None:
        return
    known = {"inputs": hashes.page, "page": hashlib.sha256(text.encode()).hexdigest()}
    with contextlib.suppress(OSError):
        atomic_write_text(_place(root, dataset), json.dumps(known))


@cache
def code_digest() -> str:
    """Hash of polybench's sources for pages and of the printed numbers, and of the versions of what pages need."""
    folder = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for path in sorted(path for part in ("core", "results") for path in (folder / part).rglob("*.*")):
        if path.suffix in (".py", ".j2", ".csv"):
            digest.update(f"{path.relative_to(folder).as_posix()} {file_sha256(path)}\n".encode())
    versions = {name: version(name) for name in _LIBRARIES} | {"polybench": __version__, "python": sys.version}
    digest.update(json.dumps(versions, sort_keys=True).encode())
    return digest.hexdigest()


def _digest(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "nothing"


def _place(root: Path, dataset: str) -> Path:
    return root / FOLDER / f"{dataset}.json"
