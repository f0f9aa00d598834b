"""Tables of a study of fine-tuning, from its records alone: areas, `auto`, sensitivities, and which depths differ.

Paper: Tajbakhsh et al., "Convolutional Neural Networks for Medical Image Analysis: Full Training or Fine Tuning?", IEEE
TMI 2016: section V, Tables S1 to S3.
"""

from statistics import fmean

from polybench.results.comparison import aligned, scored_run
from polybench.results.headline import headline
from polybench.results.readings import title
from polybench.results.record import Record, StoredRecord
from polybench.results.statistics.pairs import pairs_of
from polybench.results.statistics.spread import spread_of
from polybench.results.tables import MISSING, Cell, Column, Number, Table, measured
from polybench.runs.finetune_runs import StudyRuns, walks
from polybench.runs.scores import score


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
