"""Numbers of ranked rows that follow from their stored rows: of all rows at once, but for those known from before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from polybench.results.derived.audited import duplicates_of, size_strata
from polybench.results.derived.audits import Audit
from polybench.results.derived.calibration import Calibration, calibrations
from polybench.results.derived.near_duplicates import WithoutDuplicates, without_duplicates_of
from polybench.results.derived.section_rows import RankedRow
from polybench.results.derived.seeds import Estimate
from polybench.results.derived.strata import Stratum
from polybench.results.derived.surface import surface_distances
from polybench.results.derived.vessels import vessel_scores_of


@dataclass(frozen=True)
class RowNumbers:
    """Numbers of a row.

    Attributes:
        calibration: Its calibration; None, as the next ones, where its tables don't store what is needed.
        surface: Tolerance in pixels -> surface distance.
        sizes: The metric that ranks by object size; empty where its tables or the audit don't have sizes.
        duplicates: The same without near-duplicates; None too where there are none.
        vessels: Scores of one confusion matrix, where the protocol counts inside the field of view.
    """

    calibration: Calibration | None
    surface: dict[int, Estimate] | None
    sizes: tuple[Stratum, ...]
    duplicates: WithoutDuplicates | None
    vessels: dict[str, Estimate] | None


class Numbers:
    """Numbers of rows that were computed before.

    Args:
        known: Hash of what a row's numbers follow from -> the numbers.

    Attributes:
        used: The numbers of the rows that were asked for.
    """

    def __init__(self, known: Mapping[str, RowNumbers] | None = None) -> None:
        self._known = known or {}
        self.used: dict[str, RowNumbers] = {}

    def of(self, rows: Sequence[RankedRow], audit: Audit | None) -> list[RowNumbers]:
        """The numbers of some rows.

        Args:
            rows: Ranked rows of one group of images, at least one.
            audit: The audit of the dataset; None where there is none.
        """
        duplicates = duplicates_of(rows[0], audit) or frozenset()
        keys = [_key(row, duplicates) for row in rows]
        lacking = [row for row, key in zip(rows, keys, strict=True) if key not in self._known]
        computed = iter(_computed(lacking, audit, duplicates) if lacking else [])
        found = [self._known[key] if key in self._known else next(computed) for key in keys]
        self.used |= {key: numbers for key, numbers in zip(keys, found, strict=True) if key}
        return found


def _computed(rows: Sequence[RankedRow], audit: Audit | None, duplicates: frozenset[str]) -> list[RowNumbers]:
    seeds, protocol, metric = [row.seeds for row in rows], rows[0].protocol, rows[0].metric
    nothing = [None] * len(rows)
    columns = (
        calibrations(seeds),
        surface_distances(seeds),
        size_strata(rows, audit),
        without_duplicates_of(seeds, metric, duplicates) if duplicates else nothing,
        vessel_scores_of(seeds, protocol) if protocol.partition("@")[0] == "fov" else nothing,
    )
    return [RowNumbers(*of_row) for of_row in zip(*columns, strict=True)]


def _key(row: RankedRow, duplicates: frozenset[str]) -> str:
    """Hash of what a row's numbers follow from, besides code and audit; empty where its tables have no hashes."""
    tables = [run.record.table_sha256 for run in row.row.runs]
    if None in tables:  # folds that are pooled, and records of earlier versions
        return ""
    direction = row.row.headline.direction if row.row.headline else None
    images = (row.row.first.record.dataset, sorted(duplicates))
    return sha256(repr((row.metric, direction, images, tables)).encode()).hexdigest()
