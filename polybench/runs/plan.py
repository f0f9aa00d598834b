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
      S3+C2: {refine: S3, with: C2}

`from` is an earlier stage, `imagenet`, a checkpoint or safetensors file, or null for random weights. A stage with
`seed: 0` is run once, with that seed, for all. A stage with `refine` trains nothing: it tests an earlier segmentation
again, refined by an earlier classifier of patches.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from polybench.core.errors import ConfigError, did_you_mean, shortened
from polybench.experiments.documents import load, read_text

IMAGENET = "imagenet"
FILES = (".ckpt", ".safetensors")
REFINE = "refine"
NOT_OF_A_TEST = ("save_every",)
"""Options of `fit` that `test` doesn't have."""
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_+]*")
_KEYS = {"recipe", "from", "options", "seed"}
_REFINE_KEYS = {REFINE, "with", "options"}


@dataclass(frozen=True)
class Stage:
    """One recipe of a plan.

    Attributes:
        name: Its name in the plan.
        recipe: Its file.
        options: Changes: key of the configuration -> value.
        source: Where its backbone comes from: a stage, `imagenet`, a file, or None for random weights; of a stage that
            refines, the stage whose predictions it refines.
        seed: The only seed that it is run with; None for those of the plan.
        classifier: Stage whose classifier refines; None for a stage that is trained.
    """

    name: str
    recipe: Path
    options: Mapping[str, Any]
    source: str | None
    seed: int | None = None
    classifier: str | None = None

    def words(self) -> list[str]:
        """The words of its command, `fit` or `test`, without those of a seed and those that name files of others."""
        options = [word for key, value in self.options.items() for word in (f"--{key}", as_word(value))]
        transfer = ["--trainer.callbacks+", "TransferCallback", "--trainer.callbacks.source", as_word(self.source)]
        return ["--config", str(self.recipe), *options, *(transfer if self.classifier is None else [])]


@dataclass(frozen=True)
class Plan:
    """An acyclic graph of stages, to be run for each seed.

    Attributes:
        name: Its name, part of the variants of its runs.
        stages: Name -> stage; each comes after the one that it starts from.
        seeds: Seeds.
        text: What its file says.
    """

    name: str
    stages: Mapping[str, Stage]
    seeds: tuple[int, ...]
    text: str

    def parents(self, stage: Stage) -> list[Stage]:
        """The stages that it needs: the one that gives the backbone; what is refined, and by what."""
        return [self.stages[name] for name in (stage.source, stage.classifier) if name and name in self.stages]


def read_plan(path: Path) -> Plan:
    """Read a plan; recipes and donors are looked up beside it.

    Raises:
        ConfigError: If the file, a recipe or a donor is missing, a key is unknown or stands twice, a value has another
            form, a stage is refined by itself, or the stages form a circle.
    """
    text = read_text(path)
    data = _mapping(load(text, f"'{path}'"), f"'{path}'", {"name", "seeds", "options", "stages"})
    name = data.get("name", path.stem)
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ConfigError(f"The name of the plan '{path}' must be a word of letters, digits, _ and +, not {name!r}.")
    seeds = data.get("seeds", [0])
    if not isinstance(seeds, list) or not seeds or not all(map(_is_seed, seeds)):
        raise ConfigError(f"seeds in '{path}' must be a list of whole numbers from 0 to 4294967295, such as [0, 1, 2].")
    if twice := [seed for seed in seeds if seeds.count(seed) > 1]:
        raise ConfigError(f"seeds in '{path}' has {twice[0]} more than once: each seed is run once.")
    common = _mapping(data.get("options") or {}, f"options in '{path}'")
    described = _mapping(data.get("stages") or {}, f"stages in '{path}'")
    if not described:
        raise ConfigError(f"The plan '{path}' has no stages: name at least one under stages.")
    refining = {key: value for key, value in described.items() if isinstance(value, Mapping) and REFINE in value}
    trained = [key for key in described if key not in refining]
    stages = {key: _stage(key, described[key], common, path, trained) for key in trained}
    stages |= {key: _refinement(key, value, path, stages) for key, value in refining.items()}
    stages = {key: stages[key] for key in described}
    plan = Plan(name, {key: stages[key] for key in _order(stages, path)}, tuple(seeds), text)
    _refuse_missing_seeds(plan, path)
    return plan


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
        text = read_text(file)
        parts.append(f"# {file.name}\n{text}")
        waiting += [
            file.parent / name for name in _fragments(load(text, f"'{file}'")) if (file.parent / name).is_file()
        ]
    return "\n".join(parts)


def _fragments(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value] if value.endswith((".yaml", ".yml")) else []
    items = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else []
    return [name for item in items for name in _fragments(item)]


def _mapping(value: Any, what: str, known: set[str] | None = None) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ConfigError(f"{what} must be a mapping of names to values, not {shortened(repr(value))}.")
    for key in value:
        if known is not None and key not in known:
            raise ConfigError(f"{what} has the unknown key '{key}'.{did_you_mean(str(key), sorted(known))}")
    return {str(key): item for key, item in value.items()}


def _stage(name: str, value: Any, common: Mapping[str, Any], path: Path, names: Sequence[str]) -> Stage:
    where = _where(name, path)
    data = _mapping(value, where, _KEYS)
    recipe, seed = data.get("recipe"), data.get("seed")
    if not isinstance(recipe, str) or not (path.parent / recipe).is_file():
        raise ConfigError(f"{where} needs a recipe that exists, looked up beside the plan, not {recipe!r}.")
    if seed is not None and not _is_seed(seed):
        raise ConfigError(f"seed of {where} must be a whole number from 0 to 4294967295, not {shortened(repr(seed))}.")
    options = {**common, **_options(data, where)}
    return Stage(name, path.parent / recipe, options, _source(data.get("from"), where, path, names), seed)


def _refinement(name: str, value: Mapping[str, Any], path: Path, stages: Mapping[str, Stage]) -> Stage:
    """A stage that tests another again, refined; its recipe and options are that one's, and its own on top."""
    where = _where(name, path)
    data = _mapping(value, where, _REFINE_KEYS)
    for key in (REFINE, "with"):
        if data.get(key) not in stages:
            hint = did_you_mean(str(data.get(key)), list(stages))
            raise ConfigError(f"{where} needs under '{key}' a stage that is trained, not {data.get(key)!r}.{hint}")
    if data[REFINE] == data["with"]:
        raise ConfigError(f"{where} refines '{data[REFINE]}' with itself: name a classifier of patches under 'with'.")
    refined = stages[data[REFINE]]
    options = {key: item for key, item in refined.options.items() if key not in NOT_OF_A_TEST}
    return Stage(
        name, refined.recipe, {**options, **_options(data, where)}, refined.name, refined.seed, str(data["with"])
    )


def _refuse_missing_seeds(plan: Plan, path: Path) -> None:
    """Refuse a stage of one seed that needs a stage which isn't run with that seed."""
    for stage in plan.stages.values():
        for parent in plan.parents(stage):
            if parent.seed is None and stage.seed is not None and stage.seed not in plan.seeds:
                raise ConfigError(
                    f"{_where(stage.name, path)} has seed {stage.seed}, and '{parent.name}', which it needs, is run "
                    f"with {', '.join(map(str, plan.seeds))} only."
                )


def _where(name: str, path: Path) -> str:
    where = f"stage '{name}' in '{path}'"
    if not _NAME.fullmatch(name) or name == IMAGENET:
        raise ConfigError(f"The name of {where} must be a word of letters, digits, _ and +, and not '{IMAGENET}'.")
    return where


def _options(data: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    options = _mapping(data.get("options") or {}, f"options of {where}")
    for key in options:
        if key.startswith("-"):
            raise ConfigError(f"options of {where} are written without dashes: {key.lstrip('-')}, not {key}.")
    return options


def _is_seed(value: Any) -> bool:
    """Whether a value can be a seed: 32 bits, the most that numpy takes."""
    return type(value) is int and 0 <= value < 2**32


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
    graph = {
        name: [needed for needed in (stage.source, stage.classifier) if needed in stages]
        for name, stage in stages.items()
    }
    try:
        return list(TopologicalSorter(graph).static_order())  # type: ignore[arg-type]
    except CycleError as error:
        raise ConfigError(
            f"The stages of '{path}' form a circle, {' -> '.join(error.args[1])}: let one of them start from null, "
            "imagenet or a file."
        ) from error
