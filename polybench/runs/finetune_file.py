"""Studies of fine-tuning as YAML files: depth x share of the training set x seed, each cell an ordinary run.

.. code-block:: yaml

    name: finetune_kvasir_seg_lite0
    seeds: [0, 1, 2]
    recipe: [../methods/finetuning_lite0.yaml, ../data/kvasir_seg.yaml]
    options: {budget: reduced, images: 3200, data.size: 64}    # of every cell, as on the command line of fit
    detector:                       # a run whose checkpoint proposes the candidates; or a file, or boxes, or left out
      recipe: [../methods/unet_lite0.yaml, ../data/clinicdb.yaml]
      options: {images: 4000, data.size: [96, 96]}
    depths: [head, blocks.5, blocks.3, stem, scratch]    # from the last layer to all of them
    scratch: {model.net.encoder_weights: null}           # options of the cells from scratch
    shares: [100, 25, 5]            # per cent of the training set
    include:                        # further cells, with other options and seeds of their own
      - {depth: head, share: 100, name: all_variants, seeds: [0], options: {data.test_variants: 120}}

A cell is named `<depth>+<share>`, with _ for the dots of a depth. `scratch_gaussian`, `scratch_xavier` and
`scratch_msra` are from scratch with start weights that are drawn so. `auto` is no cell: the page walks those that are
there.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from polybench.core.errors import ConfigError
from polybench.experiments.yaml_text import load, read_text
from polybench.runs.plan import Plan, Stage
from polybench.runs.plan_values import NAME, config_files, mapping, merged, option_mapping, plan_name, seed_list

DETECTOR = "detector"
SCRATCH = "scratch"
INITIALISERS = ("gaussian", "xavier", "msra")
DEPTH, SHARE = "model.parameter_groups.depth", "data.share"
FILES = (".ckpt", ".json")
_KEYS = {"name", "seeds", "recipe", "options", DETECTOR, "depths", SCRATCH, "shares", "include"}
_OF_A_DETECTOR = {"recipe", "options", "seed"}
_OF_AN_INCLUSION = {"depth", "share", "name", "seeds", "options"}


@dataclass(frozen=True)
class Cell:
    """A depth with a share.

    Attributes:
        depth: As `LayerwiseTuning` has it, or `scratch_<initialiser>`.
        share: Per cent of the training set.
        stage: Name of its stage.
        included: Whether it stands beside the product of depths and shares.
    """

    depth: str
    share: float
    stage: str
    included: bool = False


@dataclass(frozen=True)
class Study:
    """A study of fine-tuning.

    Attributes:
        plan: Its runs.
        depths: From the last layer to all of them, then those from scratch.
        shares: Per cent of the training set, as the file has them.
        cells: Its cells.
    """

    plan: Plan
    depths: tuple[str, ...]
    shares: tuple[float, ...]
    cells: tuple[Cell, ...]

    def cell(self, depth: str, share: float) -> Cell:
        """The cell of a depth and a share."""
        return next(one for one in self.cells if (one.depth, one.share, one.included) == (depth, share, False))


def read_study_plan(path: Path) -> Plan:
    """Read a study as a plan."""
    return read_study(path).plan


def read_study(path: Path) -> Study:
    """Read a study; recipes and files are looked up beside it.

    Raises:
        ConfigError: If the file or a file that it names is missing, a key is unknown, or a value has another form.
    """
    text = read_text(path)
    found = load(text, f"'{path}'")
    for key, command in (("stages", "transfer"), ("methods", "matrix")):
        if isinstance(found, Mapping) and key in found and "depths" not in found:
            raise ConfigError(f"'{path}' is no study of fine-tuning, but has {key}: run it with polybench {command}.")
    data = mapping(found, f"'{path}'", _KEYS)
    where = f"in '{path}'"
    depths = _depths(data.get("depths"), where)
    shares = _shares(data.get("shares", [100]), where)
    name = plan_name(data.get("name", path.stem), path)
    files = config_files(data.get("recipe"), f"recipe {where}", path)
    common = option_mapping(data.get("options"), f"all cells {where}")
    scratch = option_mapping(data.get(SCRATCH), f"cells from scratch {where}")
    stages, inputs = _detector(data.get(DETECTOR), common, path)
    cells = [Cell(depth, share, _stage_name(depth, share)) for share in shares for depth in depths]

    def options_of(cell: Cell) -> dict[str, Any]:
        from_scratch = scratch if cell.depth.startswith(SCRATCH) else {}
        return merged(common, from_scratch, _of_depth(cell.depth), {SHARE: cell.share / 100})

    for cell in cells:
        variant = f"{name}-{cell.stage}"
        stages[cell.stage] = Stage(cell.stage, "fit", files, options_of(cell), inputs, variant=variant)
    for value in _list(data.get("include"), where):
        cell, options, seeds = _included(value, depths, shares, where)
        if cell.stage in stages:
            raise ConfigError(f"Two cells {where} have the name '{cell.stage}': give the inclusion another name.")
        every = merged(options_of(cell), options)
        variant = f"{name}-{cell.stage}"
        stages[cell.stage] = Stage(cell.stage, "fit", files, every, inputs, seeds=seeds, variant=variant)
        cells.append(cell)
    plan = Plan(name, stages, seed_list(data.get("seeds", [0]), where), text)
    return Study(plan, depths, shares, tuple(cells))


def _depths(value: Any, where: str) -> tuple[str, ...]:
    """Names of depths, those from scratch last.

    Raises:
        ConfigError: If there are none, one stands twice, or `auto` is among them.
    """
    if not isinstance(value, list) or not value or not all(isinstance(one, str) for one in value):
        raise ConfigError(f"depths {where} must be a list of names, such as [head, blocks.5, stem, scratch].")
    if "auto" in value:
        raise ConfigError(f"depths {where} has auto, which trains nothing of its own: leave it out, the page shows it.")
    if twice := [one for one in value if value.count(one) > 1]:
        raise ConfigError(f"depths {where} has {twice[0]} more than once.")
    for one in value:
        if one.startswith(f"{SCRATCH}_") and one.removeprefix(f"{SCRATCH}_") not in INITIALISERS:
            raise ConfigError(f"depths {where} has '{one}': scratch_ is followed by {', '.join(INITIALISERS)}.")
    return tuple(sorted(value, key=lambda one: one.startswith(SCRATCH)))


def _shares(value: Any, where: str) -> tuple[float, ...]:
    if not isinstance(value, list) or not value or not all(_is_share(one) for one in value):
        raise ConfigError(f"shares {where} must be a list of percentages, such as [100, 25, 5].")
    if twice := [one for one in value if value.count(one) > 1]:
        raise ConfigError(f"shares {where} has {twice[0]} more than once.")
    return tuple(float(one) for one in value)


def _is_share(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 100


def _detector(value: Any, common: Mapping[str, Any], path: Path) -> tuple[dict[str, Stage], dict[str, str | None]]:
    """The stage of the detector, and what the cells take from it; both empty without one.

    Raises:
        ConfigError: If it is neither a recipe nor a file that is there.
    """
    where = f"{DETECTOR} in '{path}'"
    if value is None:
        return {}, {}
    if value == "boxes":
        return {}, {DETECTOR: value}
    if isinstance(value, str):
        file = path.parent / value
        if not value.endswith(FILES) or not file.is_file():
            raise ConfigError(
                f"{where} is '{value}', which is neither a checkpoint (.ckpt) nor a list of candidates (.json) that is "
                "there."
            )
        return {}, {DETECTOR: str(file.resolve())}
    data = mapping(value, where, _OF_A_DETECTOR)
    files = config_files(data.get("recipe"), f"recipe of {where}", path)
    (seed,) = seed_list([data.get("seed", 0)], f"of {where}")
    kept = {key: common[key] for key in ("budget", "trainer.precision", "trainer.accelerator") if key in common}
    options = merged(kept, option_mapping(data.get("options"), where))
    return {DETECTOR: Stage(DETECTOR, "fit", files, options, {}, seed=seed)}, {DETECTOR: DETECTOR}


def _of_depth(depth: str) -> dict[str, Any]:
    """Options of a depth."""
    if not depth.startswith(f"{SCRATCH}_"):
        return {DEPTH: depth}
    return {DEPTH: SCRATCH, "model.parameter_groups.initialiser": depth.removeprefix(f"{SCRATCH}_")}


def _stage_name(depth: str, share: float) -> str:
    return f"{re.sub(r'[^A-Za-z0-9_]', '_', depth)}+{f'{share:g}'.replace('.', '_')}"


def _included(
    value: Any, depths: Sequence[str], shares: Sequence[float], where: str
) -> tuple[Cell, Mapping[str, Any], tuple[int, ...] | None]:
    """A further cell, its options and its seeds.

    Raises:
        ConfigError: If its depth, share or name is none of the study's.
    """
    data = mapping(value, f"An item of include {where}", _OF_AN_INCLUSION)
    depth, share, name = data.get("depth"), data.get("share", 100), data.get("name")
    if depth not in depths or share not in shares:
        raise ConfigError(
            f"An item of include {where} names depth {depth} and share {share}: give one of {', '.join(depths)} and "
            f"one of {', '.join(f'{one:g}' for one in shares)}."
        )
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise ConfigError(f"An item of include {where} needs a name, a word of letters, digits and _, such as all.")
    seeds = seed_list(data["seeds"], f"of include {where}") if "seeds" in data else None
    cell = Cell(str(depth), float(share), f"{_stage_name(str(depth), float(share))}_{name}", included=True)
    return cell, option_mapping(data.get("options"), f"include {where}"), seeds


def _list(value: Any, where: str) -> Sequence[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise ConfigError(f"include {where} must be a list, such as [{{depth: head, share: 100, name: all}}].")
    return value
