import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from polybench.callbacks.overlays import FALSE_NEGATIVE, FALSE_POSITIVE, TRUE_POSITIVE, tint_errors
from polybench.experiments.compared_images import dice_of
from polybench.experiments.image_grid import DPI, Line, draw_grid, write_grid


@pytest.fixture
def line() -> Line:
    """An image of 300x260 pixels whose truth is its left half, and a net that says its upper half."""
    truth, mask = np.zeros((2, 260, 300), bool)
    truth[:, :150] = mask[:130] = True
    image = np.random.default_rng(0).integers(0, 256, (260, 300, 3), dtype=np.uint8)
    return Line("a", image, truth, (mask,), (dice_of(truth, mask),))


def _drawn(lines: list[Line], show: str) -> np.ndarray:
    file = io.BytesIO()
    draw_grid(["Net"], lines, show).savefig(file, format="png", dpi=DPI)
    return np.asarray(Image.open(file).convert("RGB"))


def test_pixels_are_those_of_the_image(line: Line) -> None:
    drawn = _drawn([line], "errors")
    [top] = {row for row in range(80) if np.array_equal(drawn[row + 100, :300], line.image[100])}
    assert np.array_equal(drawn[top + 60 : top + 260, :300], line.image[60:])  # the id stands above
    errors = tint_errors(line.image, line.truth, line.masks[0])
    assert np.array_equal(drawn[top + 60 : top + 260, 616:916], errors[60:])


def test_masks_are_white_on_black(line: Line) -> None:
    drawn = _drawn([line], "masks")[-1]  # the last line of pixels: truth on the left, nothing of the net
    assert drawn[308:458].min() == 255
    assert drawn[458:608].max() == 0
    assert drawn[616:916].max() == 0


def test_outlines_are_wide_enough_to_be_seen(line: Line) -> None:
    drawn = _drawn([line], "outlines").astype(int)
    for colour, columns, least in ((TRUE_POSITIVE, slice(308, 608), 200), (FALSE_POSITIVE, slice(616, 916), 250)):
        near = np.abs(drawn[:, columns] - colour).sum(axis=2) < 40
        assert near.sum() > least  # more than a pixel along 260 and 300 pixels


def test_images_of_other_sizes_stand_in_one_grid(line: Line) -> None:
    small = Line("b", np.zeros((64, 64, 3), np.uint8), np.ones((64, 64), bool), (np.ones((64, 64), bool),), (1.0,))
    drawn = _drawn([line, small], "errors")
    assert drawn.shape[1] == 3 * 300 + 2 * 8  # 64 pixels are shown as 256
    assert np.abs(drawn.astype(int) - FALSE_NEGATIVE).sum(axis=2).min() < 30  # the key


def test_files_are_equal_for_equal_figures(line: Line, tmp_path: Path) -> None:
    first, second = (
        [path.read_bytes() for path in write_grid(draw_grid(["Net"], [line], "outlines"), tmp_path / name)]
        for name in ("one", "two")
    )
    assert first == second
    assert first[1].startswith(b"%PDF")


@pytest.mark.parametrize(
    ("truth", "mask", "dice"), [([1, 1, 0], [1, 0, 1], 0.5), ([0, 0, 0], [0, 0, 0], 1), ([0, 0, 0], [1, 0, 0], 0)]
)
def test_dice_is_that_of_one_image(truth: list[int], mask: list[int], dice: float) -> None:
    assert dice_of(np.array([truth], bool), np.array([mask], bool)) == dice
