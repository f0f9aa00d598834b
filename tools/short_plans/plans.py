"""Copies of plans with one step for each training, small images and random weights; rows and nets are the plan's."""

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from polybench.experiments.class_versions import resolve
from polybench.experiments.documents import Documents

SIDE = 64
BATCH = 2
STEP = {
    "budget": "smoke",
    "trainer.max_epochs": 1,
    "trainer.limit_train_batches": 1,
    "trainer.accelerator": "cpu",
    "trainer.precision": "32-true",
}
"""Options of a training that has one step."""

BY_IMAGES = {"budget": "smoke", "images": BATCH, "validations": 1, "choose": None, "trainer.precision": "32-true"}
"""The same of one whose length is a number of images."""

RANDOM_WEIGHTS = {"encoder_weights": None, "pretrained": False}


def shortened(plan: Path) -> dict[str, Any]:
    """The short copy of a plan, as it is written to YAML; the files that it names stand with their whole paths.

    Args:
        plan: File of the plan, a matrix or a plan of stages.
    """
    found: dict[str, Any] = yaml.safe_load(plan.read_text())
    return _stages(found, plan.parent) if "stages" in found else _matrix(found, plan.parent)


def _matrix(found: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The short copy of a matrix: inclusions, which win over all options, change each of its methods."""
    found["seeds"] = [0]
    found["configs"] = [str(folder / file) for file in found.get("configs", [])]
    found["datasets"] = {name: _part(part, folder) for name, part in found["datasets"].items()}
    found["methods"] = {name: _part(part, folder) | {"seeds": [0]} for name, part in found["methods"].items()}
    length = BY_IMAGES if found["configs"] else STEP
    for name, method in found["methods"].items():
        size = {} if "data.size" in method.get("options", {}) else {"data.size": [SIDE, SIDE]}
        batch = {"data.batch_size": BATCH, "data.eval_batch_size": BATCH, "data.allow_missing": True}
        options = {**length, **size, **batch, **random_weights(Path(method["config"]))}
        found.setdefault("include", []).append({"method": name, "options": options})
    return found


def _part(part: Any, folder: Path) -> dict[str, Any]:
    """A method or a dataset of a matrix, with the whole path of its file."""
    data = dict(part) if isinstance(part, Mapping) else {"config": part}
    return {**data, "config": str(folder / data["config"])}


def random_weights(method: Path) -> dict[str, Any]:
    """Options of a method's net that would fetch weights, set to random ones."""
    net = Documents().configuration(method)["model"]["init_args"]["net"]
    known = inspect.signature(resolve(net["class_path"])).parameters
    return {f"model.net.{name}": value for name, value in RANDOM_WEIGHTS.items() if name in known}


def _stages(found: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The short copy of a plan of stages, with the smallest encoder."""
    found["seeds"] = [0]
    found["options"] = {**found.get("options", {}), "model.net.encoder": "tu-test_resnet"}
    for stage in found["stages"].values():
        if "recipe" in stage:
            stage["recipe"] = str(folder / stage["recipe"])
            stage["inputs"] = {key: None if name == "imagenet" else name for key, name in stage["inputs"].items()}
            stage["options"] = {**stage.get("options", {}), **STEP, **_data(Path(stage["recipe"]))}
    return found


def _data(recipe: Path) -> dict[str, Any]:
    """Options of the data of a stage: images, patches of images, or both."""
    inner = Documents().configuration(recipe)["data"].get("init_args", {})
    if "images" in inner:
        small = {"images.size": [SIDE, SIDE], "patches.size": SIDE, "images.allow_missing": True}
        batches = {f"{part}.batch_size": BATCH for part in ("images", "patches")}
        return {f"data.{name}": value for name, value in {**small, **batches}.items()}
    batch = {"data.batch_size": BATCH, "data.eval_batch_size": BATCH}
    if "source" in inner:
        return {"data.size": SIDE, "data.source.allow_missing": True, **batch}
    return {"data.size": [SIDE, SIDE], "data.allow_missing": True, **batch}
