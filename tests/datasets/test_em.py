from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from polybench.core.errors import DataError
from polybench.curation.verify import verify
from polybench.datasets import EMDataModule

VOLUME = np.random.default_rng(0).integers(0, 256, (4, 6, 8), dtype=np.uint8)
LABELS = np.where(np.random.default_rng(1).random((4, 6, 8)) < 0.8, 255, 0).astype(np.uint8)


def write_stack(path: Path, stack: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    slices = [Image.fromarray(page) for page in stack]
    slices[0].save(path, save_all=True, append_images=slices[1:], compression="tiff_deflate")


def write_slices(folder: Path, stack: np.ndarray, names: list[str]) -> None:
    folder.mkdir(parents=True)
    for page, name in zip(stack, names, strict=True):
        Image.fromarray(page).save(folder / name)


@pytest.fixture
def stacks(tmp_path: Path) -> Path:
    write_stack(tmp_path / "ISBI2012" / "train-volume.tif", VOLUME)
    write_stack(tmp_path / "ISBI2012" / "train-labels.tif", LABELS)
    return tmp_path


def test_slices_of_the_stacks_are_the_images(stacks: Path) -> None:
    data = EMDataModule(str(stacks))
    sources = data.sources()
    assert [source.id for source in sources] == ["slice_00", "slice_01", "slice_02", "slice_03"]
    assert [source.group for source in sources] == ["em/block_0"] * 3 + ["em/block_1"]
    for source, image, label in zip(sources, VOLUME, LABELS, strict=True):
        decoded = data.decode(source)
        np.testing.assert_array_equal(decoded.image, np.repeat(image[..., None], 3, axis=-1))
        np.testing.assert_array_equal(decoded.mask, label == 255)  # 1 inside a cell, 0 on a membrane


def test_cells_are_compared_but_not_told_apart_by_files(stacks: Path) -> None:
    data = EMDataModule(str(stacks))
    assert [protocol.name for protocol in data.extra_protocols] == ["membranes"]
    assert data.decode(data.sources()[0]).labels is None


@pytest.mark.parametrize("first", [0, 1])
def test_folders_of_slices_equal_the_stacks(stacks: Path, tmp_path: Path, first: int) -> None:
    volume = np.random.default_rng(2).integers(0, 256, (30, 6, 8), dtype=np.uint8)
    labels = (volume > 60).astype(np.uint8) * 255
    numbers = range(first, first + 30)
    folder = tmp_path / "slices" / "ISBI2012"
    write_slices(folder / "train-volume", volume, [f"train-volume{n}.png" for n in numbers])
    write_slices(folder / "train-labels", labels, [f"train-labels{n:03d}.tif" for n in numbers])
    write_stack(stacks / "ISBI2012" / "train-volume.tif", volume)
    write_stack(stacks / "ISBI2012" / "train-labels.tif", labels)
    one, other = EMDataModule(str(stacks)), EMDataModule(str(tmp_path / "slices"))
    pairs = list(zip(one.sources(), other.sources(), strict=True))
    assert [b.id for _, b in pairs] == [f"slice_{place:02d}" for place in range(30)]
    for a, b in pairs:
        assert (a.id, a.group) == (b.id, b.group)
        np.testing.assert_array_equal(one.decode(a).image, other.decode(b).image)
        np.testing.assert_array_equal(one.decode(a).mask, other.decode(b).mask)


def test_stacks_of_unequal_length_are_refused(stacks: Path) -> None:
    write_stack(stacks / "ISBI2012" / "train-labels.tif", LABELS[:3])
    with pytest.raises(DataError, match=r"has 4 slices but .* has 3"):
        EMDataModule(str(stacks)).sources()


def test_slices_counted_from_an_unclear_place_are_refused(tmp_path: Path) -> None:
    for name, stack in (("train-volume", VOLUME), ("train-labels", LABELS)):
        write_slices(tmp_path / "ISBI2012" / name, stack, [f"{n}.png" for n in range(1, 5)])
    with pytest.raises(DataError, match="neither slice 0 nor slice 30"):
        EMDataModule(str(tmp_path)).sources()


@pytest.mark.parametrize(("names", "told"), [(["0.png", "2.png"], "has no mask"), (["a.png", "0.png"], "no number")])
def test_slice_without_label_or_number_is_named(tmp_path: Path, names: list[str], told: str) -> None:
    write_slices(tmp_path / "ISBI2012" / "train-volume", VOLUME[:2], names)
    write_slices(tmp_path / "ISBI2012" / "train-labels", LABELS[:1], ["0.png"])
    with pytest.raises(DataError, match=told):
        EMDataModule(str(tmp_path)).sources()


def test_two_files_of_one_slice_are_refused(tmp_path: Path) -> None:
    for name in ("train-volume", "train-labels"):
        write_slices(tmp_path / "ISBI2012" / name, VOLUME[:3], ["0.png", "1.png", "01.png"])
    with pytest.raises(DataError, match=r"train-volume/0?1\.png' and '0?1\.png' are both slice 1: keep one"):
        EMDataModule(str(tmp_path), on_error="skip").sources()


def test_broken_page_of_the_unread_test_stack_is_found(stacks: Path) -> None:
    volume = stacks / "ISBI2012" / "test-volume.tif"
    write_stack(volume, VOLUME)
    data = EMDataModule(str(stacks), on_error="skip")
    assert [found.text for found in verify(data).defects if found.kind == "decode"] == []
    content = bytearray(volume.read_bytes())
    with Image.open(volume) as image:
        image.seek(3)
        start, length = image.tag_v2[273][0], image.tag_v2[279][0]
    content[start : start + length] = bytes(length)
    volume.write_bytes(content)
    [text] = [found.text for found in verify(data).defects if found.kind == "decode"]
    assert "test-volume.tif' can't be decoded" in text


def test_neither_stack_nor_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "ISBI2012").mkdir()
    with pytest.raises(DataError, match=r"neither .*train-volume\.tif' nor the folder"):
        EMDataModule(str(tmp_path)).sources()


@pytest.mark.data
def test_real_stack_has_30_slices_mostly_of_cell_interior(real_data: Path) -> None:
    data = EMDataModule(str(real_data))
    decoded = [data.decode(source) for source in data.sources()]
    assert len(decoded) == 30
    assert {sample.mask.shape for sample in decoded} == {(512, 512)}
    membrane = np.stack([sample.image[..., 0][sample.mask == 0].mean() for sample in decoded])
    interior = np.stack([sample.image[..., 0][sample.mask == 1].mean() for sample in decoded])
    assert (membrane < interior).all()  # stained membranes are darker
    assert 0.7 < np.mean([sample.mask.mean() for sample in decoded]) < 0.85
