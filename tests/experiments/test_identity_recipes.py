"""Every leaf of every recipe's resolved configuration counts in its identity, unless its path is listed."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from polybench.experiments.canonical import canonical
from polybench.experiments.class_versions import resolve
from polybench.experiments.identity import Batch, evaluation_id, training_id
from polybench.experiments.machine_keys import BATCH_KEYS, EVALUATION_KEYS, SHOWING_CALLBACKS, UNCOUNTED_KEYS
from polybench.results.facts import Counts, DatasetFacts
from tests.experiments.resolved import CONF, parsed, recipes, resolved

FACTS = DatasetFacts("set", "m" * 64, True, (), "split", "s" * 64, True, "", False, (), Counts(6, 3, 3), (64, 64))

Place = tuple[str | int, ...]


def dotted(place: Place) -> str:
    """The path of a place, as machine_keys writes it."""
    return ".".join(str(key) for key in place if key != "init_args")


def leaves(value: Any, place: Place = ()) -> Iterator[tuple[Place, Any]]:
    items: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
    if not items and place[-1] != "init_args":
        yield place, value
    for key, item in items:
        yield from leaves(item, (*place, key))


def perturbed(value: Any, key: object) -> Any:
    """Another value of the same kind."""
    if key == "class_path":
        return "torch.nn.Identity"
    if key == "choose":
        return {"option": "model.optimizer.lr", "values": [1e-3, 1e-2], "share": 0.25}
    if key == "augment":
        return "standard" if value != "standard" else "fanet"
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    return f"{value}x" if isinstance(value, str) else 7


def put(config: dict[str, Any], place: Place, value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(config)
    inner: Any = changed
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    return changed


def ids(config: dict[str, Any]) -> tuple[str, str]:
    """Of a run with two processes, so that synchronised batch norm makes a difference."""
    return training_id(config, FACTS, Batch.of(config, 2), None), evaluation_id(config, FACTS, ["per_image@1"])


def listed(path: str) -> bool:
    return any(path == key or path.startswith(f"{key}.") for key in UNCOUNTED_KEYS)


@pytest.mark.slow
def test_a_changed_leaf_changes_the_identity_unless_it_is_listed() -> None:
    wrong, tried = [], set()
    for name, config in recipes().items():
        before = ids(config)
        for place, value in leaves(config):
            path = dotted(place)
            if (path, str(value), str(config["model"]["class_path"])) in tried:
                continue
            tried.add((path, str(value), str(config["model"]["class_path"])))
            after = ids(put(config, place, perturbed(value, place[-1])))
            if (after == before) != listed(path):
                wrong.append(f"{name}: {path}")
    assert not wrong
    assert len(tried) > 500


def test_every_listed_path_stands_in_a_recipe() -> None:
    crops = resolved(*(f"--config={CONF / name}.yaml" for name in ("methods/unet_lite0", "data/drive_crops")))
    paths = {dotted(place) for config in (*recipes().values(), crops) for place, _ in leaves(config)}
    standing = {path for key in UNCOUNTED_KEYS | BATCH_KEYS | EVALUATION_KEYS for path in [key] if path in paths}
    inner = {key for key in UNCOUNTED_KEYS for path in paths if path.startswith(f"{key}.")}
    assert standing | inner == UNCOUNTED_KEYS | BATCH_KEYS | EVALUATION_KEYS


def test_an_evaluation_batch_counts_in_the_evaluation_alone() -> None:
    config = recipes()["quickstart"]
    changed = put(config, ("data", "init_args", "eval_batch_size"), 3)
    assert ids(changed)[0] == ids(config)[0]
    assert ids(changed)[1] != ids(config)[1]


def test_recipes_have_identities_of_their_own() -> None:
    found = [str(canonical(config)) for config in recipes().values()]
    assert len(set(found)) == len(found)


def test_the_seed_that_is_passed_on_does_not_count() -> None:
    config = recipes()["quickstart"]
    session = parsed("--config", str(CONF / "quickstart.yaml"))
    assert "seed" not in session.plain_config()["data"]["init_args"]
    assert canonical(session.plain_config()) == canonical(config)


def test_values_written_out_that_are_defaults_change_nothing() -> None:
    config = recipes()["quickstart"]
    del config["model"]["init_args"]["net"]["init_args"]["skip"]
    del config["trainer"]["gradient_clip_val"]
    assert ids(config) == ids(recipes()["quickstart"])


@pytest.mark.parametrize("class_path", sorted(SHOWING_CALLBACKS))
def test_listed_callbacks_exist_and_do_not_count(class_path: str) -> None:
    assert isinstance(resolve(class_path), type)
    config = recipes()["quickstart"]
    changed = put(config, ("trainer", "callbacks"), [{"class_path": class_path, "init_args": {}}])
    assert ids(changed) == ids(config)
