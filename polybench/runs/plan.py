"""Plans: stages, each an ordinary recipe with changes, and where each stage's backbone comes from.

A plan is a YAML file:

    name: scheme1_clinicdb
    seeds: [0, 1, 2]
    options:                       # for every stage, as on the command line of fit
      model.net.encoder_weights: null
    stages:
      S1: {recipe: ../fcn16s_clinicdb.yaml, from: imagenet}
      C2: {recipe: ../patches_clinicdb.yaml, from: S1, options: {trainer.max_epochs: 20}}
      S3: {recipe: ../fcn16s_clinicdb.yaml, from: C2}

`from` is an earlier stage, `imagenet`, a checkpoint or safetensors file, or null for random weights.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

import yaml

from polybench.errors import ConfigError, did_you_mean

IMAGENET = "imagenet"
FILES = (".ckpt", ".safetensors")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


@dataclass(frozen=True)
class Stage:
    """One recipe of a plan.

    Attributes:
        name: Its name in the plan.
        recipe: Its file.
        options: Changes: key of the configuration -> value.
        source: Where its backbone comes from: a stage, `imagenet`, a file, or None for random weights.
    """

    name: str
    recipe: Path
    options: Mapping[str, Any]
    source: str | None

    def words(self) -> list[str]:
        """The words of `polybench fit` for it, without those of a seed."""
        options = [word for key, value in self.options.items() for word in (f"--{key}", as_word(value))]
        transfer = ["--trainer.callbacks+", "TransferCallback", "--trainer.callbacks.source", as_word(self.source)]
        return ["--config", str(self.recipe), *options, *transfer]


@dataclass(frozen=True)
class Plan:
    """An acyclic graph of stages, to be run for each seed.

    Attributes:
        name: Its name, part of the variants of its runs.
        stages: Name -> stage; each comes after the one that it starts from.
        seeds: Seeds.
    """

    name: str
    stages: Mapping[str, Stage]
    seeds: tuple[int, ...]

    def parent(self, stage: Stage) -> Stage | None:
        """The stage that gives the backbone, if one does."""
        return self.stages.get(stage.source) if stage.source else None


def read_plan(path: Path) -> Plan:
    """Read a plan; recipes and donors are looked up beside it.

    Raises:
        ConfigError: If the file, a recipe or a donor is missing, a key is unknown, a value has another form, or the
            stages form a circle.
    """
    data = _mapping(_load(path), f"'{path}'", {"name", "seeds", "options", "stages"})
    name = data.get("name", path.stem)
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ConfigError(f"The name of the plan '{path}' must be a word of letters, digits and _, not {name!r}.")
    seeds = data.get("seeds", [0])
    if not isinstance(seeds, list) or not seeds or any(type(seed) is not int or seed < 0 for seed in seeds):
        raise ConfigError(f"seeds in '{path}' must be a list of whole numbers from 0, such as [0, 1, 2].")
    common = _mapping(data.get("options") or {}, f"options in '{path}'")
    described = _mapping(data.get("stages") or {}, f"stages in '{path}'")
    if not described:
        raise ConfigError(f"The plan '{path}' has no stages: name at least one under stages.")
    stages = {key: _stage(key, value, common, path, list(described)) for key, value in described.items()}
    return Plan(name, {key: stages[key] for key in _order(stages, path)}, tuple(dict.fromkeys(seeds)))


def as_word(value: Any) -> str:
    """A value as it stands on a command line."""
    if isinstance(value, str):
        return value
    return json.dumps(value)


def recipe_text(recipe: Path) -> str:
    """A recipe and the fragments that it names, as one text: what it says changes when one of them does."""
    parts, waiting, seen = [], [recipe], set()
    while waiting:
        file = waiting.pop(0).resolve()
        if file in seen:
            continue
        seen.add(file)
        text = file.read_text(encoding="utf-8")
        parts.append(f"# {file.name}\n{text}")
        waiting += [file.parent / name for name in _fragments(yaml.safe_load(text)) if (file.parent / name).is_file()]
    return "\n".join(parts)


def _fragments(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value] if value.endswith((".yaml", ".yml")) else []
    items = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else []
    return [name for item in items for name in _fragments(item)]


def _load(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise ConfigError(f"The plan '{path}' can't be read: {reason}.") from error


def _mapping(value: Any, what: str, known: set[str] | None = None) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ConfigError(f"{what} must be a mapping of names to values, not {value!r}.")
    for key in value:
        if known is not None and key not in known:
            raise ConfigError(f"{what} has the unknown key '{key}'.{did_you_mean(str(key), sorted(known))}")
    return {str(key): item for key, item in value.items()}


def _stage(name: str, value: Any, common: Mapping[str, Any], path: Path, names: Sequence[str]) -> Stage:
    where = f"stage '{name}' in '{path}'"
    if not _NAME.fullmatch(name) or name == IMAGENET:
        raise ConfigError(f"The name of {where} must be a word of letters, digits and _, and not '{IMAGENET}'.")
    data = _mapping(value, where, {"recipe", "from", "options"})
    recipe = data.get("recipe")
    if not isinstance(recipe, str) or not (path.parent / recipe).is_file():
        raise ConfigError(f"{where} needs a recipe that exists, looked up beside the plan, not {recipe!r}.")
    options = {**common, **_mapping(data.get("options") or {}, f"options of {where}")}
    for key in options:
        if key.startswith("-"):
            raise ConfigError(f"options of {where} are written without dashes: {key.lstrip('-')}, not {key}.")
    return Stage(name, path.parent / recipe, options, _source(data.get("from"), where, path, names))


def _source(value: Any, where: str, path: Path, names: Sequence[str]) -> str | None:
    if value is None or value == IMAGENET or value in names:
        return value  # type: ignore[no-any-return]
    file = path.parent / str(value)
    if str(value).endswith(FILES):
        if file.is_file():
            return str(file.resolve())
        raise ConfigError(f"{where} starts from '{value}', which is not there.")
    hint = did_you_mean(str(value), [*names, IMAGENET])
    raise ConfigError(f"{where} starts from '{value}', which is no stage, no file and not '{IMAGENET}'.{hint}")


def _order(stages: Mapping[str, Stage], path: Path) -> list[str]:
    """Names so that each comes after the one that it starts from; the file's order where that leaves a choice."""
    graph = {name: [stage.source] if stage.source in stages else [] for name, stage in stages.items()}
    try:
        return list(TopologicalSorter(graph).static_order())  # type: ignore[arg-type]
    except CycleError as error:
        raise ConfigError(f"The stages of '{path}' form a circle: {' -> '.join(error.args[1])}.") from error
