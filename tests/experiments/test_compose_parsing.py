"""The parser resolves what is composed as it resolves the files themselves."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from lightning.pytorch import LightningDataModule, LightningModule, Trainer
from lightning.pytorch.cli import LightningArgumentParser

from polybench.experiments.compose import compose

CONF = Path(__file__).parents[2] / "conf"
KNOWN = ("name", "budget", "data", "model", "trainer", "checkpoint")
RECIPES = [
    "quickstart",  # a net of ours
    "efen_clinicdb",  # fragments, a callback
    "fanet_drive",  # feedback
    "joint_clinicdb",  # a data module made by another
    "patches_clinicdb",  # a data module in another
    "smp_unet_resnet34_em",  # a library's net
]
OPTIONS = [
    *("--trainer.max_epochs", "2", "--model.optimizer.lr", "1e-3"),
    *("--trainer.callbacks+", "TransferCallback", "--trainer.callbacks.source", "x.ckpt"),
]


def resolved(words: list[str]) -> Any:
    parser = LightningArgumentParser(parser_mode="omegaconf+")
    parser.add_argument("--config", action="config")
    parser.add_lightning_class_args(Trainer, "trainer")
    parser.add_lightning_class_args(LightningModule, "model", subclass_mode=True)
    parser.add_lightning_class_args(LightningDataModule, "data", subclass_mode=True)
    parser.add_argument("--name", type=str)
    parser.add_argument("--budget", type=str)
    parser.add_argument("--checkpoint", type=dict)
    return yaml.safe_load(parser.dump(parser.parse_args(words), skip_validation=True))


@pytest.mark.parametrize("recipe", RECIPES)
def test_recipe_is_resolved_as_its_files_are(recipe: str) -> None:
    words = ["--config", str(CONF / f"{recipe}.yaml"), *OPTIONS]
    assert resolved(compose(words, KNOWN).words()) == resolved(words)


def test_resolved_configuration_is_resolved_to_itself(tmp_path: Path) -> None:
    config = resolved(["--config", str(CONF / "quickstart.yaml"), *OPTIONS])
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(config))
    assert resolved(compose(["--config", str(path)], KNOWN).words()) == config


def test_adamw_has_its_own_weight_decay() -> None:
    words = ["--config", str(CONF / "quickstart.yaml"), "--model.optimizer", "AdamW"]
    optimizer = resolved(compose(words, KNOWN).words())["model"]["init_args"]["optimizer"]
    assert optimizer["class_path"] == "torch.optim.AdamW"
    assert optimizer["init_args"]["weight_decay"] == 0.01
    assert optimizer["init_args"]["lr"] == 3.0e-3
