"""The configurations of cells, parsed before anything trains."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from polybench.core.errors import ConfigError, UserError
from polybench.experiments.budget import refuse_unrecordable
from polybench.experiments.identity import config_id
from polybench.runs.cell import Cell
from polybench.runs.many_sessions import NAME, ManySessions

Config = Mapping[str, Any]
"""A resolved configuration, plain values."""


def parse_cells(cells: Iterable[Cell]) -> dict[str, Config]:
    """Parse the command line of each cell's stage once.

    Args:
        cells: Cells that fit.

    Returns:
        Stage -> its configuration, seed aside.

    Raises:
        ConfigError: If `fit` would refuse an option of a cell, or two cells are the same run; they are named.
    """
    cells = list(cells)
    found: dict[str, Config] = {}
    same: dict[tuple[str, int], str] = {}
    runs: dict[str, str] = {}
    sessions = _warmed(list({cell.stage.name: cell for cell in reversed(cells)}.values()))
    for cell in cells:
        stage = cell.stage
        if stage.name not in found:
            try:
                session = sessions.parse(_words(cell))
                refuse_unrecordable(session.config)
            except UserError as error:
                raise ConfigError(f"cell '{cell.name}': {error}") from error
            found[stage.name] = session.plain_config()
            runs[stage.name] = _run_of(found[stage.name])
        other = same.setdefault((runs[stage.name], cell.seed), cell.name)
        if other != cell.name:
            raise ConfigError(f"cells '{other}' and '{cell.name}' are the same run: leave one of them out.")
    return found


def _words(cell: Cell) -> list[str]:
    return [*cell.stage.words({}), "--seed_everything", str(cell.seed)]


def _warmed(cells: Sequence[Cell]) -> ManySessions:
    """Sessions that know every file and option of the cells, by as few command lines as a greedy choice needs.

    What is refused is left to the pass through the cells in their order.
    """
    sessions = ManySessions("fit")
    unseen = {cell.name: _files_and_options(cell) for cell in cells}
    by_name = {cell.name: cell for cell in cells}
    while unseen:
        best = max(unseen, key=lambda name: len(unseen[name]))
        try:
            sessions.parse(_words(by_name[best])).plain_config()
        except UserError:
            break
        unseen = {name: rest for name, words in unseen.items() if (rest := words - unseen[best])}
    return sessions


def _files_and_options(cell: Cell) -> set[str]:
    """What a cell's command line says, but for its name."""
    options = (f"--{key} {value!r}" for key, value in cell.stage.options.items() if key != NAME)
    return {*map(str, cell.stage.configs), *options}


def _run_of(config: Config) -> str:
    """What makes two cells one run: all but their names, and where they write."""
    trainer = config["trainer"]
    places = [trainer.get(key) for key in ("accelerator", "devices", "num_nodes")]
    return json.dumps(
        [config_id(config), config["data"], config["model"], config.get("ckpt_path"), places], default=str
    )
