"""Marks of rows that were run again: what came out, when, and on what kind of machine.

`root/verified/<dataset>/<record>.json` belongs to the record of its name and hash; one of another content says nothing.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from polybench.core.atomic import atomic_write_text
from polybench.core.checksum import file_sha256
from polybench.core.errors import DataError
from polybench.results.record import StoredRecord

FOLDER = "verified"


@dataclass(frozen=True)
class Mark:
    """A row that was run again.

    Attributes:
        record_sha256: Hash of the record's file.
        date: The day on which it was run again, `2026-11-30`.
        what: `training` and test, or the `test` of a checkpoint alone.
        verdict: `identical`, `within seeds`, `not told apart` or `differs`.
        metric: What was compared, `protocol@version/metric`.
        difference: Second run minus record, a mean over the images.
        low: Lower end of its 95 % interval; None with a single group of images.
        high: Upper end.
        device: Kind of machine of the second run.
        changed: What was other than in the record's run, a sentence each.
    """

    record_sha256: str
    date: str
    what: str
    verdict: str
    metric: str
    difference: float
    low: float | None
    high: float | None
    device: str
    changed: tuple[str, ...] = ()


def write_mark(root: Path, dataset: str, name: str, mark: Mark) -> Path:
    """Write the mark of a record, in place of an earlier one.

    Args:
        root: The folder of the leaderboards.
        dataset: The record's dataset.
        name: The record's name.
        mark: The mark.

    Raises:
        WriteError: If the file can't be written.
    """
    path = root / FOLDER / dataset / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_write_text(path, json.dumps(asdict(mark), indent=2, ensure_ascii=False) + "\n")
    return path


def mark_of(stored: StoredRecord) -> Mark | None:
    """The mark of a record in its leaderboard; None where it has none, or one of another record's content.

    Raises:
        DataError: If the mark's file can't be read.
    """
    path = stored.path.parents[2] / FOLDER / stored.path.parent.name / stored.path.name
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        mark = Mark(**{**content, "changed": tuple(content.get("changed", ()))})
    except (OSError, ValueError, TypeError) as error:
        raise DataError(f"'{path}' is no mark of polybench reproduce: remove it, or run that again.") from error
    return mark if mark.record_sha256 == file_sha256(stored.path) else None
