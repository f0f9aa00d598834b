"""The option `choose`: a value that validation chooses among several, in short runs before the run itself.

    choose:
      option: model.optimizer.lr
      values: [3.0e-4, 1.0e-3]
      share: 0.25

Importing this module imports no torch.
"""

import math
from collections.abc import Mapping, MutableMapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from polybench.core.errors import ConfigError, did_you_mean
from polybench.experiments.argv import options_of

SECTION = "model"
"""The part of a configuration of which an option can be chosen; others state the data, the budget or the selection."""


@dataclass
class Choice:
    """A value that is chosen on validation.

    Each value trains a share of the run's images from its seed, as a run of its own with a schedule of that length. The
    one with the best validation, by what selects the checkpoint too, is the run's; of equal ones the smaller.

    Args:
        option: The option, such as `model.optimizer.lr`; one of the model.
        values: The numbers to choose from, at least two.
        share: Share of the run's images that each value trains, above 0 and at most 1.
    """

    option: str
    values: list[int | float]
    share: float = 0.25


def plain_option(option: str) -> str:
    """Return an option as a command line has it, without `init_args`."""
    return ".".join(key for key in option.split(".") if key != "init_args")


def settle_choice(config: Any, args: Sequence[str]) -> None:
    """Check what is to be chosen, and put it into one form: the option without `init_args`, the values in their order.

    Args:
        config: The parsed configuration, which is changed.
        args: The words of the command line.

    Raises:
        ConfigError: If nothing can be chosen so.
    """
    choice = config.get("choose")
    if choice is None:
        return
    option = choice.option = plain_option(choice.option)
    values = choice["values"] = sorted(choice["values"])
    if config.images is None:
        raise ConfigError(
            "choose trains a share of the run's images for each value, and the run has no number of them: add "
            "--images, or --choose null."
        )
    if len(set(values)) < max(2, len(values)) or not all(map(math.isfinite, values)):
        raise ConfigError(f"choose.values needs two different numbers or more, not {values}; --choose null for none.")
    if not 0 < choice.share <= 1:
        raise ConfigError(f"choose.share must be above 0 and at most 1, not {choice.share}.")
    if (wrong := _unknown_part(config, option)) is not None:
        raise ConfigError(f"choose.option '{option}' is no option of this run's model: {wrong}")
    given = [one for one in options_of(args) if plain_option(".".join(one.keys)) == option]
    if given:
        raise ConfigError(
            f"--{option} {given[-1].value} contradicts choose, which chooses among {', '.join(map(str, values))}: add "
            "--choose null."
        )


def without_chosen(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a resolved configuration without the value that is chosen: runs that chose otherwise are seeds of one row.

    Args:
        config: The configuration, plain values.
    """
    choice = config.get("choose")
    if choice is None:
        return config
    copied = deepcopy(dict(config))
    place = _place(copied, choice["option"])
    if place is not None:
        node, key = place
        del node[key]
    return copied


def chosen_configs(config: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return a resolved configuration with each value that can be chosen; itself alone where nothing is chosen.

    Args:
        config: The configuration, plain values.
    """
    choice = config.get("choose")
    if choice is None:
        return [config]
    found: list[Mapping[str, Any]] = []
    for value in choice["values"]:
        copied = deepcopy(dict(config))
        if (place := _place(copied, choice["option"])) is not None:
            node, key = place
            node[key] = float(value) if isinstance(node[key], float) else value
        found.append(copied)
    return found


def _unknown_part(config: Any, option: str) -> str | None:
    """What is wrong with an option of the model, and what to give; None where there is such an option."""
    first, *parts = option.split(".")
    if first != SECTION or not parts:
        there = parts and _place(config, ".".join([SECTION, *parts])) is not None
        hint = f" Did you mean '{'.'.join([SECTION, *parts])}'?" if there else ""
        return f"it doesn't begin with '{SECTION}.'.{hint or ' Give one such as model.optimizer.lr.'}"
    node, before = config[SECTION], SECTION
    for part in parts:
        names = [] if node is None or isinstance(node, str | int | float | list) else list(vars(_arguments(node)))
        if part not in names:
            hint = did_you_mean(part, names) or (f" There are {', '.join(names)}." if names else "")
            return f"{before} has no '{part}'.{hint}"
        node, before = _arguments(node)[part], f"{before}.{part}"
    return None


def _place(config: Any, option: str) -> tuple[MutableMapping[str, Any], str] | None:
    """Find the arguments that hold an option, and its name among them; None where there is no such option."""
    *parents, last = option.split(".")
    node: Any = config
    for key in parents:
        node = _arguments(node).get(key)
        if node is None or isinstance(node, str | int | float | list):
            return None
    found = _arguments(node)
    return (found, last) if last in found else None


def _arguments(node: Any) -> Any:
    """The arguments of a class, or a mapping itself."""
    return (node.get("init_args") or {}) if "class_path" in node else node
