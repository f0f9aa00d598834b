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
IN_WORDS = {
    "identical": "identical",
    "within seeds": "no more than seeds of the row are apart",
    "not told apart": "which can't be told from no difference",
    "differs": "so that the number did not come out",
}
VERDICTS = frozenset(IN_WORDS)


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

    Raises:
        ValueError: If a value can't be one of these.
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

    def __post_init__(self) -> None:
        if self.verdict not in VERDICTS:
            raise ValueError(f"There is no verdict '{self.verdict}'.")

    def sentence(self) -> str:
        """The mark in a sentence."""
        ends = "" if self.low is None or self.high is None else f" [{self.low:+.4f}, {self.high:+.4f}]"
        what = "run" if self.what == "training" else "tested"
        found = (
            "every value of every image came out"
            if self.verdict == "identical"
            else f"{self.metric} {self.difference:+.4f}{ends}, {IN_WORDS[self.verdict]}"
        )
        changed = f" ({' '.join(self.changed)})" if self.changed else ""
        return f"{what} on {self.date}, {self.device}: {found}{changed}"


def marks_folder(root: Path, dataset: str) -> Path:
    """The folder of the marks of a dataset's records.

    Args:
        root: The folder of the leaderboards.
        dataset: The dataset.
    """
    return root / FOLDER / dataset


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
    path = marks_folder(root, dataset) / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_write_text(path, json.dumps(asdict(mark), indent=2, ensure_ascii=False) + "\n")
    return path


def mark_of(stored: StoredRecord) -> Mark | None:
    """The mark of a record in its leaderboard; None where it has none, or one of another record's content.

    Raises:
        DataError: If the mark's file can't be read.
    """
    path = marks_folder(stored.path.parents[2], stored.path.parent.name) / stored.path.name
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        mark = Mark(**{**content, "changed": tuple(content.get("changed", ()))})
    except (OSError, ValueError, TypeError) as error:
        raise DataError(f"'{path}' is no mark of polybench reproduce: remove it, or run that again.") from error
    return mark if mark.record_sha256 == file_sha256(stored.path) else None
