"""A class whose numbers move has a new version, since its version is what a run's identity holds of it."""

import importlib
import inspect
import pkgutil
from dataclasses import replace

import pytest
from golden_digests import ENTRIES, complaint, stored
from torch import nn
from torch.optim.lr_scheduler import LRScheduler

import polybench
from polybench import datasets, models, tasks
from polybench.augment import POLICY_NAMES
from polybench.augment.operations import Operation
from polybench.experiments.class_versions import our_versions, public_path
from polybench.methods.transfer import TransferCallback
from polybench.moved import NAMES


def our_classes() -> list[type]:
    """Every class of polybench."""
    names = [module.name for module in pkgutil.walk_packages(polybench.__path__, "polybench.")]
    modules = [importlib.import_module(name) for name in names if not name.endswith("__main__")]
    found = {
        value
        for module in modules
        for value in vars(module).values()
        if inspect.isclass(value) and value.__module__ == module.__name__
    }
    return sorted(found, key=lambda cls: f"{cls.__module__}.{cls.__qualname__}")


def configurable() -> set[str]:
    """Classes that can stand in a configuration: what the rooms list, and every loss and schedule."""
    named = {f"polybench.models.{name}" for name in models.__all__}
    named |= {f"polybench.datasets.{name}" for name in datasets.__all__}
    named |= {f"polybench.tasks.{name}" for name in [*tasks.__all__, *NAMES["polybench.tasks"]]}
    named |= {"polybench.data.patch_module.PatchDataModule", "polybench.data.joint_module.JointDataModule"}
    for cls in our_classes():
        loss = issubclass(cls, nn.Module) and cls.__name__.endswith("Loss")
        if (loss or issubclass(cls, LRScheduler)) and not inspect.isabstract(cls) and not cls.__name__.startswith("_"):
            named.add(public_path(cls))
    return named


@pytest.mark.parametrize("name", sorted(ENTRIES))
def test_numbers_are_those_of_the_version(name: str) -> None:
    message = complaint(name, ENTRIES[name](), stored().get(name))
    assert message is None, message


def test_every_class_that_can_stand_in_a_configuration_has_golden_numbers() -> None:
    missing = configurable() | {f"augmentation {name}" for name in POLICY_NAMES}
    assert missing - set(ENTRIES) == set(), "add them to tools/golden/"
    assert set(stored()) == set(ENTRIES)


def test_every_class_that_can_stand_in_a_configuration_has_a_version() -> None:
    unversioned = {
        public_path(cls) for cls in our_classes() if public_path(cls) in configurable() and not our_versions(cls)
    }
    assert unversioned == set()
    assert our_versions(TransferCallback)
    assert all(our_versions(cls) for cls in our_classes() if issubclass(cls, Operation))


def test_moved_numbers_are_complained_of_in_a_sentence() -> None:
    name = "polybench.tasks.schedules.CosineThenFlat"
    before = stored()[name]
    moved = replace(before, numbers={"rates": [0.5, *before.numbers["rates"][1:]]})
    assert complaint(name, moved, before) == (
        f"The numbers of {name} moved (rates): raise its version and run python tools/golden_digests.py '{name}'."
    )
    assert complaint(name, before, before) is None
    said = complaint(name, replace(moved, version="9"), before)
    assert said is not None
    assert "version 9" in said


def test_last_bits_are_no_change() -> None:
    before = stored()["polybench.models.EFEN"]
    nudged = {what: [value * (1 + 1e-6) for value in values] for what, values in before.numbers.items()}
    assert replace(before, numbers=nudged).moved(before) == []
