"""A plan's report in W&B."""

from collections.abc import Sequence
from pathlib import Path

import wandb

from polybench.results.format import plain
from polybench.runs.report import COLUMNS, lineage_picture


def send(project: str, name: str, report: Path, rows: Sequence[Sequence[str]]) -> None:
    """Log table, curves and lineage as a run of their own; offline where WANDB_MODE says so.

    Args:
        project: The W&B project.
        name: The plan.
        report: Its Markdown file; the pictures lie beside it.
        rows: The cells of `COLUMNS`, in Markdown.
    """
    table = wandb.Table(columns=list(COLUMNS), data=[[plain(cell) for cell in row] for row in rows])
    with wandb.init(project=project, name=name, job_type="plan") as run:
        run.log(
            {
                "stages": table,
                "curves": wandb.Image(str(report.with_suffix(".png"))),
                "lineage": wandb.Image(str(lineage_picture(report))),
            }
        )
