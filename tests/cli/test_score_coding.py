"""What `polybench score` makes of transparency, odd colour modes, several pages and values of less than 16 bits."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from polybench.cli.main import run
from tests.conftest import write_split

SQUARE = np.zeros((16, 16), np.uint8)
SQUARE[2:10, 3:11] = 255


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for place in ("pred", "gt"):
        (tmp_path / place).mkdir()
        for name in "ab":
            Image.fromarray(SQUARE).save(tmp_path / place / f"{name}.tif")
    return tmp_path


def score(folder: Path, *words: str) -> int:
    folders = ["--pred", str(folder / "pred"), "--gt", str(folder / "gt")]
    return run(["score", *folders, "--json", str(folder / "out.json"), *words])


def dice(folder: Path) -> float:
    return float(json.loads((folder / "out.json").read_text())["protocols"]["per_image"]["dice"])


def drawn_in_alpha(path: Path) -> None:
    Image.merge("LA", [Image.new("L", (16, 16), 255), Image.fromarray(SQUARE)]).save(path)


def in_lab(path: Path) -> None:
    Image.new("LAB", (16, 16)).save(path)


def two_pages(path: Path) -> None:
    page = Image.fromarray(SQUARE)
    page.save(path, save_all=True, append_images=[page])


@pytest.mark.parametrize("place", ["pred", "gt"])
@pytest.mark.parametrize(
    ("write", "told"),
    [
        (drawn_in_alpha, "has a transparency (alpha channel) that differs from its grey levels"),
        (in_lab, "has pixels in the colour mode LAB"),
        (two_pages, "holds 2 images where one is expected"),
    ],
)
def test_file_that_hides_something_is_refused(
    folder: Path, place: str, write: Callable[[Path], None], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write(folder / place / "a.tif")
    assert score(folder) == 1
    [error] = capsys.readouterr().err.splitlines()
    assert f"{place}/a.tif' {told}" in error


def test_transparency_that_repeats_the_mask_is_harmless(folder: Path) -> None:
    for place in ("pred", "gt"):
        Image.merge("LA", [Image.fromarray(SQUARE)] * 2).save(folder / place / "a.tif")
    assert score(folder) == 0
    assert dice(folder) == 1


def test_twelve_bits_of_a_prediction_must_be_stated(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wide = (SQUARE // 255).astype(np.uint16) * 3000
    wide[0, 0] = 7
    Image.fromarray(wide).save(folder / "pred" / "a.tif")
    assert score(folder) == 1
    [error] = capsys.readouterr().err.splitlines()
    assert "no value above 3000 ('a.tif')" in error
    assert "--bits 12, or 16" in error
    assert score(folder, "--bits", "12") == 0
    assert dice(folder) == 1  # 3000 / 4095 = 0.73
    assert score(folder, "--bits", "16") == 0
    assert dice(folder) == 0.5  # 3000 / 65535 = 0.05, of the one of two images


def test_bits_without_sixteen_bit_predictions_are_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert score(folder, "--bits", "12") == 1
    assert "No file has more than 8 bits, so --bits 12 has no effect" in capsys.readouterr().err


def test_masks_of_a_dataset_follow_the_same_rule(
    folder: Path, data_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    masks = data_root / "CVC-ClinicDB" / "Ground Truth"
    write_split(data_root / "split.csv")
    for path in (folder / "pred").iterdir():
        path.unlink()
    for number in range(9, 13):
        mask = np.asarray(Image.open(masks / f"{number}.tif").convert("L"))
        Image.fromarray(mask).save(folder / "pred" / f"{number}.tif")
        Image.fromarray(np.where(mask > 127, 1, 0).astype(np.uint8)).save(masks / f"{number}.tif")
    words = ["score", "--dataset", "clinicdb", "--root", str(data_root), "--json", str(folder / "out.json")]
    words += ["--split", f"{data_root / 'split.csv'}/test", "--pred", str(folder / "pred")]
    assert run(words) == 0
    assert dice(folder) == 1
    assert "masks of 0 and 1, read as labels" in capsys.readouterr().err
    whole = np.asarray(Image.open(folder / "pred" / "9.tif"))
    Image.fromarray(whole).save(masks / "9.tif")
    assert run(words) == 1
    assert "There are 1 mask(s) of 0 and 255" in capsys.readouterr().err
