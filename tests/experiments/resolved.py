"""Every recipe's resolved configuration, parsed once for all tests by one parser."""

import copy
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from polybench.experiments.compose import compose
from polybench.experiments.run_folder import Part
from polybench.experiments.session import Session

CONF = Path(__file__).parents[2] / "conf"
KEYS = ("config", "name", "variant", "budget", "data", "model", "trainer", "checkpoint", "seed_everything")
OF_A_BLOCK = ("images", "validations", "choose")


class _Parsed(Session):
    """Parses, and builds nothing."""

    def before_instantiate_classes(self) -> None: ...

    def instantiate_classes(self) -> None: ...

    def after_instantiate_classes(self) -> None: ...


def parsed(*words: str, command: str = "fit", part: Part | None = None) -> Session:
    return _Parsed(command, list(words), part)


@cache
def _session() -> Session:
    return parsed("--config", str(CONF / "quickstart.yaml"))


def resolved(*words: str) -> dict[str, Any]:
    """The configuration of a command line with all arguments, also those that are linked to the seed."""
    parser = _session().parser
    config = parser.parse_args(compose(words, (*KEYS, *OF_A_BLOCK)).words())
    found: dict[str, Any] = yaml.safe_load(parser.dump(config, skip_link_targets=False, skip_none=False, format="yaml"))
    return found


@cache
def _all() -> dict[str, dict[str, Any]]:
    return {recipe.stem: resolved("--config", str(recipe)) for recipe in sorted(CONF.glob("*.yaml"))}


def recipes() -> dict[str, dict[str, Any]]:
    """Recipe -> its resolved configuration."""
    return copy.deepcopy(_all())


def value_at(config: dict[str, Any], path: str) -> Any:
    """The value at a dotted path, `init_args` left out."""
    place: Any = config
    for key in path.split("."):
        if isinstance(place, dict) and key not in place:
            place = place["init_args"]
        place = place[int(key) if isinstance(place, list) else key]
    return place
