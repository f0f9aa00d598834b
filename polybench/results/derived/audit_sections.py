"""Sections of a page that need the audit of the dataset: by object size, and without near-duplicates."""

from collections.abc import Sequence

from polybench.core.wording import counted
from polybench.results.derived.audits import Audit, SplitAudit
from polybench.results.derived.cells import estimate_cell, worst_cell
from polybench.results.derived.near_duplicates import WithoutDuplicates, without_duplicates_of
from polybench.results.derived.object_size import NO_OBJECT, SIZES, size_labels
from polybench.results.derived.section_rows import Cells, RankedRow, section
from polybench.results.derived.strata import Stratum, strata_of
from polybench.results.folds import parts_of
from polybench.results.readings import title
from polybench.results.record import StoredRecord
from polybench.results.tables import Cell, Column, Count, Table

Part = tuple[StoredRecord, SplitAudit]
"""The run of a row's first seed, or that of one of its folds, and what the audit says of its split."""


def by_object_size(rows: Sequence[RankedRow], audit: Audit | None) -> Table | None:
    """The metric that ranks, by the size of the largest object.

    Args:
        rows: Ranked rows of one group of images, at least one.
        audit: The audit of the dataset; None where there is none.
    """
    parts = _parts(rows[0], audit)
    found = _strata(rows, audit)
    known = [of_row for of_row in found if of_row]
    if not known:
        return None
    strata_named = {one.name: one for one in known[0]}
    columns = [
        Column(f"{name[0].upper()}{name[1:]}", "right", remark=_counts(one)) for name, one in strata_named.items()
    ]
    lone = all(one.worst.n == 1 and one.mean.groups == one.mean.n for one in known[0])
    worst = Column("Worst image" if lone else "Worst group")
    lines = (
        (row.name, _sizes(of_row, list(strata_named)) if of_row else None)
        for row, of_row in zip(rows, found, strict=True)
    )
    return section("By object size", [*columns, worst], lines, [_sizes_note(rows[0], parts)])


def without_near_duplicates(rows: Sequence[RankedRow], audit: Audit | None) -> Table | None:
    """The metric that ranks, without test images that have a near-duplicate in training.

    Args:
        rows: Ranked rows of one group of images, at least one.
        audit: The audit of the dataset; None where there is none.
    """
    parts = _parts(rows[0], audit)
    if not parts:
        return None
    found = _duplicates(parts)
    metric, n = title(rows[0].row.layout.headline), len(rows[0].seeds.ids)
    columns = [
        Column(f"{metric}, all images", "right"),
        Column(f"{metric}, without near-duplicates", "right"),
        Column("Images left", "right"),
    ]
    note = (
        f"The audit found {len(found) or 'none'} of {counted(n, 'test image')} to be the same picture as a training "
        "image, or nearly the same: re-encoded, resized, recoloured, cropped a little, turned or mirrored."
    )
    if not found:
        return Table((Column("Recipe"), *columns), (), "Without near-duplicates", (note,))
    rests = without_duplicates_of([row.seeds for row in rows], rows[0].metric, found)
    lines = ((row.name, _rest(rest)) for row, rest in zip(rows, rests, strict=True))
    return section("Without near-duplicates", columns, lines, [note])


def _parts(row: RankedRow, audit: Audit | None) -> list[Part]:
    """The folds, or the one run, of a row's first seed; empty where the audit lacks one, and for patches."""
    runs = parts_of(row.row.first)
    if audit is None or any(run.record.dataset.patches_sha256 for run in runs):
        return []
    found = [(run, audit.of(run.record.dataset)) for run in runs]
    known = [(run, split) for run, split in found if split is not None]
    return known if len(known) == len(found) else []


def _strata(rows: Sequence[RankedRow], audit: Audit | None) -> list[tuple[Stratum, ...]]:
    """Strata of each row, each fold's images by the cuts of that fold, and a last one of all images; else empty."""
    labels = [_labels(row, _parts(row, audit)) for row in rows]
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


def _sizes(found: Sequence[Stratum], names: Sequence[str]) -> Cells:
    means = {one.name: one.mean for one in found}
    return *(estimate_cell(means.get(name)) for name in names), worst_cell(found[-1].worst)


def _counts(stratum: Stratum) -> str:
    """Such as `(40 images)`, or `(40 images in 3 groups)`."""
    n, groups = stratum.mean.n, stratum.mean.groups
    of_groups = f" in {counted(groups, 'group')}" if groups < n else ""
    return f"({counted(n, 'image')}{of_groups})"


def _sizes_note(row: RankedRow, parts: Sequence[Part]) -> Cell:
    cuts = [split.size_cuts for _, split in parts if split.size_cuts]
    low, high = (_between([cut[place] for cut in cuts]) for place in (0, 1))
    of_folds = ", each fold by its own" if len(cuts) > 1 else ""
    return (
        f"{title(row.row.layout.headline)} by the share of the image that its largest object covers: small is below "
        f"{low}, large from {high}, the terciles of the training images{of_folds}."
    )


def _between(shares: Sequence[float]) -> str:
    ends = dict.fromkeys(f"{100 * share:.3g}" for share in (min(shares), max(shares)))
    return "\N{EN DASH}".join(ends) + " %"


def _duplicates(parts: Sequence[Part]) -> set[str]:
    """Test images with a near-duplicate in the training part of their own split."""
    return {one for run, split in parts for one in set(run.images.ids) & split.near_duplicates}


def _rest(found: WithoutDuplicates | None) -> Cells | None:
    if found is None:
        return None
    return (estimate_cell(found.every), estimate_cell(found.rest), Count(found.left))
