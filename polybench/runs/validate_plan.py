"""The command lines of a plan, parsed before any of them is run: a misspelt option of the last stage is found first."""

import pydoc
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from polybench.core.errors import ConfigError, UserError
from polybench.experiments.budget import refuse_unrecordable
from polybench.experiments.parsed import ParsedSession
from polybench.runs.cell import Cell
from polybench.runs.plan import Stage
from polybench.tasks import PatchClassificationTask, SegmentationTask


def validate_plan(cells: Iterable[Cell], path: Path) -> None:
    """Parse the command line of every stage that isn't finished, and of those that it refines.

    Args:
        cells: The runs of a plan; one that others start from comes before them.
        path: The plan's file, for messages.

    Raises:
        ConfigError: If `fit` or `test` would refuse an option, a stage leaves no record or has two transfers, or it
            refines what is no segmentation, or with what is no classifier of patches; the stage is named.
    """
    stages: dict[str, Stage] = {}
    for cell in cells:
        if not cell.finished():
            needed = cell.plan.parents(cell.stage) if cell.stage.classifier else []
            stages |= {stage.name: stage for stage in (*needed, cell.stage)}
    tasks: dict[str, Any] = {}
    with warnings.catch_warnings():
        for name, stage in stages.items():
            try:
                config = _parse(stage)
            except UserError as error:
                raise ConfigError(f"stage '{name}' in '{path}': {error}") from error
            tasks[name] = pydoc.locate(config.model.class_path)
            if stage.classifier is not None:
                _refuse_other_roles(stage, tasks, path)


def _parse(stage: Stage) -> Any:
    """Parse a stage's command line, without the words that name files of stages before it.

    Raises:
        UserError: If it is refused.
    """
    words = [*stage.words(), "--variant", stage.name, "--seed_everything", str(stage.seed or 0)]
    if stage.classifier is not None:
        return ParsedSession("test", words).config
    config = ParsedSession("fit", words).config
    refuse_unrecordable(config)
    if sum(callback.class_path.endswith(".TransferCallback") for callback in config.trainer.callbacks) > 1:
        raise ConfigError("The recipe has a TransferCallback of its own: leave it out, the plan adds one.")
    return config


def _refuse_other_roles(stage: Stage, tasks: Mapping[str, Any], path: Path) -> None:
    """Refuse to refine what is no segmentation, or with what is no classifier of patches.

    Raises:
        ConfigError: If a task has the other role; both stages are named.
    """
    refined, classifier = tasks[str(stage.source)], tasks[str(stage.classifier)]
    if not (issubclass(refined, SegmentationTask) and issubclass(classifier, PatchClassificationTask)):
        raise ConfigError(
            f"stage '{stage.name}' in '{path}' refines '{stage.source}', a {refined.__name__}, with "
            f"'{stage.classifier}', a {classifier.__name__}: refine a SegmentationTask with a PatchClassificationTask."
        )
