"""Plans as YAML files.

    name: scheme1_clinicdb
    seeds: [0, 1, 2]
    options:                       # of every stage with a recipe, as on the command line of fit
      model.net.encoder_weights: null
    stages:
      S1: {recipe: ../fcn16s_clinicdb.yaml, inputs: {encoder: imagenet}}
      C2: {recipe: ../patches_clinicdb.yaml, inputs: {encoder: S1}, options: {trainer.max_epochs: 20}}
      S3: {recipe: ../fcn16s_clinicdb.yaml, inputs: {encoder: C2}}
      S3+C2: {command: test, inputs: {checkpoint: S3, classifier: C2}}

A recipe is a file beside the plan, or a list of files: a method, a dataset and what changes them. An input is a file of
another stage (see `polybench.methods.inputs`), named by that stage; or a file beside the plan; or a value that the
input knows, such as `imagenet`; or null for none. A stage without a recipe tests a checkpoint: recipe, options and seed
are those of the stage that gives it. A stage with `seed: 0` is run once, with that seed, for all.
"""

from collections.abc import Mapping
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any, cast

from polybench.core.errors import ConfigError, did_you_mean, shortened
from polybench.experiments.yaml_text import load, read_text
from polybench.methods.inputs import CHECKPOINT, Command, known_inputs
from polybench.runs.earlier_form import translated
from polybench.runs.plan import Plan, Stage
from polybench.runs.plan_values import (
    NAME,
    config_files,
    is_seed,
    mapping,
    merged,
    option_mapping,
    plan_name,
    seed_list,
)

FILES = (".ckpt", ".safetensors")
NOT_OF_A_TEST = ("choose", "images", "save_every", "scale_batch", "validations")
"""Options of `fit` that `test` doesn't have."""
_RECIPE_KEYS = {"bases", "budget", "data", "model", "trainer"}
_KEYS = {"command", "recipe", "inputs", "options", "seed"}


def read_plan(path: Path) -> Plan:
    """Read a plan; recipes and files are looked up beside it.

    Raises:
        ConfigError: If the file, a recipe or an input's file is missing, a key is unknown or stands twice, a value has
            another form, a stage takes one file for two inputs, or the stages form a circle.
    """
    text = read_text(path)
    found = load(text, f"'{path}'")
    if isinstance(found, Mapping) and "stages" not in found and _RECIPE_KEYS & found.keys():
        raise ConfigError(f"'{path}' is a recipe, not a plan: give a plan, such as those of conf/plans.")
    if isinstance(found, Mapping) and "depths" in found and "stages" not in found:
        raise ConfigError(f"'{path}' is a study of fine-tuning, not a plan of stages: run it with polybench finetune.")
    if isinstance(found, Mapping) and "methods" in found and "stages" not in found:
        raise ConfigError(f"'{path}' is a matrix, not a plan of stages: run it with polybench matrix.")
    data = mapping(found, f"'{path}'", {"name", "seeds", "options", "stages"})
    name = plan_name(data.get("name", path.stem), path)
    seeds = seed_list(data.get("seeds", [0]), f"in '{path}'")
    common = mapping(data.get("options") or {}, f"options in '{path}'")
    described = mapping(data.get("stages") or {}, f"stages in '{path}'")
    if not described:
        raise ConfigError(f"The plan '{path}' has no stages: name at least one under stages.")
    described = {key: _described(key, value, path) for key, value in translated(described).items()}
    inputs = {key: _inputs(key, value, path, described) for key, value in described.items()}
    stages: dict[str, Stage] = {}
    for key in _order(inputs, path):
        stages[key] = _stage(key, described[key], inputs[key], common, path, stages)
    named = {key: replace(stage, variant=f"{name}-{key}") for key, stage in stages.items()}
    plan = Plan(name, _with_exports(named), seeds, text)
    _refuse_missing_seeds(plan, path)
    return plan


def _described(name: str, value: Any, path: Path) -> Mapping[str, Any]:
    """What the file says of a stage, its keys checked."""
    where = _where(name, path)
    data = mapping(value, where, _KEYS)
    if data.get("command", "fit") not in ("fit", "test"):
        raise ConfigError(f"command of {where} must be fit or test, not {shortened(repr(data['command']))}.")
    return data


def _inputs(name: str, data: Mapping[str, Any], path: Path, names: Mapping[str, Any]) -> dict[str, str | None]:
    """A stage's inputs, each a stage, an absolute path, a value that the input knows, or None."""
    where, known = _where(name, path), known_inputs()
    given = mapping(data.get("inputs") or {}, f"inputs of {where}")
    for key in given:
        if key not in known or _command(data) not in known[key].commands:
            possible = [one for one, what in known.items() if _command(data) in what.commands]
            if key in known and "command" not in data and _command(data) == "fit":
                raise ConfigError(f"{where} takes a {key}, which only a test takes: add command: test.")
            hint = did_you_mean(key, possible) or f" {_command(data)} takes {' and '.join(sorted(possible))}."
            raise ConfigError(f"inputs of {where} has the unknown input '{key}'.{hint}")
    found = {key: _input(key, value, where, path, list(names)) for key, value in given.items()}
    tested, has_recipe, tests = found.get(CHECKPOINT), data.get("recipe") is not None, _command(data) == "test"
    if (tests and tested is None) or not (has_recipe or (tests and tested in names)):
        raise ConfigError(
            f"{where} needs a recipe to fit, looked up beside the plan, or the checkpoint of a stage to test, such as "
            f"inputs: {{{CHECKPOINT}: {next(iter(names))}}}."
        )
    for key, value in found.items():
        if value is not None and value in names and _command(names[value]) == "test":
            raise ConfigError(f"{where} takes its {key} from '{value}', which only tests: name a stage that trains.")
        same = [one for one in found if one != key and known[one].file == known[key].file and found[one] == value]
        if value in names and same:
            raise ConfigError(f"{where} takes its {key} and its {same[0]} from '{value}': name another stage for one.")
    return found


def _input(key: str, value: Any, where: str, path: Path, names: list[str]) -> str | None:
    values = known_inputs()[key].values
    if value is None or value in values or value in names:
        return cast(str | None, value)
    if str(value).endswith(FILES):
        file = path.parent / str(value)
        if file.is_file():
            return str(file.resolve())
        raise ConfigError(f"{where} takes its {key} from '{value}', which is not there.")
    others = "".join(f" and not '{one}'" for one in values)
    hint = did_you_mean(str(value), [*names, *values])
    raise ConfigError(f"{where} takes its {key} from '{value}', which is no stage, no file{others}.{hint}")


def _command(data: Mapping[str, Any]) -> Command:
    return cast(Command, data.get("command") or ("fit" if data.get("recipe") is not None else "test"))


def _stage(
    name: str,
    data: Mapping[str, Any],
    inputs: Mapping[str, str | None],
    common: Mapping[str, Any],
    path: Path,
    before: Mapping[str, Stage],
) -> Stage:
    """A stage, once those are read that give its inputs."""
    where, recipe, seed = _where(name, path), data.get("recipe"), data.get("seed")
    if seed is not None and not is_seed(seed):
        raise ConfigError(f"seed of {where} must be a whole number from 0 to 4294967295, not {shortened(repr(seed))}.")
    if recipe is None:
        tested = before[str(inputs[CHECKPOINT])]
        options = merged(_of_a_test(tested.options), option_mapping(data.get("options"), where))
        return Stage(name, "test", tested.configs, options, inputs, tested.seed if seed is None else seed)
    command = _command(data)
    common = _of_a_test(common) if command == "test" else common
    files = config_files(recipe, where, path)
    return Stage(name, command, files, merged(common, option_mapping(data.get("options"), where)), inputs, seed)


def _of_a_test(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options of a fit that a test has too."""
    return {key: item for key, item in options.items() if key.partition(".")[0] not in NOT_OF_A_TEST}


def _with_exports(stages: Mapping[str, Stage]) -> dict[str, Stage]:
    """The stages, each with null for an input that it isn't given and whose file others take from it."""
    found = {}
    for name, stage in stages.items():
        taken = {key for other in stages.values() for key, value in other.inputs.items() if value == name}
        exports = [key for key in sorted(taken - stage.inputs.keys()) if known_inputs()[key].exported]
        found[name] = replace(stage, inputs={**stage.inputs, **dict.fromkeys(exports)})
    return found


def _refuse_missing_seeds(plan: Plan, path: Path) -> None:
    """Refuse a stage of one seed that needs a stage which isn't run with that seed."""
    for stage in plan.stages.values():
        for source in plan.sources(stage).values():
            if source.seed is None and stage.seed is not None and stage.seed not in plan.seeds:
                raise ConfigError(
                    f"{_where(stage.name, path)} has seed {stage.seed}, and '{source.name}', which it needs, is run "
                    f"with {', '.join(map(str, plan.seeds))} only."
                )


def _where(name: str, path: Path) -> str:
    """A stage as messages name it."""
    where = f"stage '{name}' in '{path}'"
    reserved = {value for one in known_inputs().values() for value in one.values}
    if not NAME.fullmatch(name) or name in reserved:
        others = "".join(f", and not '{value}'" for value in sorted(reserved))
        raise ConfigError(f"The name of {where} must be a word of letters, digits, _ and +{others}.")
    return where


def _order(inputs: Mapping[str, Mapping[str, str | None]], path: Path) -> list[str]:
    """Names so that each comes after those that give its inputs; the file's order where that leaves a choice."""
    graph = {name: [value for value in given.values() if value and value in inputs] for name, given in inputs.items()}
    try:
        return list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        raise ConfigError(
            f"The stages of '{path}' form a circle, {' -> '.join(error.args[1])}: give one of them null or a file "
            "instead of another stage."
        ) from error
