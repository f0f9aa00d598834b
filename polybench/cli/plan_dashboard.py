"""A plan's report in W&B."""

from pathlib import Path

import wandb


def send(project: str, name: str, report: Path) -> None:
    """Log the report and its figure as a run of its own; offline where WANDB_MODE says so.

    Args:
        project: The W&B project.
        name: The plan.
        report: Its Markdown file; the figure lies beside it.
    """
    with wandb.init(project=project, name=name, job_type="plan") as run:
        run.log({"curves": wandb.Image(str(report.with_suffix(".png"))), "report": wandb.Html(_as_html(report))})


def _as_html(report: Path) -> str:
    escaped = report.read_text(encoding="utf-8").replace("&", "&amp;").replace("<", "&lt;")
    return f"<pre>{escaped}</pre>"
