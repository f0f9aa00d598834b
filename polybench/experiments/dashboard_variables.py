"""Environment variables by which a plan sends its cells to W&B: which experiment a cell is doesn't depend on them."""

import os

PROJECT = "POLYBENCH_WANDB_PROJECT"
"""The project that each run is sent to which names no logger."""
GROUP = "WANDB_RUN_GROUP"
"""W&B's own variable: the group of a run, here the plan."""


def dashboard_variables(project: str | None, plan: str) -> dict[str, str]:
    """The variables of a plan's cells.

    Args:
        project: The W&B project; None sends nothing.
        plan: The plan's name.
    """
    return {} if project is None else {PROJECT: project, GROUP: plan}


def dashboard_project() -> str | None:
    """The project that this run is sent to; None for none."""
    return os.environ.get(PROJECT) or None


def dashboard_group() -> str | None:
    """The group that this run belongs to; None where it is no cell of a plan."""
    return os.environ.get(GROUP) or None
