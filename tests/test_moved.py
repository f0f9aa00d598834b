"""Import paths of earlier versions go on working, and identities keep the path that a class was published under."""

from importlib import import_module

import pytest

from polybench.experiments.class_versions import public_path, resolve
from polybench.moved import MODULES, NAMES


@pytest.mark.parametrize("earlier", sorted(MODULES))
def test_moved_module_has_the_same_objects(earlier: str) -> None:
    module, now = import_module(earlier), import_module(MODULES[earlier])
    public = [name for name in vars(now) if not name.startswith("__")]
    assert public
    assert all(getattr(module, name) is getattr(now, name) for name in public)


@pytest.mark.parametrize(("package", "name"), [(package, name) for package in NAMES for name in NAMES[package]])
def test_class_that_moved_is_found_under_both_paths(package: str, name: str) -> None:
    assert resolve(f"{package}.{name}") is resolve(f"{NAMES[package][name]}.{name}")


@pytest.mark.parametrize(
    "path",
    [
        "polybench.callbacks.TransferCallback",
        "polybench.data.joint_module.JointDataModule",
        "polybench.tasks.FeedbackSegmentationTask",
        "polybench.tasks.JointTask",
    ],
)
def test_identity_keeps_the_first_path(path: str) -> None:
    assert public_path(resolve(path)) == path


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="FeedbackTask"):
        resolve("polybench.tasks").FeedbackTask  # noqa: B018
