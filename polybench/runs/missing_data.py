"""Data of a plan's runs that aren't there, found without reading a file of theirs."""

from collections.abc import Iterable

from polybench.core.errors import UserError
from polybench.runs.cell import Cell
from polybench.runs.cell_data import look_for_data, of_each
from polybench.runs.many_sessions import ManySessions
from polybench.runs.plan import Stage


def missing_data(cells: Iterable[Cell]) -> dict[str, UserError]:
    """Look for the data of the runs that aren't finished.

    Args:
        cells: The runs of a plan, whose command lines are valid.

    Returns:
        Name of a run -> why its data can't be opened.
    """
    left = [cell for cell in cells if not cell.finished()]
    sessions = {"fit": ManySessions("fit"), "test": ManySessions("test")}
    configs = {}
    for key, stage in {_of_data(cell.stage): cell.stage for cell in left}.items():
        words = stage.words({}) if stage.command == "fit" else stage.recipe_words()
        configs[key] = sessions[stage.command].parse(words).plain_config()
    _, errors = of_each(configs, look_for_data)
    return {cell.name: errors[key] for cell in left if (key := _of_data(cell.stage)) in errors}


def _of_data(stage: Stage) -> str:
    """What of a stage says which data it has, as a key."""
    options = {name: value for name, value in stage.options.items() if name.partition(".")[0] == "data"}
    return repr((stage.command, stage.configs, options))
