"""A plan's table in W&B, in the group of its cells."""

import io
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

import pandas as pd
import wandb

from polybench.callbacks.dashboard import Dashboard
from polybench.results.render import csv
from polybench.results.tables import Table


def send(project: str, plan: str, table: Table, pictures: Mapping[str, Path] | None = None) -> None:
    """Log a table, with numbers as numbers, and pictures as the run of a plan; the same run each time.

    Args:
        project: The W&B project.
        plan: The plan's name, which is the group of its cells too.
        table: Its cells, or stages; the first column names them.
        pictures: Name -> file.
    """
    rows = pd.read_csv(io.StringIO(csv.table_text(table)))
    numbers = rows.select_dtypes("number").columns
    summary = {f"{row.iloc[0]}/{name}": row[name] for _, row in rows.iterrows() for name in numbers}
    dashboard = Dashboard(project=project)
    dashboard.describe({}, id=f"plan-{sha256(plan.encode()).hexdigest()[:12]}", name=plan, group=plan, job_type="plan")
    run = dashboard.experiment
    dashboard.log_metrics({"cells": wandb.Table(dataframe=rows, allow_mixed_types=True)})
    for name, path in (pictures or {}).items():
        dashboard.log_image(name, [str(path)])
    run.summary.update({key: value for key, value in summary.items() if not pd.isna(value)})
    place = dashboard.place()
    run.finish()
    print(f"W&B: {place} (those of the cells are named in their logs)")
