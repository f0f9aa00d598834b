from pathlib import Path

import pytest
from PIL import Image

from polybench.cli.main import run
from tests.cli.recipes import write_recipe


def test_elsewhere_than_in_a_terminal_one_line_is_all_that_is_printed(
    tmp_path: Path,
    data_root: Path,
    trained_tiny: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    recipe, checkpoint = write_recipe(tmp_path, data_root), str(trained_tiny)
    (tmp_path / "images").mkdir()
    Image.new("RGB", (20, 16)).save(tmp_path / "images" / "a.png")
    capfd.readouterr()
    assert (
        run(["predict", "--config", str(recipe), "--ckpt_path", checkpoint, "--images", "images", "--out", "out"]) == 0
    )
    captured = capfd.readouterr()
    assert captured.out == "1 of 1 images have their mask in 'out'.\n"
    assert "\n\n" not in captured.err
    assert not captured.err.startswith("\n")
