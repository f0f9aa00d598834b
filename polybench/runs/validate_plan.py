"""Parse the command lines of a plan before any of them is run, so that a misspelt option of the last stage is found."""

import pydoc
import warnings
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from polybench.core.errors import ConfigError, UserError
from polybench.experiments.budget import refuse_unrecordable
from polybench.methods.inputs import CHECKPOINT, known_inputs
from polybench.runs.cell import Cell
from polybench.runs.plan import Stage
from polybench.runs.silent import SilentSession
from polybench.tasks.base import Task


def validate_plan(cells: Iterable[Cell], path: Path) -> None:
    """Parse the command line of every stage that isn't finished, and of those whose task it depends on.

    Args:
        cells: The runs of a plan; one whose files others take comes before them.
        path: The plan's file, for messages.

    Raises:
        ConfigError: If `fit` or `test` would refuse an option, a stage leaves no record, adds a class that its recipe
            has already, or takes a file of a stage that trains another task; the stage is named.
    """
    stages: dict[str, Stage] = {}
    sources: dict[str, dict[str, Stage]] = {}
    for cell in cells:
        if not cell.finished():
            name, sources[cell.stage.name] = cell.stage.name, cell.plan.sources(cell.stage)
            stages |= {one.name: one for one in sources[name].values() if _kinds(cell.stage)} | {name: cell.stage}
    kinds: dict[str, str] = {}
    with warnings.catch_warnings():
        for name, stage in stages.items():
            try:
                config = _parse(stage)
            except UserError as error:
                raise ConfigError(f"stage '{name}' in '{path}': {error}") from error
            task = cast(type[Task], pydoc.locate(config.model.class_path))
            kinds[name] = task.kind
            for given, kind in _kinds(stage).items():
                source = sources.get(name, {}).get(given)
                if source is not None and kinds[source.name] != kind:
                    raise ConfigError(
                        f"stage '{name}' in '{path}' takes its {given} from '{source.name}', whose task is "
                        f"{kinds[source.name]}: name a stage whose task is {kind}."
                    )


def _kinds(stage: Stage) -> dict[str, str]:
    """Input of a stage -> task that the stage which gives it must train."""
    return {given: kind for name in stage.inputs for given, kind in known_inputs()[name].kinds.items()}


def _parse(stage: Stage) -> Any:
    """Parse a stage's command line, without those files of other stages that the command looks for.

    Raises:
        UserError: If it is refused.
    """
    words = ["--variant", stage.name, "--seed_everything", str(stage.seed or 0)]
    if stage.command == "test":
        return SilentSession("test", [*stage.recipe_words(), *words]).config
    kept = {name: value for name, value in stage.inputs.items() if name != CHECKPOINT}
    config = SilentSession("fit", [*replace(stage, inputs=kept).words({}), *words]).config
    refuse_unrecordable(config)
    for name in kept:
        option, *further = known_inputs()[name].options
        added = next(iter(further), "")
        found = [callback.class_path.rpartition(".")[2] for callback in config.trainer.callbacks or ()]
        if option == "--trainer.callbacks+" and found.count(added) > 1:
            raise ConfigError(f"The recipe has a {added} of its own: leave it out, the plan adds one.")
    return config
