"""A plan's report in W&B."""

from pathlib import Path

import pandas as pd
import wandb

from polybench.results.render import terminal
from polybench.results.tables import Table
from polybench.runs.report import lineage_picture


def send(project: str, name: str, report: Path, table: Table) -> None:
    """Log table, curves and lineage as a run of their own; offline where WANDB_MODE says so.

    Args:
        project: The W&B project.
        name: The plan.
        report: Its Markdown file; the pictures lie beside it.
        table: Its stages.
    """
    columns = [terminal.header_text(column) for column in table.columns]
    rows = pd.DataFrame([[terminal.cell_text(cell) for cell in row] for row in table.rows], columns=columns)
    with wandb.init(project=project, name=name, job_type="plan") as run:
        run.log(
            {
                "stages": wandb.Table(dataframe=rows),
                "curves": wandb.Image(str(report.with_suffix(".png"))),
                "lineage": wandb.Image(str(lineage_picture(report))),
            }
        )
