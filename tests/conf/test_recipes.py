"""Recipes resolve, nets of methods are built; one recipe of each training block trains a batch on a narrow net."""

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from polybench.cli.main import run
from polybench.experiments.class_versions import resolve
from polybench.runs import read_plan
from polybench.runs.finetune_file import read_study_plan
from polybench.runs.matrix_file import read_matrix
from tests.experiments.resolved import CONF, recipes, resolved

NAMES = sorted(path.stem for path in CONF.glob("*.yaml"))
METHODS = sorted({path.stem for path in (CONF / "methods").glob("*.yaml")} - {"library_net", "finetuning"})
DATA = sorted((CONF / "data").glob("*.yaml"))
RANDOM_WEIGHTS = {"encoder_weights": None, "pretrained": False}

SMALL = ["--data.size", "[32, 32]", "--data.batch_size", "2", "--data.eval_batch_size", "2"]
TINY_ENCODER = ["--model.net.encoder", "tu-test_resnet", "--model.net.encoder_weights", "null"]
NARROW_EFEN = ["--model.net.widths", "[8, 16, 16, 16]", "--model.net.pretrained", "false"]
NARROW_BSAN = [
    *("--model.net.widths", "[8, 8, 16, 16]", "--model.net.depths", "[1, 1, 1, 1]", "--model.net.groups", "4"),
    *("--model.net.dim", "12", "--model.net.window", "2", "--model.net.blocks", "2", "--model.net.pretrained", "false"),
]
NARROW_FANET = ["--model.net.widths", "[4, 8, 8, 8]", "--model.iterations", "2"]
OF_CLINICDB = ["--data", "ClinicDBDataModule", "--data.root", "data", "--data.split", "data/split.csv"]
TRAINED = {
    "quickstart": [*OF_CLINICDB, *SMALL, *NARROW_EFEN],
    "quickstart_imagenet": [*OF_CLINICDB, *SMALL],
    "efen_clinicdb": [*OF_CLINICDB, *SMALL, *NARROW_EFEN],
    "bsan_kvasir_seg": [*OF_CLINICDB, *SMALL, *NARROW_BSAN],
    "fanet_em": [*OF_CLINICDB, *SMALL, *NARROW_FANET],
    "fanet_b1_kvasir_seg": [*OF_CLINICDB, *SMALL, "--model.net.widths", "[4, 8, 8, 8]"],
    "fcn16s_clinicdb": [*OF_CLINICDB, *SMALL, *TINY_ENCODER],
    "joint_clinicdb": [
        *(word.replace("--data", "--data.images") for word in [*OF_CLINICDB, *SMALL]),
        *("--data.patches.size", "32", "--data.patches.batch_size", "2", *TINY_ENCODER),
    ],
    "patches_clinicdb": [
        *(word.replace("--data", "--data.source") for word in OF_CLINICDB),
        *("--data.size", "32", "--data.batch_size", "2", "--data.eval_batch_size", "2", *TINY_ENCODER),
    ],
    "smp_unet_resnet34_clinicdb": [
        *(*OF_CLINICDB, *SMALL),
        *("--model.net.encoder_name", "tu-test_resnet", "--model.net.encoder_weights", "null"),
    ],
}
"""A recipe of each training block -> options that make it small."""

NARROW_METHODS = {
    "pix2pix": ["--model.net.width", "4", "--model.net.depth", "4"],
    "sanet": [*TINY_ENCODER, "--model.net.channels", "8"],
    "transfuse_s": [
        *("--model.net.encoder", "resnet18", "--model.net.encoder_weights", "null"),
        *("--model.net.dim", "16", "--model.net.depth", "1", "--model.net.heads", "2"),
    ],
}
"""A method whose task or loss no recipe has -> options that make its net narrow."""

FREE = ("net", "iterations")
"""Arguments of a task that may differ within a training block."""


def block(config: dict[str, Any]) -> tuple[str, str]:
    """What trains a net: task, loss, optimizer and schedule without the rate, and the trainer."""
    arguments = {key: value for key, value in config["model"]["init_args"].items() if key not in FREE}
    optimizer = arguments["optimizer"]["init_args"]
    optimizer["lr"] = None
    return config["model"]["class_path"] + str(arguments), str(config["trainer"])


@pytest.mark.parametrize("name", NAMES)
def test_recipe_is_called_as_its_file(name: str) -> None:
    assert recipes()[name]["name"] == name


@pytest.mark.parametrize("method", METHODS)
def test_net_of_a_method_is_built(method: str) -> None:
    files = [CONF / f"methods/{method}.yaml", CONF / "data/clinicdb.yaml"]
    net = resolved(*(word for file in files for word in ("--config", str(file))))["model"]["init_args"]["net"]
    init_args = {key: RANDOM_WEIGHTS.get(key, value) for key, value in net["init_args"].items()}
    device = "cpu" if "mit_" in str(net["init_args"]) else "meta"  # MiT reads numbers off its tensors
    with torch.device(device):
        built = resolve(net["class_path"])(**init_args)
    assert sum(parameter.numel() for parameter in built.parameters()) > 100_000


def test_one_recipe_of_each_training_block_is_trained_here() -> None:
    trained = {block(recipes()[name]) for name in TRAINED}
    assert {name for name, config in recipes().items() if block(config) not in trained} == {
        "fanet_kvasir_seg_on_improvement",  # the update rule alone, which the tests of feedback train
    }


@pytest.mark.parametrize("name", TRAINED)
def test_recipe_trains_validates_and_tests_a_batch(
    name: str, tmp_path: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert data_root == tmp_path / "data"
    words = ["--config", str(CONF / f"{name}.yaml"), *TRAINED[name]]
    assert run(["fit", *words, "--trainer.fast_dev_run", "true", "--trainer.accelerator", "cpu"]) == 0
    assert not (tmp_path / "leaderboards").exists()


@pytest.mark.parametrize("method", NARROW_METHODS)
def test_method_of_another_training_trains_validates_and_tests_a_batch(
    method: str, tmp_path: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert data_root == tmp_path / "data"
    words = ["--config", str(CONF / f"methods/{method}.yaml"), *OF_CLINICDB, *SMALL, *NARROW_METHODS[method]]
    assert run(["fit", *words, "--trainer.fast_dev_run", "true", "--trainer.accelerator", "cpu"]) == 0


@pytest.mark.parametrize("data", DATA, ids=lambda path: path.stem)
def test_dataset_is_combined_with_a_method(data: Path) -> None:
    config = resolved("--config", str(CONF / "methods/smp_unet_resnet34.yaml"), "--config", str(data))
    assert config["data"]["init_args"]["batch_size"] >= 2
    assert config["name"] in (f"smp_unet_resnet34_{data.stem}", f"smp_unet_resnet34_{data.stem.partition('_')[0]}")


@pytest.mark.parametrize("plan", sorted((CONF / "plans").glob("*.yaml")), ids=lambda path: path.stem)
def test_plan_is_read(plan: Path) -> None:
    content = yaml.safe_load(plan.read_text())
    read = read_matrix if "methods" in content else read_study_plan if "depths" in content else read_plan
    assert read(plan).name == plan.stem


def test_selection_is_by_what_ranks_the_dataset() -> None:
    vessels = {"DRIVEDataModule", "CHASEDataModule"}
    for name, config in recipes().items():
        monitor = config["checkpoint"]["monitor"]
        if config["data"]["class_path"].rpartition(".")[2] in vessels:
            assert monitor == "val/fov/dice", name
        else:
            assert monitor in {"val/dice", "val/iou", "val/loss"}, name
