"""Recipes have the settings that their papers print, and a changed setting is noticed."""

from typing import Any

import pytest

from tests.conf.printed import PRINTED
from tests.experiments.resolved import recipes, value_at


def differing(name: str, config: dict[str, Any]) -> dict[str, Any]:
    """What of a configuration differs from what is printed."""
    found = {path: value_at(config, path) for path in PRINTED[name]}
    return {path: value for path, value in found.items() if value != PRINTED[name][path]}


@pytest.mark.parametrize("name", PRINTED)
def test_recipe_has_the_printed_settings(name: str) -> None:
    assert differing(name, recipes()[name]) == {}


def test_every_published_recipe_is_checked() -> None:
    published = {name for name, config in recipes().items() if config["budget"] == "published"}
    assert len(published) == 18
    assert published <= PRINTED.keys()


def test_both_halves_of_the_coupled_nets_see_padded_squares() -> None:
    fits = {
        name: value_at(config, "data.images.fit" if name.startswith("joint") else "data.fit")
        for name, config in recipes().items()
        if name.startswith(("fcn16s", "joint"))
    }
    assert len(fits) == 6
    assert set(fits.values()) == {"letterbox"}


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [("model.optimizer", "lr", 1e-2), ("data", "batch_size", 3), ("trainer", "max_epochs", 30)],
)
def test_changed_setting_is_noticed(section: str, key: str, value: float) -> None:
    for name in PRINTED:
        config = recipes()[name]
        place = value_at(config, section)
        (place["init_args"] if "class_path" in place else place)[key] = value
        assert differing(name, config) == {f"{section}.{key}": value}
