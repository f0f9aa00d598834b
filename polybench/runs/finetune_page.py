"""The page of a study of fine-tuning, from its records alone: areas by depth and share, `auto`, and what differs.

Paper: Tajbakhsh et al., "Convolutional Neural Networks for Medical Image Analysis: Full Training or Fine Tuning?", IEEE
TMI 2016: sections V and VI, Tables S1 to S4, Figures 9 and 10.
"""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from polybench.core.atomic import atomic_write_text, atomic_writer
from polybench.results.facts import MetricValue
from polybench.results.render import markdown
from polybench.results.tables import Table
from polybench.runs import finetune_convergence, finetune_interfaces
from polybench.runs.finetune_convergence import convergence, convergence_picture
from polybench.runs.finetune_interfaces import box_picture, error_table, interface_errors, is_generated, p_table
from polybench.runs.finetune_pictures import area_picture, froc_picture
from polybench.runs.finetune_runs import SECTION, StudyRuns, area_of, value_of, walks
from polybench.runs.finetune_tables import area_table, froc_table, matrix, walk_table

EASY = 0.97
"""Area above which candidates are too easy to tell depths apart."""

INTRODUCTION = """\
Each cell is an ordinary run with its record, named by the first layer that is tuned and the share of the training set.
Areas under the ROC curve are those of the test items: with the 95 % interval of one seed, or mean ± standard
deviation over seeds, which draw their share of the training set too. In the figure bars are 95 % intervals, of which
several seeds have the mean of both ends, and each seed is a point."""

AUTO = """\
Section V of the paper: begin with the head, add a layer while validation improves, and keep the last depth that did.
Nothing is trained for it: it walks the cells of a share and a seed by the validation that selected their
checkpoints."""

MATRIX = """\
A cell names the operating points, in false positives per image or, of an area, AUC, at which two depths differ. By the
paper's rule (first) they differ where their 95 % intervals, those of the first seed, don't overlap; the rule is
conservative, and knows neither seeds nor that both nets saw the same images. By the paired test (second) areas differ
where a permutation test over whole groups has p below 0.05 after Holm and the interval of the difference excludes 0."""


def write_study(runs: StudyRuns, report: Path) -> Path:
    """Write the page of a study beside the report of its plan: `<plan>_study.md`, and its figures.

    Args:
        runs: The study.
        report: The report of the plan, for its place and a link.

    Returns:
        The page.
    """
    name = report.stem
    lines = [f"# Study {name}", "", INTRODUCTION, "", f"[The report of every run]({report.name})", ""]
    lines += _about(runs)
    lines += ["## Area under the ROC curve", "", markdown.table_text(area_table(runs))]
    lines += _picture(report, "areas", area_picture(runs.study, {one: _areas(runs, one) for one in runs.study.depths}))
    if walks(runs):
        lines += ["## auto", "", AUTO, "", markdown.table_text(walk_table(runs))]
    largest = max(runs.study.shares)
    frocs = [table for share in runs.study.shares if (table := froc_table(runs, share)) is not None]
    if frocs:
        lines += ["## Sensitivity against false positives per image", ""]
        curves = {depth: some[0].images for depth in runs.study.depths if (some := runs.of(depth, largest))}
        lines += _picture(report, "froc", froc_picture(curves, largest))
        lines += _tables(frocs)
    lines += _convergence(runs, report, largest)
    lines += _interfaces(runs, report, largest)
    matrices = [table for share in runs.study.shares if (table := matrix(runs, share)) is not None]
    if matrices:
        lines += ["## What differs", "", MATRIX, ""]
        lines += _tables(matrices)
    path = report.with_name(f"{name}_study.md")
    atomic_write_text(path, "\n".join(lines))
    return path


def _tables(tables: Sequence[Table]) -> list[str]:
    """Lines of tables with their titles."""
    return [line for one in tables for line in (f"**{markdown.text(one.title)}**", "", markdown.table_text(one))]


def _convergence(runs: StudyRuns, report: Path, share: float) -> list[str]:
    """Lines on convergence; none where no run took snapshots."""
    curves = convergence(runs, share)
    if not curves:
        return []
    shown = _picture(report, "convergence", convergence_picture(curves))
    return ["## Convergence", "", finetune_convergence.TEXT, "", *shown]


def _interfaces(runs: StudyRuns, report: Path, share: float) -> list[str]:
    """Lines on traced interfaces; none where no run traced any."""
    errors = interface_errors(runs, share)
    if not errors:
        return []
    generated = [finetune_interfaces.FROM_GENERATED, ""] if is_generated(runs) else []
    lines = ["## Interfaces", "", finetune_interfaces.TEXT, "", *generated]
    lines += _picture(report, "interfaces", box_picture(errors))
    lines += _tables([error_table(interface_errors(runs, one), one) for one in runs.study.shares])
    matrices = [table for name, found in errors.items() if (table := p_table(name, found)) is not None]
    return [*lines, *([finetune_interfaces.P_VALUES, "", *_tables(matrices)] if matrices else [])]


def _areas(runs: StudyRuns, depth: str) -> list[list[MetricValue]]:
    """The areas of a depth, a list of its seeds for each share."""
    return [[value_of(one.record) for one in runs.of(depth, share)] for share in runs.study.shares]


def _picture(report: Path, what: str, figure: Figure) -> list[str]:
    """Write a figure beside the report; the lines that show it."""
    path = report.with_name(f"{report.stem}_{what}.png")
    with atomic_writer(path) as file:
        figure.savefig(file, format="png", dpi=110)
    return [f"![{what}]({path.name})", ""]


def _about(runs: StudyRuns) -> list[str]:
    """What the candidates are, whether they are too easy, and what is not there."""
    cells = [one for cell in runs.study.cells if not cell.included for one in runs.runs.get(cell.stage, [])]
    if not cells:
        return ["No cell has a record yet.", ""]
    section = cells[0].record.sections.get(SECTION)
    facts = {} if section is None else section.facts
    lines = [
        f"- {key}: {text}." for key, text in facts.items() if key.startswith(("Candidates", "Proposed", "Variants"))
    ]
    missing = [cell.stage for cell in runs.study.cells if cell.stage not in runs.runs]
    if missing:
        lines.append(f"- Cells without a record: {', '.join(missing)}.")
    if all(area_of(one.record) > EASY for one in cells):
        lines.append(f"- Every area is above {EASY}: these candidates are too easy to tell depths apart; take others.")
    return [*lines, ""]
