"""Files that are no checkpoint of the run, or whose weights can't be used, end every command in one sentence."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import polybench
from polybench.cli.main import run as command
from polybench.core.errors import ConfigError
from tests.cli.recipes import write_recipe
from tests.experiments.one_net import write_project

Content = dict[str, Any]


@pytest.fixture(scope="module")
def best(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("odd")
    (folder / "images").mkdir()
    Image.fromarray(np.zeros((24, 32, 3), np.uint8)).save(folder / "images" / "a.png")
    recipe = write_recipe(folder, folder / "data", write_project(folder, "odd_net"), max_epochs=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("POLYBENCH_CACHE", str(folder / "cache"))
        patch.delenv("POLYBENCH_RUN_FOLDER", raising=False)
        polybench.run(recipe, no_leaderboard=True, trainer={"default_root_dir": folder / "run"})
        yield folder / "run" / "checkpoints" / "best.ckpt"


@pytest.fixture(autouse=True)
def there(best: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(best.parents[2])
    monkeypatch.setenv("POLYBENCH_CACHE", str(best.parents[2] / "cache"))


def diverged(saved: Content) -> Content:
    state = dict(saved["state_dict"])
    state["net.head.weight"] = torch.full_like(state["net.head.weight"], torch.nan)
    return {**saved, "state_dict": state}


def misshaped(saved: Content) -> Content:
    return {"state_dict": {name: torch.ones(1) for name in saved["state_dict"]}, "epoch": 0}


ODD: dict[str, tuple[Callable[[Content], object], str]] = {
    "tensor": (lambda saved: torch.ones(3), "holds a Tensor, not a checkpoint"),
    "list": (lambda saved: [1], "holds a list, not a checkpoint"),
    "pickle": (lambda saved: os.mkdir, "is not a checkpoint of tensors and plain values"),
    "no weights": (lambda saved: {"epoch": 3}, "has no 'state_dict'"),
    "other shapes": (misshaped, "belongs to another net than the configuration's: size mismatch for net."),
    "diverged": (diverged, "1 of its tensors hold NaN or infinity ('net.head.weight' first)"),
}
COMMANDS = {
    "predict": ["--images", "images", "--out", "out"],
    "test": ["--trainer.default_root_dir", "tested"],
    "validate": ["--trainer.default_root_dir", "tested"],
    "fit": ["--trainer.default_root_dir", "fitted", "--no_leaderboard", "--seed_everything", "1"],
}


@pytest.mark.parametrize("name", list(COMMANDS))
@pytest.mark.parametrize("kind", list(ODD))
def test_odd_checkpoint_is_one_sentence(
    best: Path, tmp_path: Path, kind: str, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    make, told = ODD[kind]
    torch.save(make(torch.load(best, weights_only=True)), tmp_path / "odd.ckpt")
    words = ["--config", "tiny.yaml", "--ckpt_path", str(tmp_path / "odd.ckpt"), *COMMANDS[name]]
    assert command([name, *words]) == 2
    [line] = [line for line in capsys.readouterr().err.splitlines() if line.startswith("polybench: error: ")]
    assert "odd.ckpt'" in line
    assert told in line
    assert not Path("out").exists()


@pytest.mark.parametrize("kind", ["folder", "empty"])
@pytest.mark.parametrize("name", ["predict", "fit"])
def test_folder_or_empty_file_is_one_sentence(
    tmp_path: Path, kind: str, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "odd.ckpt"
    path.mkdir() if kind == "folder" else path.touch()
    assert command([name, "--config", "tiny.yaml", "--ckpt_path", str(path), *COMMANDS[name]]) == 2
    told = "is a folder: give the file" if kind == "folder" else "is empty: give the file"
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["tensor", "list", "pickle", "diverged"])
def test_odd_checkpoint_is_not_loaded(best: Path, tmp_path: Path, kind: str) -> None:
    make, told = ODD[kind]
    torch.save(make(torch.load(best, weights_only=True)), tmp_path / "odd.ckpt")
    with pytest.raises(ConfigError) as error:
        polybench.load(tmp_path / "odd.ckpt")
    assert told in str(error.value)


def test_weights_alone_are_evaluated_as_the_whole_checkpoint_is(best: Path, tmp_path: Path) -> None:
    saved = torch.load(best, weights_only=True)
    torch.save({"state_dict": saved["state_dict"]}, tmp_path / "bare.ckpt")
    for name, path in {"whole": best, "bare": tmp_path / "bare.ckpt"}.items():
        words = ["--ckpt_path", str(path), "--trainer.default_root_dir", str(tmp_path / name)]
        assert command(["test", "--config", "tiny.yaml", *words]) == 0
    one, other = ((tmp_path / name / "test_rows.csv").read_text() for name in ("whole", "bare"))
    assert one == other
