"""The report of a plan: its stages as a table, their paired differences, their lineage and their curves."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from polybench.core.atomic import atomic_write_text, atomic_writer
from polybench.results import quantities
from polybench.results.config import portable_text
from polybench.results.headline import headline
from polybench.results.layout import layout_of
from polybench.results.methods import LONG, method_parts
from polybench.results.readings import title
from polybench.results.record import Record, StoredRecord
from polybench.results.record_text import read_text
from polybench.results.render import markdown
from polybench.results.start import share_text
from polybench.results.table import Row
from polybench.results.tables import MISSING, Cell, Code, Column, Count, Link, Table, joined
from polybench.runs.curves import draw_curves, has_left_curves
from polybench.runs.differences import Comparison, comparisons, difference_table
from polybench.runs.execute import Outcome
from polybench.runs.lineage import draw, lineage_of_plan, mermaid
from polybench.runs.plan import Plan, Stage
from polybench.runs.scores import score

COLUMNS = (
    Column("Stage"),
    Column("Inputs"),
    Column("Matched", "right"),
    Column("Task"),
    Column("Dataset, split"),
    Column("Size", "right"),
    Column("Epochs", "right"),
    Column("Budget"),
    Column("Score"),
    Column("Tested", "right"),
    Column("Seeds"),
)

INTRODUCTION = """\
Each stage is a run of its own for each seed, with its record. Matched is the share of the tensors of a net, or of its
encoder, that an input gave; records of earlier versions don't say it. Scores are those of the test subset under the
protocol that ranks the dataset: with the 95 % interval of one seed, or mean ± standard deviation over seeds. Tested are
images or, in classification, patches. Stages of different tasks can't be compared."""

PAIRED = """\
Differences of means over seeds, on the same images. The 95 % interval is a bootstrap over groups of images, and over
seeds where there are several, with both of a pair on the same draws of groups, widened for few groups. p is that of a
permutation test that flips the signs of whole groups, for the trained nets as they are; p (Holm) is corrected for the
number of pairs. Two are told apart where the interval excludes 0 and p (Holm) is below .05: a small p alone says that
these trained nets differ, the interval that other seeds may not. A single seed stands for that trained net alone."""


CURVES = """\
## Validation over epochs

![Validation curves of every stage]({})

"""


@dataclass(frozen=True)
class StageRuns:
    """A stage and the records of its seeds, in the order of the seeds."""

    stage: Stage
    runs: tuple[StoredRecord, ...]

    @property
    def records(self) -> list[Record]:
        """The records."""
        return [run.record for run in self.runs]


def write_report(plan: Plan, outcomes: Sequence[Outcome], folder: Path, command: str) -> Path:
    """Write `<plan>.md` with its curves, `<plan>.png`, and the lineage as a picture, `<plan>_lineage.png`.

    Args:
        plan: The plan.
        outcomes: Its finished runs.
        folder: Where the report goes.
        command: The command that gets it again.

    Returns:
        The Markdown file.

    Raises:
        DataError: If a record or its table can't be read.
    """
    stages, picture = stage_runs(plan, outcomes), folder / f"{plan.name}.png"
    records = {one.cell.name: read_stored(one.record).record for one in outcomes}
    lineage = lineage_of_plan(plan, records)
    figures = {lineage_picture(picture): draw(lineage)}
    if has_curves := any(has_left_curves(one.cell.folder) for one in outcomes):
        figures[picture] = draw_curves([(one.cell, records[one.cell.name]) for one in outcomes])
    for path, figure in figures.items():
        with atomic_writer(path) as file:
            figure.savefig(file, format="png", dpi=110)
    text = "\n".join(
        [
            *(f"# Plan {plan.name}", "", INTRODUCTION, ""),
            markdown.table_text(stage_table(plan, stages)),
            *block("sh", markdown.command(command)),
            *paired(comparisons({one.stage.name: one.runs for one in stages})),
            *_of_methods(stages),
            *("## Which stage takes a file of which", "", *block("mermaid", *mermaid(lineage))),
            *(f"[The same as a picture]({lineage_picture(picture).name})", ""),
            *(CURVES.format(picture.name).splitlines() if has_curves else ()),
            *("## The plan", "", *block("yaml", portable_text(plan.text).rstrip("\n"))),
        ]
    )
    path = folder / f"{plan.name}.md"
    atomic_write_text(path, text)
    return path


def lineage_picture(report: Path) -> Path:
    """The picture of the lineage beside a report's files."""
    return report.with_name(f"{report.stem}_lineage.png")


def stage_runs(plan: Plan, outcomes: Sequence[Outcome]) -> list[StageRuns]:
    """The records of each stage, in the plan's order.

    Raises:
        DataError: If a record can't be read.
    """
    found: dict[str, list[StoredRecord]] = {name: [] for name in plan.stages}
    for one in outcomes:
        found[one.cell.stage.name].append(read_stored(one.record))
    return [StageRuns(plan.stages[name], tuple(runs)) for name, runs in found.items() if runs]


def stage_table(plan: Plan, stages: Sequence[StageRuns]) -> Table:
    """A row for each stage of a plan, over its seeds.

    Args:
        plan: The plan.
        stages: Its stages and their records.
    """
    return Table(COLUMNS, tuple(_row(plan, one) for one in stages), title=f"Plan {plan.name}")


def read_stored(path: Path) -> StoredRecord:
    """Read the record of a finished cell.

    Raises:
        DataError: If it can't be read.
    """
    return StoredRecord(Record.from_json(read_text(path), path), path)


def _row(plan: Plan, stage: StageRuns) -> tuple[Cell, ...]:
    first = stage.records[0]
    protocol, metric = headline(first)
    trained = [one.training.epochs_run for one in stage.records if one.training] if stage.stage.command == "fit" else []
    return (
        stage.stage.name,
        _inputs(plan, stage.stage),
        _share(stage),
        first.task,
        joined((first.dataset.name, Code(first.dataset.split)), ", "),
        quantities.network_input(first.dataset),
        quantities.between(min(trained), max(trained)) if trained else MISSING,
        str(first.budget),
        joined((title(metric), score(stage.records), Code(protocol))),
        Count(first.metrics[protocol].n),
        joined((Link(str(run.record.seed), url=address(run)) for run in stage.runs), ", "),
    )


def address(run: StoredRecord) -> str:
    """A record as the report, which lies in `plans`, leads to it."""
    return f"../records/{run.path.parent.name}/{run.path.name}"


def _inputs(plan: Plan, stage: Stage) -> Cell:
    """Inputs and the stages or files that they come from."""
    given = [(name, value) for name, value in stage.inputs.items() if value is not None]
    parts = (f"{name} of {value}" if value in plan.stages else f"{name}: {Path(value).name}" for name, value in given)
    return joined(parts, ", ")


def _share(stage: StageRuns) -> Cell:
    """Share of the encoder's, or the net's, tensors that another run gave; a range where seeds differ."""
    found = (one.start.share for one in stage.records if one.start is not None)
    shares = sorted(share for share in found if share is not None)
    return joined(dict.fromkeys(map(share_text, (shares[0], shares[-1]))), " to ") if shares else MISSING


def paired(found: Sequence[Comparison], what: str = "Stage") -> list[str]:
    """The section of paired differences of stages, or of what else is compared; a long table is folded."""
    lines = [f"## Paired differences between {what.lower()}s", "", PAIRED, ""] if found else []
    for comparison in found:
        table = difference_table(comparison, what)
        lines += [f"**{markdown.text(table.title)}.** {markdown.text(comparison.note)}", ""]
        lines += folded(table, f"{len(table.rows)} pairs")
    return lines


def _of_methods(stages: Sequence[StageRuns]) -> list[str]:
    """The sections that methods have in the records, a row or several for each stage."""
    rows = [(one.stage.name, _as_row(one)) for one in stages]
    lines = []
    for part in method_parts(rows, "plan"):
        table = replace(part.table, columns=(Column("Stage"), *part.table.columns[1:]))
        lines += [f"## {markdown.text(part.title)}", "", *([markdown.text(part.note), ""] if part.note else [])]
        lines += folded(table, f"{len(table.rows)} rows")
    return lines


def _as_row(stage: StageRuns) -> Row:
    """The runs of a stage as a row of a page."""
    protocol, _ = headline(stage.records[0])
    layout = layout_of(stage.records[0].metrics[protocol])
    return Row(stage.stage.name, layout, stage.runs, stage.runs, {}, None, None, None)


def folded(table: Table, summary: str) -> list[str]:
    """Lines of a table; one with many rows is folded."""
    if len(table.rows) <= LONG:
        return [markdown.table_text(table)]
    return [f"<details><summary>{summary}</summary>", "", markdown.table_text(table), "</details>", ""]


def block(language: str, *lines: str) -> list[str]:
    """Lines of a block of code."""
    fence = markdown.fence(lines)
    return [f"{fence}{language}", *lines, fence, ""]
