from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import polybench
from polybench.callbacks import TrainingCurves
from polybench.callbacks.epoch_table import EpochTable
from polybench.core.errors import ConfigError
from polybench.experiments.compared_images import dice_of
from polybench.experiments.fit import fit
from tests.cli.recipes import write_recipe, write_stage


def _weights(path: Path) -> dict[str, torch.Tensor]:
    return torch.load(path, weights_only=True)["state_dict"]  # type: ignore[no-any-return]


def test_training_images_are_evaluated_as_validation_images_and_nothing_else_moves(
    tmp_path: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    recipe = str(write_recipe(tmp_path, data_root, max_epochs=2))
    words = ["--config", recipe, "--no_leaderboard", "--data.augment", "standard"]
    added = ["--trainer.callbacks+", "TrainingCurves"]
    fit([*words, "--trainer.default_root_dir", "plain"])
    fit([*words, "--trainer.default_root_dir", "curves", *added])
    plain, own = (_weights(Path(name, "checkpoints", "last.ckpt")) for name in ("plain", "curves"))
    assert all(torch.equal(plain[key], own[key]) for key in plain)
    rows = EpochTable(Path("curves", "training_curves.csv")).read()
    assert [row["epoch"] for row in rows] == ["0", "1"]
    metrics = EpochTable(Path("curves", "metrics.csv")).read()
    assert [float(row["val/iou"]) for row in rows] == [float(row["val/iou"]) for row in metrics]
    task, folder = polybench.load("curves/checkpoints/last.ckpt"), data_root / "CVC-ClinicDB"
    dice = []
    for name in range(1, 7):  # the training half, see write_split
        image, truth = (np.asarray(Image.open(folder / part / f"{name}.tif")) for part in ("Original", "Ground Truth"))
        dice.append(dice_of(truth > 127, task.predict_image(image) >= 0.5))
    assert float(rows[-1]["train/dice"]) == pytest.approx(np.mean(dice), abs=1e-6)
    assert Image.open("curves/training_curves.png").size[0] == 720


def test_a_classifier_has_curves_of_accuracy(tmp_path: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    recipe = write_stage(tmp_path, data_root, "patches", None)
    words = ["--config", str(recipe), "--no_leaderboard", "--trainer.default_root_dir", "run"]
    fit([*words, "--trainer.callbacks+", "TrainingCurves", "--trainer.max_epochs", "1"])
    [row] = EpochTable(Path("run", "training_curves.csv")).read()
    assert 0 <= float(row["train/accuracy"]) <= 1


def test_every_is_a_count() -> None:
    with pytest.raises(ConfigError, match="every must be at least 1"):
        TrainingCurves(0)
