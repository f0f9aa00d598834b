"""A W&B workspace as code: for each dataset, headline against cost, and settings beside the headline.

It needs `pip install 'polybench[wandb-workspace]'`.
"""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import wandb

from polybench.callbacks.dashboard import Dashboard
from polybench.core.atomic import atomic_write_text
from polybench.core.errors import ConfigError

FILE = "workspace.json"

COSTS = {"Training": "cost/seconds", "Parameters": "cost/parameters", "Operations for an image": "cost/macs"}
"""Title -> key of the summary."""
SETTINGS = ("net", "start_weights", "lr", "batch_size")


def save_workspace(project: str, datasets: Sequence[str], folder: Path) -> str:
    """Save the workspace of a project; where there is no login, write what would be sent.

    Args:
        project: The W&B project.
        datasets: The datasets, a section each.
        folder: Where the file goes.

    Returns:
        A sentence that says where it is.

    Raises:
        ConfigError: If the package isn't installed, or W&B refuses the workspace.
        WriteError: If the file can't be written.
    """
    offline = Dashboard(project=project).is_offline() or not wandb.login(prompt=False, verify=False)
    entity = "" if offline else str(wandb.Api().default_entity)
    workspace = workspace_of(project, datasets, entity)
    if offline:
        path = folder / FILE
        atomic_write_text(path, workspace._to_model().model_dump_json(by_alias=True, exclude_none=True, indent=2))
        return f"The workspace is in '{path}': after `wandb login`, the same command saves it in the project."
    try:
        workspace.save()
    except Exception as error:  # the package states none of its errors
        raise ConfigError(f"W&B refuses the workspace of '{project}' ({error}): send a run first.") from error
    return f"Workspace: {workspace.url}"


def workspace_of(project: str, datasets: Sequence[str], entity: str) -> Any:
    """Make the workspace of a project.

    Args:
        project: The W&B project.
        datasets: The datasets, a section each.
        entity: Whose project it is.

    Raises:
        ConfigError: If the package isn't installed.
    """
    try:
        panels: Any = import_module("wandb_workspaces.reports.v2")  # which says nothing of its types
        workspaces: Any = import_module("wandb_workspaces.workspaces")
    except ImportError as error:
        raise ConfigError(
            "--workspace needs the package wandb-workspaces: pip install 'polybench[wandb-workspace]'."
        ) from error
    sections = []
    for name in datasets:
        headline = panels.SummaryMetric(f"headline/{name}")
        shown = [
            panels.ScatterPlot(
                title=f"{name}: headline against {title.lower()}", x=panels.SummaryMetric(key), y=headline
            )
            for title, key in COSTS.items()
        ]
        columns = [panels.ParallelCoordinatesPlotColumn(metric=panels.Config(key)) for key in SETTINGS]
        columns.append(panels.ParallelCoordinatesPlotColumn(metric=headline))
        shown.append(panels.ParallelCoordinatesPlot(title=f"{name}: settings", columns=columns))
        sections.append(workspaces.Section(name=name, panels=shown, is_open=True))
    return workspaces.Workspace(entity=entity, project=project, name="polybench", sections=sections)
