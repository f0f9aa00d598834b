"""The part of a study's page on traced interfaces, from its records alone: box plots and p values.

Paper: Tajbakhsh et al., IEEE TMI 2016, section IV-D, Figure 9 and Table S4.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple, cast

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from polybench.results.facts import GENERATED
from polybench.results.image_rows import Values
from polybench.results.record import Record
from polybench.results.statistics.multiple import holm
from polybench.results.statistics.wilcoxon import least_p, paired_wilcoxon
from polybench.results.tables import MISSING, Cell, Column, Number, Table
from polybench.runs.finetune_runs import StudyRuns

SECTION = "interfaces"
"""Key of the section in a record."""

TEXT = """\
Each pixel of a test region is classified by the patch around it; in each column the row of the largest probability is
an interface's, and an open active contour smooths these rows. The error of a region is the mean vertical distance from
the true interface, in pixels, averaged over seeds; its mean and standard deviation are over regions. Boxes are Tukey's:
the quartiles, and whiskers to the last region within 1.5 times their distance. The paper's regions are private, and its
handcrafted competitors have no code."""

FROM_GENERATED = "These regions are generated: the errors say that the study works, and nothing about medicine."

P_VALUES = """\
Two-sided p values of Wilcoxon's signed-rank test on the mean errors of subjects, in the form of the paper's matrix; it
names no test. An asterisk marks those that stay below .05 after Holm's correction over the pairs of an interface."""


class Errors(NamedTuple):
    """Errors of a depth.

    Attributes:
        regions: Region -> its error, the mean over seeds, pixels.
        subjects: Subject -> the mean over its regions.
    """

    regions: dict[str, float]
    subjects: dict[str, float]


def interface_errors(runs: StudyRuns, share: float) -> dict[str, dict[str, Errors]]:
    """Interface -> depth -> its errors; empty where no record has traced interfaces.

    Args:
        runs: The study.
        share: Per cent of the training set.
    """
    found: dict[str, dict[str, Errors]] = {}
    for depth in runs.study.depths:
        for name, errors in _of_seeds([one.record for one in runs.of(depth, share)]).items():
            found.setdefault(name, {})[depth] = errors
    return found


def _of_seeds(records: Sequence[Record]) -> dict[str, Errors]:
    values: dict[str, dict[str, list[float]]] = {}
    subject_of: dict[str, str] = {}
    for record in records:
        section = record.sections.get(SECTION)
        if section is None:
            continue
        names = cast(list[str], section.data["regions"])
        subject_of |= dict(zip(names, cast(list[str], section.data["subjects"]), strict=True))
        for interface, errors in cast(dict[str, list[float]], section.data["errors"]).items():
            for name, error in zip(names, errors, strict=True):
                values.setdefault(interface, {}).setdefault(name, []).append(error)
    found = {}
    for interface, of_regions in values.items():
        regions = {name: float(np.mean(each)) for name, each in of_regions.items()}
        of_subjects: dict[str, list[float]] = {}
        for name, error in regions.items():
            of_subjects.setdefault(subject_of[name], []).append(error)
        found[interface] = Errors(regions, {name: float(np.mean(each)) for name, each in of_subjects.items()})
    return found


def error_table(errors: dict[str, dict[str, Errors]], share: float) -> Table:
    """Mean error of each interface by depth, with the standard deviation over regions."""
    depths = list(dict.fromkeys(depth for found in errors.values() for depth in found))
    columns = (Column("Tuned from"), *(Column(f"{_shown(name)}, pixels", "right", "lower") for name in errors))
    rows: list[tuple[Cell, ...]] = []
    for depth in depths:
        cells = [
            _number(list(found[depth].regions.values())) if depth in found else MISSING for found in errors.values()
        ]
        rows.append((depth, *cells))
    return Table(columns, tuple(rows), title=f"Mean error with {share:g} % of the training set")


def _number(values: Sequence[float]) -> Cell:
    return Number(float(np.mean(values)), 2, float(np.std(values, ddof=1)) if len(values) > 1 else None)


def p_table(interface: str, errors: dict[str, Errors]) -> Table | None:
    """P values of each pair of depths, in the form of Table S4; None with fewer than two depths or subjects.

    Args:
        interface: Its name.
        errors: Depth -> its errors.
    """
    depths = list(errors)
    subjects = sorted(set.intersection(*(set(one.subjects) for one in errors.values())))
    if len(depths) < 2 or len(subjects) < 2:
        return None
    of_depth = {depth: _values(errors[depth], subjects) for depth in depths}
    pairs = list(combinations(depths, 2))
    p = [paired_wilcoxon(of_depth[one], of_depth[other]) for one, other in pairs]
    corrected = holm(np.array(p))
    cells = {
        (other, one): p_text(value) + ("*" if adjusted < 0.05 else "")
        for (one, other), value, adjusted in zip(pairs, p, corrected.tolist(), strict=True)
    }
    rows = tuple((depth, *(cells.get((depth, other), "") for other in depths[:-1])) for depth in depths)
    columns = (Column("Tuned from"), *(Column(depth, "right") for depth in depths[:-1]))
    least = f"{least_p(len(subjects)):.4g}"
    title = f"{_shown(interface)} interface, {len(subjects)} subjects: the smallest possible p is {least}"
    return Table(columns, rows, title=title)


def _values(errors: Errors, subjects: Sequence[str]) -> Values:
    return np.array([errors.subjects[name] for name in subjects])


def p_text(p: float) -> str:
    """A p value as the paper's Table S4 has it.

    Example:
        >>> [p_text(p) for p in (0.00002, 0.0004, 0.03125, 0.5808)]
        ['p<.0001', 'p<.001', 'p<.05', '0.5808']
    """
    return next(
        (f"p<{text}" for limit, text in ((1e-4, ".0001"), (1e-3, ".001"), (0.05, ".05")) if p < limit), f"{p:.4f}"
    )


def box_picture(errors: dict[str, dict[str, Errors]]) -> Figure:
    """Draw Tukey's box plots of the errors of regions, a panel for each interface, a box for each depth.

    Args:
        errors: Interface -> depth -> its errors.
    """
    figure = Figure(figsize=(10, 4), layout="constrained")
    panels = figure.subplots(1, len(errors), squeeze=False)[0]
    for axes, (name, found) in zip(panels, errors.items(), strict=True):
        _boxes(axes, {depth: list(one.regions.values()) for depth, one in found.items()})
        axes.set_title(f"{_shown(name)} interface", fontsize=10)
        axes.set_ylabel("mean error of a region, pixels")
    return figure


def _boxes(axes: Axes, values: dict[str, list[float]]) -> None:
    """Boxes, with mean and standard deviation above each."""
    axes.boxplot(list(values.values()), whis=1.5, showmeans=True)
    axes.set_xticks(range(1, len(values) + 1), list(values), rotation=30, ha="right")
    axes.set_yscale("log")
    axes.grid(axis="y", alpha=0.3)
    for place, each in enumerate(values.values(), start=1):
        spread = f"\n± {np.std(each, ddof=1):.2f}" if len(each) > 1 else ""
        text = f"{np.mean(each):.2f}{spread}"
        axes.text(place, 1.02 * max(each), text, ha="center", va="bottom", fontsize=8)
    low, high = axes.get_ylim()
    axes.set_ylim(low, high * (high / low) ** 0.15)


def is_generated(runs: StudyRuns) -> bool:
    """Whether the study's images are generated ones."""
    return any(GENERATED in one.record.dataset.copy_notes for some in runs.runs.values() for one in some)


def _shown(interface: str) -> str:
    return interface.replace("_", "-")
