"""A plan: stages, each an ordinary run of a recipe, that take files of each other as named inputs."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from polybench.experiments.recipes import beside
from polybench.experiments.yaml_text import load, read_text
from polybench.methods.inputs import Command, known_inputs


@dataclass(frozen=True)
class Stage:
    """One run of a plan, for each of its seeds.

    Attributes:
        name: Its name in the plan.
        command: `fit` trains; `test` evaluates a checkpoint.
        configs: The files of its recipe, in their order: one, or a method, a dataset and what changes them.
        options: Changes of the recipe: key of the configuration -> value.
        inputs: Input -> the stage that it comes from, the path of a file, another value that the input takes, or None.
        seed: The only seed that it is run with, for all of the plan; None for one run of each seed.
        seeds: The seeds that it is run with in place of the plan's; None for those of the plan.
        variant: The variation of the recipe in its records.
    """

    name: str
    command: Command
    configs: tuple[Path, ...]
    options: Mapping[str, Any]
    inputs: Mapping[str, str | None]
    seed: int | None = None
    seeds: tuple[int, ...] | None = None
    variant: str | None = None

    def recipe_words(self) -> list[str]:
        """Words of its command line that name the recipe and change it."""
        return [*self._config_words(), *_words(self.options)]

    def _config_words(self) -> list[str]:
        return [word for config in self.configs for word in ("--config", str(config))]

    def input_words(self, paths: Mapping[str, Path]) -> list[str]:
        """Words of its command line that give the inputs.

        Args:
            paths: Input -> the file that it is; other inputs stand as the plan has them.
        """
        return [
            word
            for name, value in self.inputs.items()
            for word in (*known_inputs()[name].options, as_word(str(paths[name]) if name in paths else value))
        ]

    def words(self, paths: Mapping[str, Path]) -> list[str]:
        """Words of its command line, options of a class that an input adds after that input.

        Args:
            paths: As for `input_words`.
        """
        added = [known_inputs()[name].options[0] for name in self.inputs]
        prefixes = tuple(f"{option[2:-1]}." for option in added if option.endswith("+"))
        late = {key: value for key, value in self.options.items() if prefixes and key.startswith(prefixes)}
        if any(f"{prefix[:-1]}+" in self.options for prefix in prefixes):  # they belong to a class of the plan's own
            late = {}
        early = {key: value for key, value in self.options.items() if key not in late}
        return [*self._config_words(), *_words(early), *self.input_words(paths), *_words(late)]


@dataclass(frozen=True)
class Plan:
    """An acyclic graph of stages, to be run for each seed.

    Attributes:
        name: Its name.
        stages: Name -> stage; each comes after those that give its inputs.
        seeds: Seeds.
        text: The text of its file.
    """

    name: str
    stages: Mapping[str, Stage]
    seeds: tuple[int, ...]
    text: str

    def sources(self, stage: Stage) -> dict[str, Stage]:
        """Input -> the stage that gives it; inputs that no stage gives are left out."""
        return {name: self.stages[value] for name, value in stage.inputs.items() if value and value in self.stages}

    def files_taken(self, stage: Stage) -> set[str]:
        """Files of a stage that others take, within its folder."""
        return {
            known_inputs()[name].file
            for other in self.stages.values()
            for name, source in self.sources(other).items()
            if source.name == stage.name
        }


def as_word(value: Any) -> str:
    """A value as it stands on a command line."""
    return value if isinstance(value, str) else json.dumps(value)


def _words(options: Mapping[str, Any]) -> list[str]:
    return [word for key, value in options.items() for word in (f"--{key}", as_word(value))]


def recipe_text(configs: Iterable[Path]) -> str:
    """The files of a recipe and those that they name, as one text, which changes when one of them does."""
    return "\n".join(f"# {file.name}\n{read_text(file)}" for file in recipe_files(configs))


def recipe_files(configs: Iterable[Path]) -> list[Path]:
    """The files of a recipe and those that they name, directly or not, each once."""
    found, waiting = dict[Path, None](), list(configs)
    while waiting:
        file = waiting.pop(0).resolve()
        if file not in found:
            found[file] = None
            named = (beside(file, name) for name in _files(load(read_text(file), f"'{file}'")))
            waiting += [path for path in named if path.is_file()]
    return list(found)


def _files(value: Any) -> list[str]:
    """Names of YAML files that stand anywhere in a value."""
    if isinstance(value, str):
        return [value] if value.endswith((".yaml", ".yml")) else []
    items = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else []
    return [name for item in items for name in _files(item)]
