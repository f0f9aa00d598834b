"""Keys that are said not to move the weights don't: runs with other values of all of them end with equal weights."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from torch import Tensor

from polybench.cli.main import run
from polybench.experiments.machine_keys import UNCOUNTED_KEYS

TINY_ENCODER = {"encoder": "tu-test_resnet", "encoder_weights": None}

FRAMES: dict[str, Any] = {
    "checkpoint.auto_insert_metric_name": True,
    "checkpoint.dirpath": "{folder}/checkpoints",
    "checkpoint.verbose": True,
    "data.cache_dir": "{folder}/cache",
    "data.num_workers": 1,
    "data.on_device": True,
    "data.root": "{folder}/data",
    "leaderboard": "{folder}/boards",
    "no_leaderboard": True,
    "previews.most": 1,
    "save_every": 1,
    "trainer.accelerator": "cpu" if torch.cuda.is_available() else "auto",  # a GPU rounds otherwise
    "trainer.default_root_dir": "{folder}/run",
    "trainer.devices": 1,
    "trainer.enable_autolog_hparams": False,
    "trainer.enable_model_summary": True,
    "trainer.enable_progress_bar": True,
    "trainer.log_every_n_steps": 1,
    "trainer.logger": False,
    "trainer.profiler": "simple",
    "trainer.strategy": "ddp",
    "name": "other",
    "variant": "some",
    "budget": "smoke",
}
PATCHES: dict[str, Any] = {
    "data.num_workers": 1,
    "data.source.cache_dir": "{folder}/cache",
    "data.source.fit": "letterbox",
    "data.source.num_workers": 1,
    "data.source.on_device": True,
    "data.source.pad_value": 7,
    "data.source.root": "{folder}/data",
    "data.source.seed": 5,
}
JOINT: dict[str, Any] = {
    "data.images.cache_dir": "{folder}/cache",
    "data.images.num_workers": 1,
    "data.images.on_device": True,
    "data.images.root": "{folder}/data",
    "data.images.seed": 5,
    "data.patches.num_workers": 1,
    "data.patches.seed": 6,
}
"""Path -> another value than the recipe's; `{folder}` is another folder."""

UNTRIED = {
    "checkpoint.enable_version_counter",  # one value of each of these three is accepted
    "checkpoint.filename",
    "checkpoint.save_on_exception",
    "ckpt_path",  # its content is the run's start, which counts
    "data.seed",  # linked to seed_everything
    "seed_everything",  # it moves the weights: its runs are seeds of one row
    "trainer.model_registry",  # a service elsewhere
    "trainer.num_nodes",  # there is one machine
}


def recipe(folder: Path, kind: str) -> dict[str, Any]:
    """A recipe of two steps on frames, on patches of them, or on both."""
    frames = {"root": str(folder / "data"), "split": str(folder / "data" / "split.csv")}
    frames |= {"size": [32, 32], "batch_size": 3, "eval_batch_size": 2, "augment": "standard"}
    own = {"class_path": "ClinicDBDataModule", "init_args": frames}
    patches = {"class_path": "polybench.data.patch_module.PatchDataModule", "init_args": {"size": 32, "batch_size": 3}}
    loss = {"loss": "torch.nn.BCEWithLogitsLoss"}
    data, task, net, arguments = {
        "frames": (own, "SegmentationTask", "EFEN", {"widths": [4, 4, 8, 8], "pretrained": False}),
        "patches": (
            {**patches, "init_args": {**patches["init_args"], "source": own}},  # type: ignore[dict-item]
            "PatchClassificationTask",
            "PatchClassifier",
            TINY_ENCODER,
        ),
        "joint": (
            {
                "class_path": "polybench.methods.transfer.joint_module.JointDataModule",
                "init_args": {"images": own, "patches": patches},
            },
            "JointTask",
            "JointFCN16sAtrous",
            TINY_ENCODER,
        ),
    }[kind]
    init_args: dict[str, Any] = {"net": {"class_path": f"polybench.models.{net}", "init_args": arguments}}
    return {
        "name": "tiny",
        "data": data,
        "model": {"class_path": task, "init_args": init_args | (loss if kind != "patches" else {})},
        "checkpoint": {"monitor": "val/loss", "mode": "min"},
        "trainer": {"max_epochs": 1, "accelerator": "cpu", "default_root_dir": str(folder / "run")},
    }


def put(config: dict[str, Any], path: str, value: Any) -> None:
    *parents, last = path.split(".")
    place = config
    for key in parents:
        place = place.setdefault(key, {})
        place = place.get("init_args", place)
    place[last] = value


def trained(folder: Path, config: dict[str, Any]) -> dict[str, Tensor]:
    """The weights after a run."""
    (folder / "tiny.yaml").write_text(yaml.safe_dump(config))
    assert run(["fit", "--config", str(folder / "tiny.yaml")]) == 0
    [last] = folder.rglob("last.ckpt")
    weights: dict[str, Tensor] = torch.load(last, weights_only=True)["state_dict"]
    return weights


@pytest.fixture(autouse=True)
def nothing_is_left_of_a_process_group() -> Iterator[None]:
    before = dict(os.environ)
    yield
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
    for name in os.environ.keys() - before.keys():
        del os.environ[name]


def test_every_key_that_does_not_count_is_tried() -> None:
    tried = {*FRAMES, *PATCHES, *JOINT, "previews"} - {"previews.most"}
    assert tried | UNTRIED == UNCOUNTED_KEYS
    assert not tried & UNTRIED


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "values"), [("frames", FRAMES), ("patches", PATCHES), ("joint", JOINT)])
def test_other_values_end_with_equal_weights(
    kind: str, values: dict[str, Any], tmp_path: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    shutil.copytree(data_root, other / "data")
    monkeypatch.chdir(tmp_path)
    here = tmp_path / "here"
    shutil.copytree(data_root, here / "data")
    config = recipe(here, kind)
    changed = recipe(other, kind)
    for path, value in values.items():
        put(changed, path, value.format(folder=other) if isinstance(value, str) else value)
    one, two = trained(here, config), trained(other, changed)
    assert one.keys() == two.keys()
    assert all(torch.equal(one[key], two[key]) for key in one)


@pytest.mark.slow
def test_another_seed_ends_with_other_weights(tmp_path: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    weights = []
    for seed in (0, 1):
        folder = tmp_path / f"seed{seed}"
        shutil.copytree(data_root, folder / "data")
        weights.append(trained(folder, recipe(folder, "frames") | {"seed_everything": seed, "no_leaderboard": True}))
    one, two = weights
    assert any(not torch.equal(one[key], two[key]) for key in one)
