"""Notes below a table: small samples, other copies of the images, uncommitted code, repeated runs."""

from collections.abc import Mapping, Sequence

from polybench.results.fact_parts import SELECTS_ON_TEST
from polybench.results.facts import GENERATED, KINDS_OF_COPY, UNCHECKED, UNOFFICIAL, DatasetFacts
from polybench.results.methods import altering, part_anchor
from polybench.results.quantities import fraction
from polybench.results.readings import title
from polybench.results.statistics.intervals import caution
from polybench.results.table import Row
from polybench.results.tables import Cell, Code, Link, Text, joined
from polybench.results.view import label

_SHOWN_IDS = 10
_EARLIER_IDENTITY = (
    "Rows of identity 1 are not ranked: they were recorded when rows were identified by their configuration alone, "
    "which leaves out some of what affects the weights, such as the checkpoint that a run started from. They are "
    "listed until they are run again."
)
_ALTERED = "Another test of a net that is trained in its own row."
_SELECTED = (
    "Epochs, and all else that validation chooses, were chosen on the test images, as some papers do: the numbers are "
    "too high, and those of other splits can't be compared with them."
)
_TRAINERS = ("torch", "lightning")
"""Packages whose version may change a number without changing a row's identity."""
_OF_COPIES = {
    UNOFFICIAL: "The images are not the official copy: numbers from the official one may differ.",
    KINDS_OF_COPY[UNCHECKED]: "Whether the images are the official ones, byte for byte, is not known: numbers from the "
    "official copy may differ.",
    KINDS_OF_COPY[GENERATED]: "The images are generated: the numbers say nothing about real ones.",
}
"""What a copy is -> what follows for its numbers."""


def table_notes(dataset: DatasetFacts, rows: Sequence[Row], protocol: str) -> list[Cell]:
    """Notes that hold for all rows of a table.

    Args:
        dataset: The images that all rows share.
        rows: The table's rows.
        protocol: The table's protocol.
    """
    scores = rows[0].first.record.metrics[protocol]
    notes: list[Cell] = []
    few = caution(scores.n, scores.groups, rows[0].layout.what)
    if few is not None:
        notes.append(Text(few, "strong"))
    if dataset.split.startswith(SELECTS_ON_TEST):
        notes.append(Text(_SELECTED, "strong"))
    if dataset.group_disjoint is False:
        notes.append(Text("Groups (videos, patients) are in more than one subset of the split.", "strong"))
    if dataset.copy in _OF_COPIES:
        notes.append(_OF_COPIES[dataset.copy])
    if dataset.missing:
        shown = joined([Code(name) for name in dataset.missing[:_SHOWN_IDS]], ", ")
        more = f" and {len(dataset.missing) - _SHOWN_IDS} more" if len(dataset.missing) > _SHOWN_IDS else ""
        lacks = f"The copy lacks {len(dataset.missing)} image(s) of the split:"
        notes.append(joined((lacks, joined((shown, f"{more}."), ""))))
    if any(row.identity is None and row.first.record.kind == "trained" for row in rows):
        notes.append(_EARLIER_IDENTITY)
    return notes


def baseline_note(rows: Sequence[Row], baselines: Sequence[Row]) -> list[Cell]:
    """Name the rows that score no higher than the best baseline, on the same images.

    Args:
        rows: The trained rows of a table.
        baselines: Its baselines.
    """
    scored = [(row.headline, row) for row in baselines if row.headline is not None]
    if not scored:
        return []
    best, baseline = max(scored, key=lambda one: one[0].goodness)
    lower = [row for row in rows if row.headline is not None and row.headline.goodness <= best.goodness]
    if not lower:
        return []
    named = joined([Link(label(row.first.record, ()), anchor=row.anchor) for row in lower], ", ")
    says = f"{'scores' if len(lower) == 1 else 'score'} no better than"
    return [joined((named, says, label(baseline.first.record, ()), f"({fraction(best.value)}), which learns nothing."))]


def versions_of_nets(table: Sequence[Row]) -> dict[str | None, set[str]]:
    """Class path of each net of a table -> its versions."""
    found: dict[str | None, set[str]] = {}
    for row in table:
        found.setdefault(_net(row), set()).update(_net_versions(row))
    return found


def row_notes(row: Row, versions: Mapping[str | None, set[str]], place: str) -> list[Cell]:
    """Notes that hold for one row; equal notes are equal cells.

    Args:
        row: The row.
        versions: Of `versions_of_nets`, for all rows of its table.
        place: Digits that identify the group of images, for the anchors.
    """
    notes: list[Cell] = []
    if any(run.record.provenance.git_commit is None for run in row.every_part):
        notes.append("The commit of the code is unknown.")
    if any(run.record.provenance.dirty for run in row.every_part):
        notes.append("Run with uncommitted changes: the commit alone does not reproduce this row.")
    if len(versions[_net(row)]) > 1:
        own = ", ".join(sorted(_net_versions(row)))
        notes.append(f"Net version {own}; other rows with this net have another version.")
    notes += _mixed_versions(row)
    if row.headline is None:
        notes.append(f"Not ranked: {title(row.layout.headline)} is not defined for its {row.layout.what}.")
    notes += _methods(row, place)
    if row.repeats is not None:
        difference = fraction(row.repeats.difference)
        score = title(row.layout.headline)
        fold = " and fold" if len(row.parts) > len(row.runs) else ""
        counted = f"only the first run of a seed{fold} is counted"
        notes.append(f"Re-run {row.repeats.runs}x, max |Δ {score}| = {difference}; {counted}.")
    return notes


def _methods(row: Row, place: str) -> list[Cell]:
    """What methods changed of the test."""
    notes = []
    for section in altering(row.first.record):
        what = f"{section.row_note or _ALTERED} Details:"
        link = Link(section.title, anchor=part_anchor(section, place)) if section.rows else section.title
        notes.append(joined((what, joined((link, "."), ""))))
    return notes


def _mixed_versions(row: Row) -> list[Cell]:
    """Which packages that train differ between the seeds of a row."""
    notes: list[Cell] = []
    for package in _TRAINERS:
        versions = sorted({part.record.provenance.versions.get(package, "unknown") for part in row.parts})
        if len(versions) > 1:
            runs = "seeds and folds" if len(row.parts) > len(row.runs) else "seeds"
            notes.append(f"Its {runs} mix versions of {package}: {', '.join(versions)}.")
    return notes


def _net(row: Row) -> str | None:
    return row.first.record.net.class_path if row.first.record.net else None


def _net_versions(row: Row) -> set[str]:
    return {run.record.net.version for run in row.runs if run.record.net}
