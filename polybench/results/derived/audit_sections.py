"""Sections of a page that need the audit of the dataset: by object size, and without near-duplicates."""

from collections.abc import Sequence

from polybench.core.wording import counted
from polybench.results.derived.audited import Part, audited
from polybench.results.derived.audits import Audit
from polybench.results.derived.cells import estimate_cell, worst_cell
from polybench.results.derived.near_duplicates import WithoutDuplicates
from polybench.results.derived.section_rows import Cells, RankedRow, section
from polybench.results.derived.strata import Stratum
from polybench.results.readings import title
from polybench.results.tables import Cell, Column, Count, Table


def by_object_size(
    rows: Sequence[RankedRow], found: Sequence[tuple[Stratum, ...]], audit: Audit | None
) -> Table | None:
    """The metric that ranks, by the size of the largest object.

    Args:
        rows: Ranked rows of one group of images, at least one.
        found: Of each row, the strata of `size_strata`.
        audit: The audit of the dataset; None where there is none.
    """
    parts = audited(rows[0], audit)
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


def without_near_duplicates(
    rows: Sequence[RankedRow], rests: Sequence[WithoutDuplicates | None], found: frozenset[str] | None
) -> Table | None:
    """The metric that ranks, without test images that have a near-duplicate in training.

    Args:
        rows: Ranked rows of one group of images, at least one.
        rests: Of each row, the metric with and without these images.
        found: The images; None where the audit says nothing of them.
    """
    if found is None:
        return None
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
    lines = ((row.name, _rest(rest)) for row, rest in zip(rows, rests, strict=True))
    return section("Without near-duplicates", columns, lines, [note])


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


def _rest(found: WithoutDuplicates | None) -> Cells | None:
    if found is None:
        return None
    return (estimate_cell(found.every), estimate_cell(found.rest), Count(found.left))
