"""Which of polybench's own recipes a configuration is, and which of them have the published settings of its classes."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from polybench.experiments.documents import Documents
from polybench.experiments.recipes import HOME

LABELS = ("name", "variant", "budget")
"""Keys that say what a configuration is called, and nothing of what it does."""


@cache
def own_recipes() -> tuple[dict[str, Any], ...]:
    """Read all of polybench's own recipes, bases and fragments resolved; the values are shared, so change none."""
    return tuple(Documents().configuration(file) for file in sorted(HOME.glob("*.yaml")))


def same_recipe(config: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the recipe of polybench's own that says the same as a composed configuration; None where none does."""
    wanted = _without_labels(config)
    return next((recipe for recipe in own_recipes() if _without_labels(recipe) == wanted), None)


def published_like(config: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return polybench's own recipes with published settings that have the task, net and dataset of a configuration.

    Args:
        config: A resolved configuration.
    """
    wanted = _classes(config)
    return [recipe for recipe in own_recipes() if recipe.get("budget") == "published" and _classes(recipe) == wanted]


def _without_labels(config: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in config.items() if key not in LABELS}


def _classes(config: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of the classes of task, net and data, without their modules."""
    model, data = config.get("model"), config.get("data")
    net = (model.get("init_args") or {}).get("net") if isinstance(model, Mapping) else None
    return tuple(_class_name(spec).rpartition(".")[2] for spec in (model, net, data))


def _class_name(spec: Any) -> str:
    return str(spec.get("class_path", "")) if isinstance(spec, Mapping) else str(spec)
