"""How one mask is coded, and what of it can't be read: levels, palettes, transparency, colour modes."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from polybench.core.errors import DataError
from polybench.data.images import read_mask
from polybench.data.mask_coding import _doubt, mixture

LEFT = np.zeros((8, 8), np.uint8)
LEFT[:, :2] = 1
"""A quarter of the mask is foreground."""


def grey(levels: np.ndarray) -> Image.Image:
    return Image.fromarray(levels)


def palette(colour: tuple[int, int, int]) -> Image.Image:
    image = Image.fromarray(LEFT, mode="P")
    image.putpalette([0, 0, 0, *colour])
    return image


def with_alpha(level: int, alpha: np.ndarray) -> Image.Image:
    return Image.merge("LA", [Image.new("L", (8, 8), level), Image.fromarray(alpha)])


def white_on_transparent() -> Image.Image:
    return Image.merge("LA", [Image.fromarray(LEFT * 255)] * 2)


def lab() -> Image.Image:
    rgb = Image.fromarray(np.dstack([LEFT * 255] * 3))
    profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    converted = ImageCms.profileToProfile(rgb, *profiles, outputMode="LAB")
    assert converted is not None
    return converted


READ: dict[str, Callable[[], Image.Image]] = {
    "0 and 255": lambda: grey(LEFT * 255),
    "0 and 1": lambda: grey(LEFT),
    "1 bit": lambda: grey(LEFT * 255).convert("1"),
    "16 bits, 0 and 65535": lambda: grey(LEFT.astype(np.uint16) * 65535),
    "16 bits, 0 and 255": lambda: grey(LEFT.astype(np.uint16) * 255),
    "32 bits, 0 and 1": lambda: grey(LEFT.astype(np.int32)),
    "indexes of a palette with white": lambda: palette((255, 255, 255)),
    "transparency that repeats the levels": white_on_transparent,
    "full transparency everywhere": lambda: Image.merge("LA", [grey(LEFT * 255), Image.new("L", (8, 8), 0)]),
}


@pytest.mark.parametrize("image", READ.values(), ids=READ)
def test_is_read_as_drawn(tmp_path: Path, image: Callable[[], Image.Image]) -> None:
    image().save(tmp_path / "m.tif")
    np.testing.assert_array_equal(read_mask(tmp_path / "m.tif"), LEFT)


REFUSED: dict[str, tuple[Callable[[], Image.Image], str]] = {
    "0 and 127": (lambda: grey(LEFT * 127), "no pixel above 127 but grey levels up to 127: code foreground as 255"),
    "1 to 3": (lambda: grey(np.repeat([[0, 1, 2, 3]], 4, 0).astype(np.uint8)), "numbers of objects or classes, 1 to 3"),
    "1 and 255 for no class": (
        lambda: grey(np.repeat([[0, 1, 255, 255]], 4, 0).astype(np.uint8)),
        "holds the number of a class, from 1 on, beside 255, as for pixels of no class",
    ),
    "1 to 200": (
        lambda: grey(np.arange(201, dtype=np.uint8).reshape(3, 67)),
        "numbers of objects or classes, 1 to 200",
    ),
    "1 to 300": (
        lambda: grey(np.arange(301, dtype=np.uint16).reshape(7, 43)),
        r"numbers objects or classes in more than 8 bits \(values 0 to 300\)",
    ),
    "negative": (lambda: grey(-LEFT.astype(np.int32)), r"values -1 to 0\)"),
    "indexes of a palette with red": (lambda: palette((128, 0, 0)), "has colours in 25.0 % of its pixels"),
    "drawn in the transparency": (lambda: with_alpha(255, LEFT * 255), "has a transparency"),
    "floating-point": (lambda: grey(LEFT.astype(np.float32)), "has floating-point pixels"),
    "LAB": (lab, "in the colour mode LAB"),
    "CMYK": (lambda: grey(LEFT * 255).convert("CMYK"), "in the colour mode CMYK"),
}


@pytest.mark.parametrize(("image", "told"), REFUSED.values(), ids=REFUSED)
def test_is_refused_in_a_sentence_that_names_the_file(
    tmp_path: Path, image: Callable[[], Image.Image], told: str
) -> None:
    image().save(tmp_path / "m.tif")
    with pytest.raises(DataError, match=rf"m\.tif'.*{told}"):
        read_mask(tmp_path / "m.tif")


def test_transparent_colour_of_a_png_counts_as_transparency(tmp_path: Path) -> None:
    grey(LEFT * 255).save(tmp_path / "m.png", transparency=255)
    with pytest.raises(DataError, match=r"m\.png' has a transparency"):
        read_mask(tmp_path / "m.png")


def test_traces_of_jpeg_in_an_empty_mask_are_background(tmp_path: Path) -> None:
    Image.fromarray(LEFT * 12).save(tmp_path / "m.jpg", quality=100)
    assert np.asarray(Image.open(tmp_path / "m.jpg")).max() > 8
    assert read_mask(tmp_path / "m.jpg").sum() == 0


def test_sixteen_bits_with_grey_edges_are_cut_at_half_of_the_range(tmp_path: Path) -> None:
    levels = LEFT.astype(np.uint16) * 65535
    levels[0, 2:4] = [32767, 32768]
    grey(levels).save(tmp_path / "m.png")
    assert read_mask(tmp_path / "m.png")[0].tolist() == [1, 1, 0, 1, 0, 0, 0, 0]


def test_own_threshold_reads_numbers_as_foreground(tmp_path: Path) -> None:
    grey(np.array([[0, 1, 2, 3]], np.uint8)).save(tmp_path / "m.png")
    assert read_mask(tmp_path / "m.png", above=1).tolist() == [[0, 0, 1, 1]]


def test_masks_of_grey_levels_do_not_mix_with_those_of_0_and_255() -> None:
    assert mixture([("a", "full"), ("b", "other"), ("c", "either")]) is None
    assert mixture([("a", "ones"), ("b", "other")]) == "1 map(s) of 0 and 1 (a) with 1 of other values"


def test_two_levels_leave_no_doubt_whatever_they_cover() -> None:
    assert _doubt(np.repeat(np.array([[0, 128]], np.uint8), 4, 0), 255) is None
    assert _doubt(np.array([[0, 90, 128, 150]], np.uint8), 255) is not None
