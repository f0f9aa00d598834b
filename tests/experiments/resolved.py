"""Every recipe's resolved configuration, parsed once for all tests."""

import copy
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from polybench.experiments.session import Session

CONF = Path(__file__).parents[2] / "conf"


class _Parsed(Session):
    """Parses, and builds nothing."""

    def before_instantiate_classes(self) -> None: ...

    def instantiate_classes(self) -> None: ...

    def after_instantiate_classes(self) -> None: ...


def parsed(*words: str) -> Session:
    return _Parsed("fit", list(words))


@lru_cache(maxsize=1)
def _all_with_linked_seeds() -> dict[str, dict[str, Any]]:
    found = {}
    for recipe in sorted(CONF.glob("*.yaml")):
        session = parsed("--config", str(recipe))
        found[recipe.stem] = yaml.safe_load(
            session.parser.dump(session.config, skip_link_targets=False, skip_none=False, format="yaml")
        )
    return found


def recipes() -> dict[str, dict[str, Any]]:
    """Recipe -> its configuration with all arguments, also those that are linked to the seed."""
    return copy.deepcopy(_all_with_linked_seeds())
