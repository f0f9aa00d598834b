"""Recipes of papers have the numbers that are printed there, or that the released code has.

The numbers are copied by hand from the papers and the released code of EFEN (no code; what it leaves open is
DoubleU-Net's), FANet and FCN16s-Atrous (Keras-FCN).
"""

from typing import Any

import pytest

from tests.experiments.resolved import CONF, recipes

EFEN = {
    "model.optimizer.class_path": "torch.optim.SGD",
    "model.optimizer.lr": 1e-4,
    "model.loss.class_path": "polybench.losses.BCEDiceLoss",
    "model.loss.theta": 1.0,
    "model.lr_scheduler.class_path": "lightning.pytorch.cli.ReduceLROnPlateau",
    "model.lr_scheduler.monitor": "val/loss",
    "model.lr_scheduler.patience": 20,
    "trainer.callbacks.0.class_path": "lightning.pytorch.callbacks.EarlyStopping",
    "trainer.callbacks.0.patience": 50,
    "trainer.max_epochs": 300,
    "trainer.accumulate_grad_batches": 1,
    "data.batch_size": 8,
    "data.augment": "efen25",
    "data.expanded": True,
}
FANET = {
    "model.optimizer.class_path": "torch.optim.Adam",
    "model.loss.class_path": "polybench.models.fanet.FANetLoss",
    "model.lr_scheduler.class_path": "lightning.pytorch.cli.ReduceLROnPlateau",
    "model.lr_scheduler.factor": 0.1,
    "model.lr_scheduler.patience": 5,
    "trainer.max_epochs": 100,
    "trainer.accumulate_grad_batches": 1,
    "data.batch_size": 2,
    "data.augment": "fanet",
}
SEGMENTATION = {
    "model.optimizer.class_path": "torch.optim.Adam",
    "model.optimizer.lr": 1e-4,
    "model.optimizer.amsgrad": True,
    "model.lr_scheduler.class_path": "polybench.tasks.schedules.CosineThenFlat",
    "model.lr_scheduler.epochs": 460,
    "model.lr_scheduler.floor": 0.1,
    "trainer.max_epochs": 500,
    "trainer.accumulate_grad_batches": 1,
    "data.batch_size": 24,
    "data.size": [320, 320],
    "data.augment": "keras_fcn",
    "checkpoint.monitor": "val/iou",
    "checkpoint.mode": "max",
}
CLASSIFICATION = {
    "model.optimizer.class_path": "torch.optim.SGD",
    "model.optimizer.lr": 1e-3,
    "model.optimizer.momentum": 0.9,
    "model.lr_scheduler.class_path": "polybench.tasks.schedules.CosineThenFlat",
    "model.lr_scheduler.epochs": 230,
    "model.lr_scheduler.floor": 0.1,
    "trainer.max_epochs": 250,
    "trainer.accumulate_grad_batches": 1,
    "data.batch_size": 24,
    "data.size": 320,
    "data.augment": "keras_fcn",
    "data.negatives_per_image": 3,
    "data.dark": 26,
    "checkpoint.monitor": "val/loss",
    "checkpoint.mode": "min",
}
PRINTED: dict[str, dict[str, Any]] = {
    "efen_": EFEN,
    "unet_vgg19_": EFEN,
    "fanet_": FANET,
    "fcn16s_": SEGMENTATION,
    "patches_": CLASSIFICATION,
}
"""How the names of a paper's recipes begin -> what is printed."""

NAMES = sorted(path.stem for path in CONF.glob("*.yaml"))
PAPER_RECIPES = [(name, start) for start in PRINTED for name in NAMES if name.startswith(start)]


def value_at(config: dict[str, Any], path: str) -> Any:
    """The value at a dotted path, `init_args` left out."""
    place: Any = config
    for key in path.split("."):
        if isinstance(place, dict) and key not in place:
            place = place["init_args"]
        place = place[int(key) if isinstance(place, list) else key]
    return place


@pytest.mark.parametrize(("name", "start"), PAPER_RECIPES)
def test_a_papers_recipe_has_the_printed_numbers(name: str, start: str) -> None:
    config = recipes()[name]
    assert {path: value_at(config, path) for path in PRINTED[start]} == PRINTED[start]


@pytest.mark.parametrize("name", [name for name, start in PAPER_RECIPES if start == "fanet_"])
def test_fanet_has_a_larger_rate_on_vessels(name: str) -> None:
    rate = value_at(recipes()[name], "model.optimizer.lr")
    assert rate == (1e-3 if name in {"fanet_drive", "fanet_chase"} else 1e-4)


def test_every_published_recipe_is_one_of_a_paper() -> None:
    published = {name for name, config in recipes().items() if config["budget"] == "published"}
    assert len(published) == 11
    assert published <= {name for name, _ in PAPER_RECIPES}
