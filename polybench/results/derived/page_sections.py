"""Sections of a page with further numbers of its ranked rows, which follow from their stored rows."""

from collections.abc import Iterable, Mapping, Sequence

from polybench.results.derived.audit_sections import by_object_size, without_near_duplicates
from polybench.results.derived.audited import duplicates_of
from polybench.results.derived.audits import Audit
from polybench.results.derived.calibration import ERRORS, Calibration, ReliabilityBin
from polybench.results.derived.cells import estimate_cell
from polybench.results.derived.row_numbers import Numbers
from polybench.results.derived.section_rows import Cells, RankedRow, section
from polybench.results.derived.seeds import Estimate, Key
from polybench.results.derived.surface import TOLERANCES
from polybench.results.derived.vessels import METRICS
from polybench.results.table import Row
from polybench.results.tables import MISSING, Cell, Column, Number, Table, joined

_ERROR_TITLES = ("ECE", "ECE of the confidence", "Brier")
_CALIBRATION = (
    "Expected calibration error over ten bins of the foreground probability, and of the probability of the predicted "
    "class; Brier score. First over all {unit} together{means}. Lower is better; the interval of an error near 0 lies "
    "rather too high."
)
_RELIABILITY = (
    "Mean foreground probability, then the share of foreground, in each of ten bins of the probability, over all "
    "{unit} and seeds: a calibrated net has the same number twice."
)
_SURFACE = (
    "Normalised surface distance (Nikolov et al., JMIR 2021), the mean over images: the share of both outlines within "
    "so many pixels, at native size, of the other outline. 1 where neither mask has an outline, 0 where one has none."
)
_VESSELS = (
    "As papers on vessels count: the pixels of all images together, inside the field of view, at 0.5. Compare such "
    "numbers with these; the table that ranks has means over images."
)


def derived_sections(
    rows: Sequence[tuple[Cell, Row]], protocol: str, audit: Audit | None, numbers: Numbers
) -> tuple[Table, ...]:
    """The sections of a group of images; those of which no row stores what is needed are left out.

    Args:
        rows: What to call a ranked row, and the row.
        protocol: `name@version` of the protocol that ranks them.
        audit: The audit of the dataset; None where there is none.
        numbers: Numbers of rows that are known.
    """
    ranked = [RankedRow(name, row, protocol) for name, row in rows]
    if not ranked:
        return ()
    of_rows = numbers.of(ranked, audit)
    names = [row.name for row in ranked]
    found = (
        *_calibration([(name, of.calibration) for name, of in zip(names, of_rows, strict=True)]),
        _surface([(name, of.surface) for name, of in zip(names, of_rows, strict=True)]),
        by_object_size(ranked, [of.sizes for of in of_rows], audit),
        without_near_duplicates(ranked, [of.duplicates for of in of_rows], duplicates_of(ranked[0], audit)),
        _vessels([(name, of.vessels) for name, of in zip(names, of_rows, strict=True)]),
    )
    return tuple(table for table in found if table is not None)


def _calibration(made: Sequence[tuple[Cell, Calibration | None]]) -> list[Table | None]:
    """Errors, and the bins of the reliability diagram."""
    known = [found for _, found in made if found is not None]
    if not known:
        return []
    unit = known[0].unit
    images = known[0].images is not None
    groups = any(found.pixels["ece"].groups < found.pixels["ece"].n for found in known)
    ways = [f"all {unit}", *["mean over images"] * images, *["mean over groups"] * groups]
    columns = [Column(f"{title}, {way}", "right") for title in _ERROR_TITLES for way in ways]
    means = "".join(f", then the {way} of that of their {unit}" for way in ways[1:])
    bins = [Column(f"{one.low:g}\N{EN DASH}{one.high:g}", "right") for one in known[0].reliability]
    return [
        section(
            "Calibration",
            columns,
            ((name, None if found is None else _errors(found, images, groups)) for name, found in made),
            [_CALIBRATION.format(unit=unit, means=means)],
        ),
        section(
            "Reliability",
            bins,
            ((name, None if found is None else tuple(map(_bin, found.reliability))) for name, found in made),
            [_RELIABILITY.format(unit=unit)],
        ),
    ]


def _errors(found: Calibration, images: bool, groups: bool) -> Cells:
    ways = [found.pixels, *[found.images or {}] * images, *[found.groups] * groups]
    return tuple(estimate_cell(way.get(error)) for error in ERRORS for way in ways)


def _bin(one: ReliabilityBin) -> Cell:
    if one.probability is None or one.share is None:
        return MISSING
    return joined((Number(one.probability, 3), Number(one.share, 3)), ", ")


def _surface(rows: Sequence[tuple[Cell, Mapping[int, Estimate] | None]]) -> Table | None:
    columns = [Column(f"Within {tolerance} px", "right", "higher") for tolerance in TOLERANCES]
    lines = [(name, _cells(of, TOLERANCES)) for name, of in rows]
    return section("Surface distance", columns, lines, [_SURFACE])


def _vessels(rows: Sequence[tuple[Cell, Mapping[str, Estimate] | None]]) -> Table | None:
    columns = [Column(name.capitalize(), "right", "higher") for name in METRICS]
    lines = [(name, _cells(of, METRICS)) for name, of in rows]
    return section("One confusion matrix inside the field of view", columns, lines, [_VESSELS])


def _cells(found: Mapping[Key, Estimate] | None, keys: Iterable[Key]) -> Cells | None:
    return None if found is None else tuple(estimate_cell(found[key]) for key in keys)
