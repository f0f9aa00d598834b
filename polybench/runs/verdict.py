"""What a second run says of a record: identical, as near as another seed, not to be told apart, or different."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from polybench.core.checksum import file_sha256
from polybench.core.errors import DataError
from polybench.results.comparison import ScoredRun, aligned, scored_run, sign_of
from polybench.results.headline import headline
from polybench.results.image_rows import Values
from polybench.results.record import StoredRecord, read_records
from polybench.results.statistics.bootstrap import Ends
from polybench.results.statistics.intervals import column
from polybench.results.statistics.pairs import pairs_of
from polybench.results.table import row_key
from polybench.results.verified import Mark

FIRST, AGAIN = "record", "again"


@dataclass(frozen=True)
class Verdict:
    """How the numbers of a second run compare with those of a record.

    Attributes:
        kind: `another training` where what was run is no run of the record's row today; `identical` where every value
            of every image is the same; `within seeds` where the headline differs by no more than two seeds of the row
            do; `not told apart` where the interval of the difference holds 0; otherwise `differs`.
        metric: What is compared, such as `per_image@2/dice`.
        recorded: The number of the record.
        found: The number of the second run.
        difference: Second run minus record, a mean over the images.
        ends: Its 95 % interval; None with a single group of images.
        seeds: The largest difference between two seeds of the row; None with a single seed.
        changed: What is other than it was, a sentence each.
    """

    kind: str
    metric: str
    recorded: float
    found: float
    difference: float
    ends: Ends | None
    seeds: float | None
    changed: tuple[str, ...]

    @property
    def reproduced(self) -> bool:
        """Whether the record's number came out, as far as can be told."""
        return self.kind not in ("differs", "another training")

    def sentence(self) -> str:
        """The verdict in a sentence."""
        numbers = f"{self.metric} is {self.found:.4f}, in the record {self.recorded:.4f}"
        if self.kind == "identical":
            return f"Identical: {numbers}, and every value of every image is the same."
        interval = "" if self.ends is None else f" [{self.ends.low:+.4f}, {self.ends.high:+.4f}]"
        moved = f"paired difference {self.difference:+.4f}{interval}"
        if self.kind == "another training":
            return f"Another training: what was run is no run of this row today. {numbers}; {moved}."
        if self.kind == "within seeds":
            return f"Within seeds: {numbers}; {moved}, and seeds of the row are up to {self.seeds:.4f} apart."
        spread = "" if self.seeds is None else f", and seeds of the row are up to {self.seeds:.4f} apart"
        if self.kind == "not told apart":
            return f"Not told apart: {numbers}; {moved}{spread}."
        return f"Differs: {numbers}; {moved}{spread}."


@dataclass(frozen=True)
class SecondRun:
    """What a second run gave.

    Attributes:
        scores: Its scores of the test images.
        device: Kind of machine.
        changed: What was other than in the record's run, a sentence each.
        same: Whether it is a run of the record's row.
        date: The day on which it ended, `2026-11-30`.
    """

    scores: ScoredRun
    device: str
    changed: tuple[str, ...]
    same: bool = True
    date: str = ""


def compared(stored: StoredRecord, second: SecondRun, root: Path) -> Verdict:
    """Compare a second run with a record, image by image.

    Args:
        stored: The record.
        second: The second run.
        root: The leaderboard of the record, with the other seeds of its row.

    Raises:
        DataError: If other images were tested, or there is no number to compare.
    """
    first, again = scored_run(stored), second.scores
    key, metric = headline(stored.record)
    if key not in again.metrics:
        raise DataError(f"The second run has no scores under the record's {key}: its version has changed.")
    scores = first.metrics[key]
    found = aligned({AGAIN: [again], FIRST: [first]}, key, metric)
    if found is None:
        raise DataError(f"The per-image tables don't determine {metric} of {key}.")
    (pair,) = pairs_of(found)
    recorded, value = scores.values[metric].value, again.metrics[key].values[metric].value
    seeds = _between_seeds(stored, root, key, metric)
    if not second.same:
        kind = "another training"
    elif _identical(first, again):
        kind = "identical"
    elif seeds is not None and abs(recorded - value) <= seeds:
        kind = "within seeds"
    elif pair.ends is not None and pair.ends.low <= 0 <= pair.ends.high:
        kind = "not told apart"
    else:
        kind = "differs"
    sign = sign_of(scores.values[metric].direction)
    ends = None if pair.ends is None else Ends(*sorted(sign * end for end in pair.ends))
    return Verdict(kind, column(key, metric), recorded, value, sign * pair.difference, ends, seeds, second.changed)


def mark_for(stored: StoredRecord, verdict: Verdict, second: SecondRun, what: str) -> Mark:
    """The mark that stands for a verdict.

    Args:
        stored: The record.
        verdict: The verdict.
        second: The second run.
        what: `training` or `test`.
    """
    low, high = verdict.ends if verdict.ends is not None else (None, None)
    return Mark(
        record_sha256=file_sha256(stored.path),
        date=second.date,
        what=what,
        verdict=verdict.kind,
        metric=verdict.metric,
        difference=verdict.difference,
        low=low,
        high=high,
        device=second.device,
        changed=second.changed,
    )


def _identical(first: ScoredRun, again: ScoredRun) -> bool:
    """Whether both tables have the same values, as files hold them, in the columns that both have."""
    if first.table.ids != again.table.ids:
        return False
    shared = [name for name in first.table.columns if name in set(again.table.columns)]
    return bool(shared) and all(_written(first.table[name]) == _written(again.table[name]) for name in shared)


def _written(values: Values) -> list[str]:
    """Values with the six digits that a table has."""
    return [f"{value:.6g}" for value in np.asarray(values, dtype=float)]


def _between_seeds(stored: StoredRecord, root: Path, key: str, metric: str) -> float | None:
    """The largest difference between two seeds of a row."""
    others = [one.record for one in read_records(root, stored.record.dataset.name)] if root.is_dir() else []
    values = {
        record.seed: record.metrics[key].values[metric].value
        for record in others
        if record.kind == "trained" and row_key(record) == row_key(stored.record) and key in record.metrics
    }
    return max(values.values()) - min(values.values()) if len(values) > 1 else None
