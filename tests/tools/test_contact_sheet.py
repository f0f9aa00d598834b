from pathlib import Path

import numpy as np
from PIL import Image

from polybench.datasets import DRIVEDataModule
from tools.contact_sheet import CELL, FIELD_OF_VIEW, HEAD, MASK, outlined, pictures, sheet


def test_outline_is_the_inner_edge_of_each_mask() -> None:
    image = np.zeros((6, 9, 3), np.uint8)
    left, right = np.zeros((2, 6, 9), np.uint8)
    left[1:5, 1:4] = 1
    right[1:5, 4:7] = 1
    drawn = (outlined(image, [left, right], (9, 9, 9)) == 9).all(-1)
    expected = np.zeros((6, 9), bool)
    expected[1:5, 1:7] = True
    expected[2:4, [2, 5]] = False
    assert np.array_equal(drawn, expected)
    assert not image.any()


def test_sheet_has_a_row_for_each_three_images() -> None:
    picture = np.full((30, 40, 3), 7, np.uint8)
    page = sheet("title", [(picture, picture)] * 4)
    assert page.size == (6 * (CELL[1] + 4), HEAD + 2 * (CELL[0] + 4))
    assert page.getpixel((4, HEAD + 2)) == (7, 7, 7)


def test_masks_and_field_of_view_are_drawn_as_the_module_reads_them(tmp_path: Path) -> None:
    from polybench.synth.dataset import write_dataset

    write_dataset(DRIVEDataModule, tmp_path, n=3, size=(48, 48))
    data = DRIVEDataModule(str(tmp_path), allow_missing=True)
    source = data.sources()[0]
    plain, drawn = pictures(data, source)
    assert np.array_equal(plain, np.asarray(Image.open(source.image)))
    colours = {tuple(pixel) for pixel in drawn[(drawn != plain).any(-1)].tolist()}
    assert colours <= {MASK, FIELD_OF_VIEW}
    assert FIELD_OF_VIEW in colours
