"""An image as its file has it, without its mask: what regions are cut from."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from polybench.core.errors import DataError
from polybench.datasets import ClinicDBDataModule, EMDataModule, FolderDataModule


def test_a_native_image_is_read_without_its_mask(data_root: Path) -> None:
    for path in (data_root / "CVC-ClinicDB" / "Ground Truth").iterdir():
        path.write_bytes(b"no image")
    data = ClinicDBDataModule(root=str(data_root), split=str(data_root / "split.csv"), size=(24, 32))
    stored = np.asarray(Image.open(data_root / "CVC-ClinicDB" / "Original" / "5.tif"))
    np.testing.assert_array_equal(data.native_image("5"), stored)
    with pytest.raises(DataError, match="no image '99'"):
        data.native_image("99")


def test_a_native_image_is_a_slice_of_a_stack(tmp_path: Path) -> None:
    (tmp_path / "ISBI2012").mkdir()
    slices = [Image.fromarray(np.full((6, 7), 8 * k, np.uint8)) for k in range(30)]
    for name in ("train-volume.tif", "train-labels.tif"):
        slices[0].save(tmp_path / "ISBI2012" / name, save_all=True, append_images=slices[1:])
    assert np.unique(EMDataModule(root=str(tmp_path)).native_image("slice_17")).tolist() == [136]


def test_where_files_lie_is_looked_up_once_and_problems_noted_once(tmp_path: Path) -> None:
    for folder, names in {"images": "ab", "masks": "a"}.items():
        (tmp_path / folder).mkdir()
        for name in names:
            pixels = np.zeros((16, 16), np.uint8)
            pixels[4:8] = 255
            Image.fromarray(pixels).save(tmp_path / folder / f"{name}.png")
    (tmp_path / "split.csv").write_text("id,subset,group\na,test,a\nb,test,b\n")
    data = FolderDataModule(root=str(tmp_path), split=str(tmp_path / "split.csv"), on_error="skip", size=(16, 16))
    data.setup("test")
    problems = list(data.problems)
    assert len(problems) == 1
    assert data.native_image("a").shape == data.native_image("a").shape == (16, 16, 3)
    assert data.problems == problems
