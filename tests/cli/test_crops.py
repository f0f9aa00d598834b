"""Commands on a net that is trained on crops: all of them find the same numbers."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

import polybench
from polybench.cli.main import run
from tests.cli.recipes import UNET, write_recipe
from tests.data.crop_frames import SIZE, write_round_frames


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return write_round_frames(tmp_path / "frames")


def recipe_of(folder: Path, root: Path, scale: float, **model: Any) -> Path:
    """`tiny.yaml` on crops."""
    path = write_recipe(folder, root, {**UNET, "init_args": {**UNET["init_args"], "decoder_channels": [8, 4, 4]}})
    recipe = yaml.safe_load(path.read_text())
    crop = {"size": 16, "scale": scale, "per_image": 2, "overlap": 6}
    arguments = {"root": str(root), "split": str(root / "split.csv"), "batch_size": 4, "eval_batch_size": 3}
    recipe["data"] = {"class_path": "FolderDataModule", "init_args": {**arguments, "size": [20, 20], "crop": crop}}
    recipe["trainer"]["max_epochs"] = 1
    recipe["model"] |= model
    path.write_text(yaml.safe_dump(recipe, sort_keys=False))
    return path


def dice_of(prediction: Any, root: Path) -> float:
    """Dice of the mask (h, w) of the test frame."""
    truth = np.asarray(Image.open(root / "masks" / "f6.png")) > 127
    return float(2 * (truth & prediction).sum() / (truth.sum() + prediction.sum()))


FEEDBACK = {
    "class_path": "FeedbackSegmentationTask",
    "init_args": {
        "net": {"class_path": "polybench.models.FANet", "init_args": {"widths": [4, 4, 8, 8]}},
        "loss": "polybench.models.fanet.FANetLoss",
        "iterations": 3,
    },
}


@pytest.mark.parametrize(("scale", "model"), [(1.0, {}), (0.5, FEEDBACK)], ids=["native", "half-feedback"])
def test_commands_find_the_numbers_of_the_record(
    root: Path, tmp_path: Path, scale: float, model: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = recipe_of(tmp_path, root, scale, **model)
    options = ["--seed_everything", "2", "--previews.heatmaps", "true" if model else "false"]
    assert run(["fit", "--config", str(recipe), *options]) == 0
    assert [path.suffix for path in (tmp_path / "runs").rglob("heatmaps/*")] == ([".png"] if model else [])
    shown = capsys.readouterr()
    assert f"crops 16x16 at scale {scale:g}" in shown.out
    assert "16x16 by --data.crop.size; the size 20x20 beside it has no effect" in shown.err
    [path] = (tmp_path / "leaderboards" / "records").glob("*/tiny*.json")
    record = json.loads(path.read_text())
    assert record["dataset"]["crop"]["overlap"] == 6
    dice = record["metrics"]["per_image@2"]["values"]["dice"]["value"]
    assert 0 < dice < 1
    [best] = (tmp_path / "runs").rglob("best.ckpt")
    for folder, name in (("tested", "images"), ("truth", "masks")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "f6.png").symlink_to(root / name / "f6.png")
    words = ["predict", "--ckpt_path", str(best), "--images", "tested", "--trainer.accelerator", "cpu"]
    assert run([*words, "--out", "masks"]) == run([*words, "--out", "maps", "--probabilities"]) == 0
    assert np.load("maps/f6.npy").shape == tuple(int(side * scale) for side in SIZE)
    assert dice_of(np.asarray(Image.open("masks/f6.png")) > 127, root) == pytest.approx(dice)
    assert run(["score", "--pred", "maps", "--gt", "truth", "--resize", "--json", "numbers.json"]) == 0
    scored = json.loads(Path("numbers.json").read_text())["protocols"]["per_image"]
    assert scored["dice"] == pytest.approx(dice)
    image = np.asarray(Image.open(root / "images" / "f6.png"))
    assert dice_of(polybench.load(best).predict_image(image) >= 0.5, root) == pytest.approx(dice)
    capsys.readouterr()
    for command in ("test", "validate"):
        assert run([command, "--ckpt_path", str(best), "--trainer.accelerator", "cpu"]) == 0
    assert f"{dice:.4f}" in capsys.readouterr().out


def test_a_task_of_whole_images_is_refused_before_data_is_read(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    encoder = {"encoder": "tu-test_resnet", "encoder_weights": None}
    arguments = {"net": {"class_path": "polybench.models.PatchClassifier", "init_args": encoder}}
    recipe = recipe_of(tmp_path, root, 1.0, class_path="PatchClassificationTask", init_args=arguments)
    for image in (root / "images").iterdir():
        image.unlink()
    assert run(["fit", "--config", str(recipe)]) == 2
    assert "predicts from whole images, not by tiles: give --data.crop null." in capsys.readouterr().err
