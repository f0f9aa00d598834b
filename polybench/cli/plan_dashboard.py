"""A plan's table in W&B, in the group of its cells."""

import io
import os
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

import pandas as pd
import wandb
from wandb.errors import Error

from polybench.core.errors import ConfigError
from polybench.results.render import csv
from polybench.results.tables import Table


def send(project: str, plan: str, table: Table, pictures: Mapping[str, Path] | None = None) -> None:
    """Log a table, with numbers as numbers, and pictures as the run of a plan; the same run each time.

    Args:
        project: The W&B project; where WANDB_MODE says so, or there is no login, all is written offline.
        plan: The plan's name, which is the group of its cells too.
        table: Its cells, or stages; the first column names them.
        pictures: Name -> file.

    Raises:
        ConfigError: If W&B refuses the project.
    """
    rows = pd.read_csv(io.StringIO(csv.table_text(table)))
    numbers = rows.select_dtypes("number").columns
    summary = {f"{row.iloc[0]}/{name}": row[name] for _, row in rows.iterrows() for name in numbers}
    offline = os.environ.get("WANDB_MODE") is None and not wandb.login(prompt=False, verify=False)
    try:
        run = wandb.init(
            project=project,
            id=f"plan-{sha256(plan.encode()).hexdigest()[:12]}",
            resume="allow",
            name=plan,
            group=plan,
            job_type="plan",
            mode="offline" if offline else None,
            settings=wandb.Settings(silent=True),
        )
    except Error as error:
        raise ConfigError(f"W&B takes no run of '{project}': {' '.join(str(error).split())}") from error
    run.log({"cells": wandb.Table(dataframe=rows, allow_mixed_types=True)})
    run.log({name: wandb.Image(str(path)) for name, path in (pictures or {}).items()})
    run.summary.update({key: value for key, value in summary.items() if not pd.isna(value)})
    place = f"offline; 'wandb sync {Path(run.dir).parent}' sends it" if run.offline else run.url
    run.finish()
    print(f"W&B: {place} (those of the cells are named in their logs)")
