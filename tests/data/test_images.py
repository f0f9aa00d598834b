from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from polybench.core.errors import DataError
from polybench.data.images import read_image, read_mask, resize_mask


def save(path: Path, array: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)
    return path


@pytest.mark.parametrize("suffix", [".png", ".tif", ".bmp"])
def test_reads_rgb_unchanged(tmp_path: Path, suffix: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    np.testing.assert_array_equal(read_image(save(tmp_path / f"a{suffix}", pixels)), pixels)


def test_sixteen_bit_grey_is_scaled_to_eight(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", np.array([[0, 257], [65535, 32896]], dtype=np.uint16))
    np.testing.assert_array_equal(read_image(path)[..., 0], [[0, 1], [255, 128]])


def test_transparency_is_dropped(tmp_path: Path) -> None:
    pixels = np.full((2, 2, 4), 100, dtype=np.uint8)
    pixels[..., 3] = 7
    assert read_image(save(tmp_path / "a.png", pixels)).tolist() == np.full((2, 2, 3), 100).tolist()


def test_palette_image_gets_its_colours(tmp_path: Path) -> None:
    image = Image.fromarray(np.array([[0, 1]], dtype=np.uint8), mode="P")
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.save(tmp_path / "a.gif")
    assert read_image(tmp_path / "a.gif").tolist() == [[[10, 20, 30], [40, 50, 60]]]


def test_mask_is_foreground_above_127(tmp_path: Path) -> None:
    path = save(tmp_path / "m.png", np.array([[0, 127, 128, 255]], dtype=np.uint8))
    assert read_mask(path).tolist() == [[0, 0, 1, 1]]


def test_one_bit_mask_is_read_as_it_is(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 255]], dtype=np.uint8)).convert("1").save(tmp_path / "m.png")
    assert read_mask(tmp_path / "m.png").tolist() == [[0, 1]]


def test_truncated_image_is_named(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(DataError, match=r"a\.png' can't be decoded"):
        read_image(path)


def test_shrunk_mask_keeps_what_covers_half_a_pixel() -> None:
    mask = np.zeros((8, 8), dtype=np.uint8)
    mask[:, :4] = 1
    np.testing.assert_array_equal(resize_mask(mask, (4, 4)), np.array([[1, 1, 0, 0]] * 4))
