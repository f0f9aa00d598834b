"""What would not fit into memory is refused by name before it is read."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from polybench.cli.main import run
from polybench.data import memory
from tests.cli.recipes import write_recipe


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A prediction and its mask of 40x30 pixels, on a machine with memory for 30 bytes for each of them."""
    for name in ("pred", "gt"):
        (tmp_path / name).mkdir()
        image = np.zeros((30, 40), np.uint8)
        image[5:9, 4:10] = 255
        Image.fromarray(image).save(tmp_path / name / "a.png")
    monkeypatch.setattr(memory, "available_memory", lambda: 30 * 30 * 40)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_what_fits_is_scored(folders: Path) -> None:
    assert run(["score", "--pred", "pred", "--gt", "gt"]) == 0


def test_mask_that_does_not_fit_is_refused_with_the_option_that_costs_most(
    folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["score", "--pred", "pred", "--gt", "gt", "--membranes"]) == 1
    error = capsys.readouterr().err
    assert "'gt/a.png' has 40x30 pixels: scoring it needs about" in error
    assert "62 bytes per pixel" in error
    assert "leave out --membranes (30 bytes per pixel then)" in error
    assert len(error.strip().splitlines()) == 1


def test_prediction_larger_than_its_mask_is_refused_too(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.new("L", (41, 30)).save(folders / "pred" / "a.png")
    assert run(["score", "--pred", "pred", "--gt", "gt", "--resize"]) == 1
    assert "'pred/a.png' has 41x30 pixels" in capsys.readouterr().err


def test_training_whose_test_would_not_fit_is_refused_before_it_begins(
    tmp_path: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(memory, "available_memory", lambda: 100)
    monkeypatch.chdir(tmp_path)
    recipe = write_recipe(tmp_path, data_root, max_epochs=1, default_root_dir=str(tmp_path / "run"))
    assert run(["fit", "--config", str(recipe), "--no_leaderboard"]) == 1
    error = capsys.readouterr().err
    assert "evaluating it needs about" in error
    assert "lower --data.eval_batch_size" in error
    assert not list((tmp_path / "run").rglob("*.ckpt"))
