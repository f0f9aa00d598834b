"""Training a joint module from the command line: its record, its backbone, and a kill on the way."""

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from polybench.cli.main import run
from tests.cli.recipes import start, write_stage
from tests.waiting import until


def write_joint(folder: Path, data_root: Path, source: str | None = None, **trainer: Any) -> Path:
    """Write `joint.yaml`: both tasks of `write_stage` at once, three steps an epoch."""
    recipe = yaml.safe_load(write_stage(folder, data_root, "segment", source, **trainer).read_text())
    recipe["name"] = "joint"
    recipe["data"]["init_args"]["augment"] = "standard"
    patches = {"size": 32, "batch_size": 3, "augment": "standard"}
    recipe["data"] = {
        "class_path": "polybench.methods.transfer.joint_module.JointDataModule",
        "init_args": {
            "images": recipe["data"],
            "patches": {"class_path": "polybench.data.patch_module.PatchDataModule", "init_args": patches},
        },
    }
    recipe["model"]["class_path"] = "JointTask"
    recipe["model"]["init_args"]["net"]["class_path"] = "polybench.models.JointFCN16sAtrous"
    path = folder / "joint.yaml"
    path.write_text(yaml.safe_dump(recipe, sort_keys=False))
    return path


def fit(folder: Path, recipe: Path, *words: str) -> subprocess.Popen[str]:
    return start(folder, "fit", "--config", str(recipe), "--no_leaderboard", *words)


def record_of(folder: Path, recipe: str) -> dict[str, Any]:
    [path] = (folder / "leaderboards/records/clinicdb").glob(f"{recipe}-*.json")
    return json.loads(path.read_text())  # type: ignore[no-any-return]


@pytest.mark.slow
def test_record_is_of_a_segmentation_and_the_encoder_is_transferred_either_way(
    tmp_path: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["fit", "--config", str(write_stage(tmp_path, data_root, "patches", None)), "--no_leaderboard"]) == 0
    [source] = tmp_path.glob("runs/patches-s0/*/checkpoints/encoder.safetensors")
    assert run(["fit", "--config", str(write_joint(tmp_path, data_root, str(source)))]) == 0
    record = record_of(tmp_path, "joint")
    assert record["task"] == "segmentation"
    assert record["metrics"]["per_image@2"]["n"] == 4
    assert record["net"]["class_path"] == "polybench.models.JointFCN16sAtrous"
    assert record["net"]["start_weights"] == "backbone of patches, classification, clinicdb, 100 % of tensors"
    assert record["training"]["batch_size"] == 2 + 3
    assert record["training"]["images_per_second"] > 0
    [metrics] = tmp_path.glob("runs/joint-s0/*/metrics.csv")
    assert {"train/segmentation_loss", "train/classification_loss"} <= set(
        metrics.read_text().splitlines()[0].split(",")
    )

    [source] = tmp_path.glob("runs/joint-s0/*/checkpoints/encoder.safetensors")
    assert run(["fit", "--config", str(write_stage(tmp_path, data_root, "segment", str(source)))]) == 0
    lineage = [(one["task"], one["stage"]) for one in record_of(tmp_path, "segment")["net"]["ancestors"]]
    assert lineage == [("classification", "patches"), ("segmentation", "joint")]


@pytest.mark.slow
def test_killed_fit_goes_on_and_ends_like_the_unbroken_one(
    tmp_path: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    recipe = write_joint(tmp_path, data_root, max_epochs=8)
    words = ["--save_every", "1", "--trainer.default_root_dir"]
    broken = fit(tmp_path, recipe, *words, "broken")
    last = tmp_path / "broken/checkpoints/last.ckpt"
    until(last.exists, broken)
    os.killpg(broken.pid, signal.SIGKILL)
    broken.communicate()
    saved = torch.load(last, weights_only=True)
    assert 0 < saved["loops"]["fit_loop"]["epoch_loop.batch_progress"]["total"]["processed"] < 24
    again = ["fit", "--config", str(recipe), "--no_leaderboard", *words]
    assert run([*again, "broken", "--ckpt_path", "last"]) == 0
    assert run([*again, "unbroken"]) == 0
    one, two = (
        torch.load(tmp_path / f"{name}/checkpoints/last.ckpt", weights_only=True) for name in ("broken", "unbroken")
    )
    assert one["global_step"] == two["global_step"] == 24
    assert all(torch.equal(value, two["state_dict"][key]) for key, value in one["state_dict"].items())
