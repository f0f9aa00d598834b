"""The length of a run in images: steps, validations, resume, identity, and what contradicts it."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from jsonargparse import Namespace
from lightning.pytorch import Callback, LightningModule, Trainer

import polybench
from polybench.core.errors import ConfigError
from polybench.experiments.image_budget import length_of, settle_length
from polybench.experiments.session import Session
from polybench.results.record import Record
from polybench.tasks.checkpoint import run_entry
from tests.conftest import write_frames, write_split

SEEN: list[tuple[int, int]] = []
"""Images and optimizer steps before each validation of a fit."""


class Counter(Callback):
    """Counts images in batches, and stops after a batch where it is told to."""

    stop_after = 0

    def __init__(self) -> None:
        self.images = 0

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self.images += len(batch["id"])
        if self.stop_after and trainer.global_step == self.stop_after:
            raise KeyboardInterrupt

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        SEEN.append((self.images, trainer.global_step))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with 12 frames, six of them for training, and a recipe."""
    root = tmp_path_factory.mktemp("budget")
    write_frames(root / "data" / "CVC-ClinicDB")
    write_split(root / "data" / "split.csv")
    frames = {"root": str(root / "data"), "split": str(root / "data" / "split.csv"), "size": [16, 16]}
    net = {"class_path": "torch.nn.Conv2d", "init_args": {"in_channels": 3, "out_channels": 1, "kernel_size": 1}}
    recipe = {
        "name": "tiny",
        "data": {"class_path": "ClinicDBDataModule", "init_args": {**frames, "batch_size": 2, "eval_batch_size": 2}},
        "model": {
            "class_path": "SegmentationTask",
            "init_args": {
                "net": net,
                "loss": "polybench.losses.BCEDiceLoss",
                "optimizer": {"class_path": "torch.optim.Adam", "init_args": {"lr": 0.01}},
                "lr_scheduler": "polybench.tasks.schedules.WarmupCosine",
            },
        },
        "trainer": {
            "accelerator": "cpu",
            "enable_progress_bar": False,
            "callbacks": ["tests.experiments.test_image_budget.Counter"],
        },
    }
    (root / "tiny.yaml").write_text(yaml.safe_dump(recipe, sort_keys=False))
    return root


@pytest.fixture(autouse=True)
def there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("POLYBENCH_CACHE", str(folder / "cache"))
    monkeypatch.delenv("POLYBENCH_RUN_FOLDER", raising=False)
    SEEN.clear()


def run(place: Path, **options: Any) -> Record:
    return polybench.run("tiny.yaml", leaderboard=place / "board", **{"trainer.default_root_dir": place, **options})


@pytest.mark.parametrize(
    ("images", "batch", "accumulated", "expected"),
    [
        (20, 2, 1, [4, 8, 12, 16, 20]),  # 2 steps a part; an epoch has 3
        (90, 2, 1, [18, 36, 54, 72, 90]),  # 9 steps a part, three epochs
        (10, 2, 1, [2, 4, 6, 8, 10]),  # a step a part
        (60, 2, 3, [12, 24, 36, 48, 60]),  # steps of three batches
        (19, 3, 1, [3, 6, 9, 12, 15]),  # 4 are left
    ],
)
def test_five_validations_are_evenly_spaced_and_the_last_is_at_the_end(
    tmp_path: Path, images: int, batch: int, accumulated: int, expected: list[int]
) -> None:
    options = {"data.batch_size": batch, "trainer.accumulate_grad_batches": accumulated}
    record = run(tmp_path, images=images, **options)
    assert [seen for seen, _ in SEEN] == expected
    assert [step * batch * accumulated for _, step in SEEN] == expected
    assert record.identity is not None
    assert record.identity.budget_id == f"{expected[-1]} images of 16x16"
    assert run_entry(torch.load(tmp_path / "checkpoints" / "last.ckpt", weights_only=True))["seed"] == 0


def test_number_of_validations_is_an_option(tmp_path: Path) -> None:
    run(tmp_path, images=24, validations=2)
    assert [seen for seen, _ in SEEN] == [12, 24]


def test_rest_of_a_budget_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(tmp_path, images=29)
    said = "images: 29 pays for 20, 5 parts of 2 steps of 2 images and a validation after each; the rest is left out."
    assert said in capsys.readouterr().err


def test_interrupted_run_goes_on_within_its_epoch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = {"images": 40, "save_every": 1}
    whole = run(tmp_path / "whole", **options)
    unbroken = [step for _, step in SEEN]
    assert unbroken == [4, 8, 12, 16, 20]
    SEEN.clear()
    with monkeypatch.context() as patch:
        patch.setattr(Counter, "stop_after", 8)  # in the third epoch, before the second validation
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path / "broken", **options)
    assert [step for _, step in SEEN] == [4]
    resumed = run(tmp_path / "broken", ckpt_path="last", **options)
    assert [step for _, step in SEEN] == unbroken
    assert resumed.metrics == whole.metrics
    assert resumed.identity == whole.identity
    ends = [
        torch.load(tmp_path / name / "checkpoints" / "last.ckpt", weights_only=True) for name in ("whole", "broken")
    ]
    one, two = (end["state_dict"] for end in ends)
    assert all(torch.equal(one[key], two[key]) for key in one)
    shutil.rmtree(tmp_path / "broken")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"images": 0}, "--images must be at least 1, not 0"),
        ({"images": 20, "validations": 0}, "--validations must be at least 1, not 0"),
        ({"images": 9}, "images: 9 is too few for 5 validations with a step of 2 images before each: give at least 10"),
        ({"images": 20, "trainer.max_epochs": 3}, "--trainer.max_epochs 3 contradicts images: 20"),
        ({"images": 20, "trainer.max_steps": 3}, "--trainer.max_steps 3 contradicts images: 20"),
        ({"images": 20, "trainer.val_check_interval": 2}, "--trainer.val_check_interval 2 contradicts images: 20"),
        ({"images": 40, "trainer.accumulate_grad_batches": 2}, "accumulate_grad_batches that divides 3"),
    ],
)
def test_what_contradicts_a_budget_is_refused(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        run(tmp_path, **options)
    assert SEEN == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--images", "20", "--trainer.max_epochs", "3"], "--trainer.max_epochs 3 contradicts images: 20"),
        (["--images", "0"], "--images must be at least 1, not 0"),
        (
            ["--choose", "{option: model.optimizer.lr, values: [0.1, 0.2]}"],
            "the run has no number of them: add --images",
        ),
    ],
)
def test_printed_configuration_is_one_that_a_run_takes(words: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Session("fit", ["--config", "tiny.yaml", *words, "--print_config"])


def test_length_of_a_file_gives_way_and_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    epochs = {"trainer": {"max_epochs": 7, "check_val_every_n_epoch": 2}}
    polybench.run(["tiny.yaml", epochs], images=10, no_leaderboard=True, **{"trainer.default_root_dir": tmp_path})
    assert "trainer.max_epochs 7 is left out: images: 10 says how long the run is." in capsys.readouterr().err
    assert [seen for seen, _ in SEEN] == [2, 4, 6, 8, 10]


def test_cosine_over_the_epochs_of_a_file_is_refused_or_that_of_the_run(tmp_path: Path) -> None:
    cosine = {
        "class_path": "torch.optim.lr_scheduler.CosineAnnealingLR",
        "init_args": {"T_max": "${trainer.max_epochs}"},
    }
    recipe: list[Any] = ["tiny.yaml", {"model": {"init_args": {"lr_scheduler": cosine}}, "trainer": {"max_epochs": 7}}]
    options = {"images": 20, "no_leaderboard": True, "trainer.default_root_dir": tmp_path}  # 10 steps, 3 an epoch
    with pytest.raises(ConfigError, match=r"ends after 7 epochs and the run has 4.*WarmupCosine.*its T_max to 4"):
        polybench.run(recipe, **options)
    assert SEEN == []
    polybench.run(recipe, **options, **{"model.lr_scheduler.T_max": 4})
    assert SEEN[-1] == (20, 10)


def test_steps_are_those_of_all_processes() -> None:
    length = length_of(12000, batch=8 * 2, parts=5)
    assert (length.steps, length.images, length.note(12000)) == (150, 12000, None)


def test_images_of_a_prediction_are_a_folder() -> None:
    assert settle_length(Namespace(images="frames"), []) == []


def test_try_of_a_batch_has_no_budget(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="fast_dev_run"):
        run(tmp_path, images=5000, **{"trainer.fast_dev_run": True})
    assert [step for _, step in SEEN] == [1]
