"""Values that the files of plans and matrices hold, checked: mappings, names, seeds, options, files of a recipe."""

import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from polybench.core.errors import ConfigError, did_you_mean, shortened
from polybench.experiments.recipes import FOLDER, beside, nearest_file

NOT_OF_A_RUN = {"config", "h", "help", "print_config"}
"""Options of the command line that print something, or name files that a plan names itself."""

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_+]*")
"""A name of a plan, a stage, a method or a dataset."""


def mapping(value: Any, what: str, known: set[str] | None = None) -> Mapping[str, Any]:
    """A mapping of names to values.

    Args:
        value: What the file says.
        what: Its name in messages.
        known: The names that it may have; None for any.

    Raises:
        ConfigError: If it is none, or has an unknown name.
    """
    if not isinstance(value, Mapping):
        raise ConfigError(f"{what} must be a mapping of names to values, not {shortened(repr(value))}.")
    for key in value:
        if known is not None and key not in known:
            raise ConfigError(f"{what} has the unknown key '{key}'.{did_you_mean(str(key), sorted(known))}")
    return {str(key): item for key, item in value.items()}


def plan_name(value: Any, path: Path) -> str:
    """The name of a plan.

    Raises:
        ConfigError: If it is no word.
    """
    if not isinstance(value, str) or not NAME.fullmatch(value):
        raise ConfigError(f"The name of the plan '{path}' must be a word of letters, digits, _ and +, not {value!r}.")
    return value


def seed_list(value: Any, where: str) -> tuple[int, ...]:
    """Seeds.

    Raises:
        ConfigError: If it isn't a list of whole numbers that 32 bits hold, or one of them stands twice.
    """
    if not isinstance(value, list) or not value or not all(map(is_seed, value)):
        raise ConfigError(f"seeds {where} must be a list of whole numbers from 0 to 4294967295, such as [0, 1, 2].")
    if twice := [seed for seed in value if value.count(seed) > 1]:
        raise ConfigError(f"seeds {where} has {twice[0]} more than once: each seed is run once.")
    return tuple(value)


def is_seed(value: Any) -> bool:
    """Whether a value can be a seed: 32 bits, the most that numpy takes."""
    return type(value) is int and 0 <= value < 2**32


def option_mapping(value: Any, where: str) -> Mapping[str, Any]:
    """Options of a command line, key -> value.

    Raises:
        ConfigError: If it is no mapping, a key is written with dashes or is no option of a run, or a value can't stand
            on a command line.
    """
    options = mapping(value or {}, f"options of {where}")
    for key, item in options.items():
        if key.startswith("-"):
            raise ConfigError(f"options of {where} are written without dashes: {key.lstrip('-')}, not {key}.")
        if key in NOT_OF_A_RUN:
            raise ConfigError(f"options of {where} have '{key}', which is no option of a run: leave it out.")
        try:
            json.dumps(item)
        except (TypeError, ValueError) as error:
            shown = shortened(repr(item))
            raise ConfigError(
                f"'{key}' in the options of {where} must be text, number, list or mapping, not {shown}."
            ) from error
    return options


def merged(*options: Mapping[str, Any]) -> dict[str, Any]:
    """Options of which later ones win; one that holds others, such as `data.crop`, or is held by one comes after it."""
    found: dict[str, Any] = {}
    for one in options:
        for key, value in one.items():
            if any(other.startswith(f"{key}.") or key.startswith(f"{other}.") for other in found):
                found.pop(key, None)
            found[key] = value
    return found


def config_files(value: Any, where: str, path: Path) -> tuple[Path, ...]:
    """The files of a recipe, looked up beside the plan.

    Args:
        value: A name, or a list of names, in the order in which they change each other.
        where: What takes them, in messages.
        path: The plan's file.

    Raises:
        ConfigError: If there is none, or one of them isn't there.
    """
    names: Sequence[Any] = value if isinstance(value, list) and value else [value]
    for name in names:
        if not isinstance(name, str) or not beside(path, name).is_file():
            hint = ""
            if isinstance(name, str):
                hint = nearest_file(Path(name) if Path(name).parts[:1] == (FOLDER,) else beside(path, name))
            raise ConfigError(
                f"{where} needs a recipe that exists, looked up beside the plan, or one of polybench's own by a name "
                f"such as conf/methods/unet_lite0.yaml, not {name!r}.{hint}"
            )
    return tuple(Path(os.path.normpath(beside(path, name))) for name in names)
