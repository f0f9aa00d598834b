"""Numbers of ranked rows that need the audit of the dataset: by object size, and without near-duplicates."""

from collections.abc import Sequence

from polybench.results.derived.audits import Audit, SplitAudit
from polybench.results.derived.object_size import NO_OBJECT, SIZES, size_labels
from polybench.results.derived.section_rows import RankedRow
from polybench.results.derived.strata import Stratum, strata_of
from polybench.results.folds import parts_of
from polybench.results.record import StoredRecord

Part = tuple[StoredRecord, SplitAudit]
"""The run of a row's first seed, or that of one of its folds, and what the audit says of its split."""


def audited(row: RankedRow, audit: Audit | None) -> list[Part]:
    """The folds, or the one run, of a row's first seed; empty where the audit lacks one, and for patches."""
    runs = parts_of(row.row.first)
    if audit is None or any(run.record.dataset.patches_sha256 for run in runs):
        return []
    found = [(run, audit.of(run.record.dataset)) for run in runs]
    known = [(run, split) for run, split in found if split is not None]
    return known if len(known) == len(found) else []


def duplicates_of(row: RankedRow, audit: Audit | None) -> frozenset[str] | None:
    """Test images of a row with a near-duplicate in the training part of their own split; None without an audit."""
    parts = audited(row, audit)
    if not parts:
        return None
    return frozenset(one for run, split in parts for one in set(run.images.ids) & split.near_duplicates)


def size_strata(rows: Sequence[RankedRow], audit: Audit | None) -> list[tuple[Stratum, ...]]:
    """Strata of each row, each fold's images by the cuts of that fold, and a last one of all images; else empty."""
    labels = [_labels(row, audited(row, audit)) for row in rows]
    known = [place for place, of_row in enumerate(labels) if of_row]
    found: list[tuple[Stratum, ...]] = [()] * len(rows)
    if known:
        first, seeds = rows[known[0]], [rows[place].seeds for place in known]
        direction = first.row.headline.direction if first.row.headline else "higher"
        by_size = [labels[place] for place in known]
        every = [dict.fromkeys(of_row, "all") for of_row in by_size]
        of_sizes = strata_of(seeds, first.metric, by_size, order=(*SIZES, NO_OBJECT), direction=direction)
        of_all = strata_of(seeds, first.metric, every, direction=direction)
        for place, *parts in zip(known, of_sizes, of_all, strict=True):
            found[place] = (*parts[0], *parts[1])
    return found


def _labels(row: RankedRow, parts: Sequence[Part]) -> dict[str, str]:
    """Image id -> its size; empty where a row doesn't have what is needed."""
    labels: dict[str, str] = {}
    if row.row.headline is None or not row.seeds.have([row.metric]):
        return labels
    for run, split in parts:
        found = size_labels(run.images, split.size_cuts) if split.size_cuts else None
        if found is None:
            return {}
        labels |= found
    return labels
