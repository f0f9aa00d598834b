"""Every recipe parses and builds its net; a dozen of them train a step on tiny frames."""

from pathlib import Path

import pytest
import torch
import yaml

from polybench.cli.main import run
from polybench.experiments.session import Session
from polybench.runs import read_plan

CONF = Path(__file__).parents[2] / "conf"
RECIPES = sorted(CONF.glob("*.yaml"))
TRAINED = [
    recipe
    for recipe in RECIPES
    if not recipe.stem.startswith("fanet_")
    or recipe.stem in {"fanet_em", "fanet_b1_kvasir_seg", "fanet_soft_kvasir_seg"}
]
"""Those that train a step here: FANet's others differ from these by data and numbers alone."""
FRAGMENTS = sorted((CONF / "models").glob("*.yaml"))


def from_random_weights(recipe: Path) -> list[str]:
    """Words that spare a test the download of weights."""
    net = yaml.safe_load(recipe.read_text())["model"]["init_args"]["net"]
    if isinstance(net, str):
        net = yaml.safe_load((CONF / net).read_text())
    keys = [key for key in ("encoder_weights", "pretrained") if key in net.get("init_args", {})]
    if not keys:
        return []
    [key] = keys
    return [f"--model.net.{key}", "null" if key == "encoder_weights" else "false"]


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_recipe_parses_and_builds_its_net(recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    device = "cpu" if "segformer" in recipe.stem else "meta"  # MiT reads numbers off tensors while it is built
    with torch.device(device):
        cli = Session("fit", ["--config", str(recipe), *from_random_weights(recipe)])
    assert cli.config.name == recipe.stem
    assert {parameter.device.type for parameter in cli.model.net.parameters()} == {device}
    assert sum(parameter.numel() for parameter in cli.model.net.parameters()) > 100_000


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_recipe_says_whether_it_has_been_run(recipe: Path) -> None:
    assert "Run here:" in recipe.read_text()


@pytest.mark.parametrize("fragment", FRAGMENTS, ids=lambda path: path.stem)
def test_every_net_fragment_has_a_recipe(fragment: Path) -> None:
    assert any(f"models/{fragment.name}" in recipe.read_text() for recipe in RECIPES)


@pytest.mark.slow
@pytest.mark.parametrize("recipe", TRAINED, ids=lambda path: path.stem)
def test_recipe_trains_validates_and_tests_a_batch(
    recipe: Path, tmp_path: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    patches = recipe.stem.startswith("patches")
    joint = recipe.stem.startswith("joint")
    source = "data.source" if patches else "data.images" if joint else "data"
    words = [f"--{source}", "ClinicDBDataModule", f"--{source}.root", str(data_root)]
    words += [f"--{source}.split", str(data_root / "split.csv")]
    own = "data.images" if joint else "data"
    words += [f"--{own}.size", "64" if patches else "[64, 64]"]
    words += [f"--{own}.batch_size", "2", f"--{own}.eval_batch_size", "2"]
    words += ["--data.patches.size", "64", "--data.patches.batch_size", "2"] if joint else []
    words += ["--trainer.fast_dev_run", "true", "--trainer.accelerator", "cpu", *from_random_weights(recipe)]
    if "VGG19" in recipe.read_text() or "EFEN" in recipe.read_text():
        words += ["--model.net.widths", "[8, 16, 16, 16]"]
    if recipe.stem.startswith(("patches", "fcn16s", "joint")):
        words += ["--model.net.encoder", "tu-test_resnet"]
    assert run(["fit", "--config", str(recipe), *words]) == 0
    assert not (tmp_path / "leaderboards").exists()


@pytest.mark.parametrize("plan", sorted((CONF / "plans").glob("*.yaml")), ids=lambda path: path.stem)
def test_plan_parses_and_says_whether_it_has_been_run(plan: Path) -> None:
    assert read_plan(plan).name == plan.stem
    assert "Run here:" in plan.read_text()


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_selection_is_by_what_ranks_the_dataset(recipe: Path) -> None:
    content = yaml.safe_load(recipe.read_text())
    data = content["data"]
    if isinstance(data, str):
        data = yaml.safe_load((CONF / data).read_text())
    monitor = content.get("checkpoint", {}).get("monitor", "val/dice")
    if data["class_path"] in {"DRIVEDataModule", "CHASEDataModule"}:
        assert monitor == "val/fov/dice"
    else:
        assert monitor in {"val/dice", "val/iou", "val/loss"}
