from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Literal

import pytest
import yaml
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, StepLR

from polybench.cli.main import run
from polybench.experiments.diagnosis import required_arguments
from polybench.experiments.messages import one_sentence
from polybench.experiments.value_types import type_in_words
from polybench.experiments.yaml_text import dump
from tests.cli.recipes import write_recipe


def complaint(args: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert run(args) == 2
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    lines = [line for line in captured.err.splitlines() if line.startswith("polybench: error:")]
    assert len(lines) == 1
    return lines[0]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--trainer.max_epoch", "1"], "'--trainer.max_epoch'. Did you mean '--trainer.max_epochs'?"),
        (
            ["--data.bach_size", "3"],
            "'--data.bach_size' is not an option here. Did you mean 'batch_size'?",
        ),
        (["--model.net.encoder_nam", "x"], "Did you mean 'encoder_name'?"),
        (["--data", "ClinicDBDataModul"], "'ClinicDBDataModul'. Did you mean 'ClinicDBDataModule'?"),
        (["--model.net", "segmentation_models_pytorch.Unett"], "Did you mean 'Unet'?"),
        (["--data.batch_size", "three"], "must be of type int, not 'three'"),
        (["--name", "${nam}"], "Interpolation key 'nam' not found"),
        (["--refine", "best.ckpt"], "'--refine' here, but in `polybench test` and `polybench predict`."),
        (["--tile=64"], "'--tile' here, but in `polybench predict`."),
        (["--data.crop", "128"], "--data.crop must be a mapping of size, scale, foreground"),
        (["--images=frames"], "--images must be of type int, or null, not 'frames'."),
        (["--budget", "publishd"], "--budget must be one of 'published', 'reduced', 'smoke', not 'publishd'."),
        (["--trainer.max_epochs", "1.5"], "--trainer.max_epochs must be of type int, or null, not '1.5'."),
        (["--trainer.max_epochs", "-3"], "error: `max_epochs` must be a non-negative integer or -1"),
        (["--trainer.precision", "17"], "--trainer.precision must be one of 64, 32, 16, "),
        (["--trainer.deterministic", "maybe"], "must be of type bool or one of 'warn', or null, not 'maybe'."),
        (["--trainer.limit_train_batches", "half"], "must be of type int or float, or null, not 'half'."),
        (["--model.schedule_interval", "steps"], "--model.schedule_interval must be one of 'epoch', 'step', or null"),
        (["--seed_everything", "null"], "--seed_everything must be of type int, not 'null'."),
        (["--seed_everything", "true"], "--seed_everything must be of type int, not 'true'."),
        (["--model.optimizer.lr", "abc"], "--model.optimizer.lr must be of type float, not 'abc'."),
        (["--data.size", "64"], "--data.size must be a list, such as [64,64], not '64'."),
        (["--model.optimizer", "Adamm"], "There is no class 'Adamm'. Did you mean 'torch.optim.Adam'?"),
        (["--model.lr_scheduler", "StepLRR"], "Did you mean 'torch.optim.lr_scheduler.StepLR'?"),
        (
            ["--trainer.logger", "[WandbLogger, CSVLogger]"],
            "CSVLogger': the following arguments are required: save_dir): give the name of a class, or a list of",
        ),
        (["--model.net", "Linkne"], "There is no class 'Linkne'. Did you mean 'segmentation_models_pytorch.Linknet'?"),
        (
            ["--model.lr_scheduler", "ReduceLROnPlateau"],
            "is the name of several classes: give a whole path, one of lightning.pytorch.cli.ReduceLROnPlateau, torch.",
        ),
        (
            ["--model.loss", "segmentation_models_pytorch.losses.DiceLoss"],
            "lacks mode of DiceLoss: add it as an option, --model.loss.mode binary, or in the recipe.",
        ),
        (
            ["--model.lr_scheduler", "torch.optim.lr_scheduler.StepLR"],
            "lacks step_size of StepLR: add it as an option, --model.lr_scheduler.step_size VALUE",
        ),
        (["--trainer.callbacks+", "EarlyStopping"], "--trainer.callbacks.monitor val/loss"),
        (["--trainer.seed", "3"], "There is no option '--trainer.seed'. Did you mean '--seed_everything'?"),
        (["--trainer.batch_size", "3"], "Did you mean '--data.batch_size'?"),
        (["--ckpt_path", "none.ckpt"], "There is no checkpoint 'none.ckpt'"),
    ],
)
def test_wrong_option(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    expected: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    recipe = write_recipe(tmp_path, tmp_path / "no data is read")
    (tmp_path / "no data is read").mkdir()
    (tmp_path / "no data is read" / "split.csv").write_text("id,subset,group\n1,train,1\n2,val,2\n3,test,3\n")
    assert expected in complaint(["fit", "--config", str(recipe), *words], capsys)


@pytest.mark.parametrize(
    ("right", "wrong", "expected"),
    [
        ("max_epochs", "max_epohcs", "in line 31 of"),
        ("lr:", "lrr:", "Did you mean 'lr'?"),
        ("SegmentationTask", "SegmentatonTask", "Did you mean 'SegmentationTask'?"),
        ("name: tiny", "nme: tiny", "Did you mean 'name'?"),
    ],
)
def test_wrong_key_in_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], right: str, wrong: str, expected: str
) -> None:
    recipe = write_recipe(tmp_path, tmp_path)
    recipe.write_text(recipe.read_text().replace(right, wrong))
    found = complaint(["fit", "--config", str(recipe)], capsys)
    assert wrong.rstrip(": tiny") in found
    assert expected in found


def test_missing_recipe_suggests_its_neighbour(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_recipe(tmp_path, tmp_path)
    assert "Did you mean 'tiny.yaml'?" in complaint(["fit", "--config", str(tmp_path / "tyni.yaml")], capsys)


@pytest.mark.parametrize(
    ("name", "proposed"),
    [
        ("conf/methods/unet_lit0.yaml", "unet_lite0.yaml"),
        ("conf/method/unet_lite0.yaml", "conf/methods/unet_lite0.yaml"),
    ],
)
def test_missing_recipe_of_polybench_suggests_one_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, proposed: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert f"There is no file '{name}'. Did you mean '{proposed}'?" in complaint(["fit", "--config", name], capsys)


def test_missing_fragment_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = write_recipe(tmp_path, tmp_path)
    recipe.write_text(recipe.read_text().replace("polybench.losses.BCEDiceLoss", "losses/none.yaml"))
    assert "no file 'losses/none.yaml'" in complaint(["fit", "--config", str(recipe)], capsys)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--model.net", "polybench.models.EFEN"], "VGG19's ImageNet weights can't be had"),
        (["--model.net.encoder_weights", "imagenet"], "--model.net.encoder_weights null"),
        (["--model.net.encoder_depth", "9"], "can't be built"),
        (["--model.net.encoder_weights", ""], "encoder_weights is empty: give imagenet or a file of weights, or null"),
        (["--model.net.encoder_name", "resnet43"], "There is no encoder 'resnet43'. Did you mean 'resnet34'?"),
        (["--model.net.encoder_name", "tu-tset_resnet"], "'tu-tset_resnet'. Did you mean 'tu-test_resnet'?"),
    ],
)
def test_net_that_cannot_be_built_says_why(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    expected: str,
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    (tmp_path / "split.csv").write_text("id,subset,group\n1,train,1\n2,val,2\n3,test,3\n")
    recipe = write_recipe(tmp_path, tmp_path)
    assert expected in complaint(["fit", "--config", str(recipe), *words], capsys)


def test_no_recipe_says_how_to_give_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert "--config conf/quickstart.yaml" in complaint(["fit"], capsys)


@pytest.mark.parametrize("command", ["test", "validate", "predict"])
def test_evaluation_needs_a_checkpoint(tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str) -> None:
    (tmp_path / "split.csv").write_text("id,subset,group\n1,train,1\n2,val,2\n3,test,3\n")
    recipe = write_recipe(tmp_path, tmp_path)
    assert "needs --ckpt_path" in complaint([command, "--config", str(recipe)], capsys)


@pytest.mark.parametrize("command", ["test", "validate", "predict"])
def test_a_checkpoint_by_name_that_is_absent_says_how_to_get_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "split.csv").write_text("id,subset,group\n1,train,1\n2,val,2\n3,test,3\n")
    recipe = write_recipe(tmp_path, tmp_path)
    found = complaint([command, "--config", str(recipe), "--ckpt_path", "best"], capsys)
    assert "There is no best checkpoint in 'runs/tiny-s0': train the recipe with `polybench fit`" in found


def test_wrong_option_over_a_configuration_given_as_text(
    tmp_path: Path, data_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`polybench.run` gives mappings as text, longer than a file's name may be."""
    text = dump(yaml.safe_load(write_recipe(tmp_path, data_root).read_text()))
    assert len(text) > 255
    found = complaint(["fit", "--config", text, "--data.bach_size", "3"], capsys)
    assert found.endswith("'bach_size' in '--data.bach_size' is not an option here. Did you mean 'batch_size'?")


def test_what_is_not_found_is_told_in_the_library_s_own_words() -> None:
    assert one_sentence((), "Something the parser\n  says", [], []) == "Something the parser says"
    assert one_sentence((), "word " * 200, [], []).endswith(" …")


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (int | None, "x", "of type int, or null"),
        (bool | Literal["warn"] | None, "x", "of type bool or one of 'warn', or null"),
        (Sequence[int], "64", "a list, such as [64,64]"),
        (float | Tensor, "x", "of type float"),
        (timedelta | dict[str, int], "x", ""),
    ],
)
def test_types_in_words(kind: object, value: str, expected: str) -> None:
    assert type_in_words(kind, value) == expected


def test_arguments_that_a_call_gives_later_are_not_asked_for() -> None:
    assert required_arguments(StepLR, Callable[[Optimizer], LRScheduler]) == ["step_size"]
    assert required_arguments(StepLR, StepLR) == ["optimizer", "step_size"]
