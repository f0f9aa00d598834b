"""The page of a study of fine-tuning, from its records alone: areas by depth and share, `auto`, and what differs.

Paper: Tajbakhsh et al., "Convolutional Neural Networks for Medical Image Analysis: Full Training or Fine Tuning?", IEEE
TMI 2016: sections V and VI, Tables S1 to S3.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

from matplotlib.figure import Figure

from polybench.core.atomic import atomic_write_text, atomic_writer
from polybench.results.comparison import aligned, scored_run
from polybench.results.headline import headline
from polybench.results.readings import title
from polybench.results.record import Record, StoredRecord
from polybench.results.render import markdown
from polybench.results.statistics.pairs import pairs_of
from polybench.results.statistics.spread import spread_of
from polybench.results.tables import MISSING, Cell, Column, Number, Table, measured
from polybench.runs.execute import Outcome
from polybench.runs.finetune_file import SCRATCH, Study
from polybench.runs.finetune_pictures import area_picture, froc_picture
from polybench.runs.report import read_stored
from polybench.runs.scores import score

SECTION = "finetuning"
"""Key of the method's section in a record."""

EASY = 0.97
"""Area above which candidates are too easy to tell depths apart."""

INTRODUCTION = """\
Each cell is an ordinary run with its record, named by the first layer that is tuned and the share of the training set.
Areas under the ROC curve are those of the test candidates: with the 95 % interval of one seed, or mean ± standard
deviation over seeds, which draw their share of the training set too."""

AUTO = """\
Section V of the paper: begin with the head, add a layer while validation improves, and keep the last depth that did.
Nothing is trained for it: it walks the cells of a share and a seed by the validation that selected their
checkpoints."""

MATRIX = """\
A cell names the operating points, in false positives per image or, of an area, AUC, at which two depths differ. By the
paper's rule (first) they differ where their 95 % intervals, those of the first seed, don't overlap; the rule is
conservative, and knows neither seeds nor that both nets saw the same images. By the paired test (second) areas differ
where a permutation test over whole groups has p below 0.05 after Holm and the interval of the difference excludes 0."""


@dataclass(frozen=True)
class StudyRuns:
    """A study and its records.

    Attributes:
        study: The study.
        runs: Stage -> the records of its seeds, in their order; stages without a record are left out.
    """

    study: Study
    runs: dict[str, list[StoredRecord]]

    def of(self, depth: str, share: float) -> list[StoredRecord]:
        """The records of a cell."""
        return self.runs.get(self.study.cell(depth, share).stage, [])


class Step(NamedTuple):
    """A depth that `auto` looks at: its name, the validation of its cell, and the area of its test."""

    depth: str
    validation: float
    area: float


class Walk(NamedTuple):
    """What `auto` does with the cells of a share and a seed.

    Attributes:
        share: Per cent of the training set.
        seed: The seed.
        steps: The depths that it looks at, in order; the last but one is chosen where the last didn't improve.
        chosen: The step that it keeps.
    """

    share: float
    seed: int
    steps: tuple[Step, ...]
    chosen: Step


def study_runs(study: Study, outcomes: Sequence[Outcome]) -> StudyRuns:
    """Read the records of a study.

    Raises:
        DataError: If one can't be read.
    """
    runs: dict[str, list[StoredRecord]] = {}
    for one in outcomes:
        runs.setdefault(one.cell.stage.name, []).append(read_stored(one.record))
    return StudyRuns(study, runs)


def walks(runs: StudyRuns) -> list[Walk]:
    """Walk the depths of each share and seed as section V of the paper has it.

    Cells from scratch are no depths of fine-tuning. A seed whose cells are not all there, or whose records hold no
    validation, is left out.
    """
    depths = [depth for depth in runs.study.depths if not depth.startswith(SCRATCH)]
    found = []
    for share in runs.study.shares:
        for seed in runs.study.plan.seeds:
            steps = [step for depth in depths if (step := _step(runs, depth, share, seed)) is not None]
            if depths and len(steps) == len(depths):
                found.append(walk(share, seed, steps))
    return found


def walk(share: float, seed: int, steps: Sequence[Step]) -> Walk:
    """Walk depths, from the head, until validation doesn't improve.

    Example:
        >>> steps = [Step("head", 0.8, 0.7), Step("fc7", 0.9, 0.6), Step("fc6", 0.85, 0.9), Step("conv5", 0.95, 0.9)]
        >>> walk(100, 0, steps).chosen.depth, len(walk(100, 0, steps).steps)
        ('fc7', 3)
    """
    seen = [steps[0]]
    for step in steps[1:]:
        seen.append(step)
        if step.validation <= seen[-2].validation:
            return Walk(share, seed, tuple(seen), seen[-2])
    return Walk(share, seed, tuple(seen), seen[-1])


def _step(runs: StudyRuns, depth: str, share: float, seed: int) -> Step | None:
    for stored in runs.of(depth, share):
        section = stored.record.sections.get(SECTION)
        value = None if section is None else section.data.get("validation")
        if stored.record.seed == seed and isinstance(value, float):
            return Step(depth, value, area_of(stored.record))
    return None


def area_of(record: Record) -> float:
    """The area of a record's test, or what else ranks its dataset."""
    protocol, metric = headline(record)
    return record.metrics[protocol].values[metric].value


def area_table(runs: StudyRuns) -> Table:
    """The area of each depth, a column for each share."""
    study, walked = runs.study, walks(runs)
    columns = (Column("Tuned from"), *(Column(f"{share:g} %", "right", "higher") for share in study.shares))
    rows: list[tuple[Cell, ...]] = []
    for depth in study.depths:
        cells = [runs.of(depth, share) for share in study.shares]
        rows.append((depth, *(score([one.record for one in found]) if found else MISSING for found in cells)))
    if walked:
        areas = [[one.chosen.area for one in walked if one.share == share] for share in study.shares]
        rows.append(("auto", *(measured(fmean(one), None, None, spread_of(one)) if one else MISSING for one in areas)))
    return Table(columns, tuple(rows), title=f"{study.plan.name}: area under the ROC curve")


def walk_table(runs: StudyRuns) -> Table:
    """What `auto` chose."""
    columns = (
        *(Column("Share", "right"), Column("Seed", "right"), Column("Validation"), Column("Chosen")),
        Column("Test AUC", "right", "higher"),
    )
    rows = tuple(
        (
            f"{walk.share:g} %",
            str(walk.seed),
            ", ".join(f"{step.depth} {step.validation:.4f}" for step in walk.steps),
            walk.chosen.depth,
            Number(walk.chosen.area),
        )
        for walk in walks(runs)
    )
    return Table(columns, rows, title="auto")


def points_of(record: Record) -> list[str]:
    """Sensitivities at false positives per image that a record has, in the order of its protocol."""
    protocol, _ = headline(record)
    return [metric for metric in record.metrics[protocol].values if metric.startswith("sensitivity_")]


def froc_table(runs: StudyRuns, share: float) -> Table | None:
    """Sensitivity of each depth at false positives per image; None where records have none."""
    found = {depth: [one.record for one in runs.of(depth, share)] for depth in runs.study.depths}
    records = [one for some in found.values() for one in some]
    points = points_of(records[0]) if records else []
    if not points:
        return None
    rows = []
    for depth, some in found.items():
        if some:
            values = [[one.metrics[headline(one)[0]].values[point] for one in some] for point in points]
            cells = (
                measured(each[0].value, each[0].low, each[0].high)
                if len(each) == 1
                else measured(fmean(one.value for one in each), None, None, spread_of([one.value for one in each]))
                for each in values
            )
            rows.append((depth, *cells))
    columns = (Column("Tuned from"), *(Column(title(point), "right", "higher") for point in points))
    return Table(columns, tuple(rows), title=f"Sensitivity with {share:g} % of the training set")


def matrix(runs: StudyRuns, share: float) -> Table | None:
    """Which depths differ, by the paper's rule and by a paired test; None with fewer than two depths."""
    found = {depth: runs.of(depth, share) for depth in runs.study.depths if runs.of(depth, share)}
    if len(found) < 2:
        return None
    apart = _told_apart(found)
    names = list(found)
    rows: list[tuple[Cell, ...]] = []
    for place, name in enumerate(names):
        cells = [
            _cell(found[name][0].record, found[other][0].record, (name, other) in apart) for other in names[:place]
        ]
        rows.append((name, *cells, *[""] * (len(names) - place)))
    columns = (Column("Tuned from"), *(Column(name) for name in names))
    return Table(columns, tuple(rows), title=f"Differences with {share:g} % of the training set")


def _cell(one: Record, other: Record, apart: bool) -> str:
    points = differing(one, other)
    return f"{', '.join(points) or 'none'}; {'AUC' if apart else 'none'}"


def differing(one: Record, other: Record) -> list[str]:
    """Operating points at which the 95 % intervals of two records don't overlap."""
    protocol, metric = headline(one)
    found = []
    for point in (metric, *points_of(one)):
        ours, theirs = (record.metrics[protocol].values.get(point) for record in (one, other))
        if ours is None or theirs is None or ours.low is None or theirs.low is None:
            continue
        if ours.low > (theirs.high or 0) or theirs.low > (ours.high or 0):
            found.append("AUC" if point == metric else point.rpartition("_")[2])
    return found


def _told_apart(found: dict[str, list[StoredRecord]]) -> set[tuple[str, str]]:
    """Pairs of depths, in both orders, whose areas a paired test over groups tells apart."""
    first = next(iter(found.values()))[0].record
    protocol, metric = headline(first)
    scores = aligned({name: [scored_run(one) for one in runs] for name, runs in found.items()}, protocol, metric)
    if scores is None:
        return set()
    pairs = [(pair.method, pair.other) for pair in pairs_of(scores) if pair.told_apart]
    return {pair for one, other in pairs for pair in ((one, other), (other, one))}


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
        lines += [
            line for table in frocs for line in (f"**{markdown.text(table.title)}**", "", markdown.table_text(table))
        ]
    matrices = [table for share in runs.study.shares if (table := matrix(runs, share)) is not None]
    if matrices:
        lines += ["## What differs", "", MATRIX, ""]
        lines += [
            line for table in matrices for line in (f"**{markdown.text(table.title)}**", "", markdown.table_text(table))
        ]
    path = report.with_name(f"{name}_study.md")
    atomic_write_text(path, "\n".join(lines))
    return path


def _areas(runs: StudyRuns, depth: str) -> list[list[float]]:
    """The areas of a depth, a list of its seeds for each share."""
    return [[area_of(one.record) for one in runs.of(depth, share)] for share in runs.study.shares]


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
