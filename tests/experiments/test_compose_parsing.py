"""The parser resolves what is composed as it resolves the files themselves."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from lightning.pytorch import LightningDataModule, LightningModule, Trainer
from lightning.pytorch.cli import LightningArgumentParser

from polybench.datasets import ClinicDBDataModule
from polybench.experiments.compose import compose
from polybench.methods import import_all

CONF = Path(__file__).parents[2] / "conf"
KNOWN = ("name", "budget", "data", "model", "trainer", "checkpoint")
FILES = {
    "quickstart": ["quickstart"],
    "efen_clinicdb": ["methods/efen", "data/clinicdb_efen25"],
    "fanet_em": ["methods/fanet", "data/em_fanet"],
}
"""Recipe -> the files that the parser itself merges to the same configuration, one option after the other."""
OPTIONS = [
    *("--trainer.max_epochs", "2", "--model.optimizer.lr", "1e-3"),
    *("--trainer.callbacks+", "TransferCallback", "--trainer.callbacks.source", "x.ckpt"),
]


def resolved(words: list[str]) -> Any:
    import_all()
    parser = LightningArgumentParser(parser_mode="omegaconf+")
    parser.add_argument("--config", action="config")
    parser.add_lightning_class_args(Trainer, "trainer")
    parser.add_lightning_class_args(LightningModule, "model", subclass_mode=True)
    parser.add_lightning_class_args(LightningDataModule, "data", subclass_mode=True)
    parser.add_argument("--name", type=str)
    parser.add_argument("--budget", type=str)
    parser.add_argument("--checkpoint", type=dict)
    return yaml.safe_load(parser.dump(parser.parse_args(words), skip_validation=True))


@pytest.mark.parametrize("recipe", FILES)
def test_recipe_is_resolved_as_the_parser_resolves_its_files(recipe: str) -> None:
    files = [word for name in FILES[recipe] for word in ("--config", str(CONF / f"{name}.yaml"))]
    composed = resolved(compose(["--config", str(CONF / f"{recipe}.yaml"), *OPTIONS], KNOWN).words())
    expected = resolved([*files, *OPTIONS])
    for config in (composed, expected):
        for key in ("name", "budget"):
            config.pop(key, None)
    assert composed == expected


def test_resolved_configuration_is_resolved_to_itself(tmp_path: Path) -> None:
    config = resolved(["--config", str(CONF / "quickstart.yaml"), *OPTIONS])
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(config))
    assert resolved(compose(["--config", str(path)], KNOWN).words()) == config


@pytest.mark.parametrize("data", ["drive", "drive_crops"])
@pytest.mark.parametrize(
    ("before", "after", "crop"),
    [
        ([], [], None),
        (["--data.images.crop.size", "64"], [], None),
        ([], ["--data.images.crop.size", "64"], 64),
    ],
)
def test_null_takes_a_nested_object_away(data: str, before: list[str], after: list[str], crop: int | None) -> None:
    files = ("--config", str(CONF / "methods" / "joint_lite0.yaml"), "--config", str(CONF / "data" / f"{data}.yaml"))
    found = resolved(compose([*files, *before, "--data.images.crop", "null", *after], KNOWN).words())
    images = found["data"]["init_args"]["images"]["init_args"]
    assert (images.get("crop") or {}).get("size") == crop


def test_adamw_has_its_own_weight_decay() -> None:
    words = ["--config", str(CONF / "quickstart.yaml"), "--model.optimizer", "AdamW"]
    optimizer = resolved(compose(words, KNOWN).words())["model"]["init_args"]["optimizer"]
    assert optimizer["class_path"] == "torch.optim.AdamW"
    assert optimizer["init_args"]["weight_decay"] == 0.01
    assert optimizer["init_args"]["lr"] == 3.0e-3


def test_class_of_the_same_name_elsewhere_does_not_get_in_the_way(tmp_path: Path) -> None:
    made = type("ClinicDBDataModule", (ClinicDBDataModule,), {"__module__": __name__})
    path = tmp_path / "recipe.yaml"
    for data in (made.__name__, {"class_path": made.__name__}):
        path.write_text(yaml.safe_dump({"data": data, "model": "lightning.pytorch.demos.boring_classes.BoringModel"}))
        found = resolved(compose(["--config", str(path)], KNOWN).words())
        assert found["data"]["class_path"] == "polybench.datasets.ClinicDBDataModule"
