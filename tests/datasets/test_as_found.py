"""Copies as they are found: files of other types, and what systems leave behind, beside the official ones."""

from pathlib import Path

import pytest
from PIL import Image

from polybench import datasets
from polybench.core.errors import DataError
from polybench.data.listing import Reason
from polybench.data.module import SegmentationDataModule
from polybench.data.pooled import PooledDataModule
from polybench.data.unread import left_out_beside
from polybench.datasets import (
    CHASEDataModule,
    FolderDataModule,
    ISIC2016DataModule,
    ISIC2018DataModule,
    KvasirSEGDataModule,
    PH2DataModule,
)
from polybench.synth.dataset import write_dataset

MODULES: list[type[SegmentationDataModule]] = [
    module for name in datasets.__all__ if (module := getattr(datasets, name)) is not FolderDataModule
]


def copy_of(module: type[SegmentationDataModule], root: Path) -> SegmentationDataModule:
    write_dataset(module, root, n=12 if issubclass(module, PooledDataModule) else 6, size=(32, 40))
    return module(root=str(root), allow_missing=True)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: str(module.short_name))
def test_official_files_are_taken_and_others_of_their_stem_named(
    module: type[SegmentationDataModule], tmp_path: Path
) -> None:
    data = copy_of(module, tmp_path)
    before = data.sources()
    assert left_out_beside(before, data.unread_official) == []
    files = {path for source in before for path in source.files}
    for path in files:
        for name in (f"{path.stem}.webp", f"._{path.name}"):
            path.with_name(name).write_bytes(b"no image")
    folders = {path.parent for path in files}
    for folder in folders:
        for name in ("Thumbs.db", ".DS_Store"):
            (folder / name).write_bytes(b"no image")
    assert data.sources() == before
    found = left_out_beside(before, data.unread_official)
    assert {entry.path for entry in found if entry.reason is Reason.UNUSED} == {
        path.with_suffix(".webp") for path in files
    }
    assert len([entry for entry in found if entry.reason is Reason.HIDDEN]) == len(files) + len(
        {p.parent for p in files}
    )


def test_lesion_is_read_from_the_official_bmp_beside_a_jpeg(tmp_path: Path) -> None:
    data = copy_of(PH2DataModule, tmp_path)
    folder = tmp_path / "PH2Dataset" / "PH2 Dataset images" / "IMD002" / "IMD002_lesion"
    Image.new("L", (40, 32), 255).save(folder / "IMD002_lesion.jpg")
    assert data.sources()[0].masks == (folder / "IMD002_lesion.bmp",)
    [entry] = left_out_beside(data.sources())
    assert entry.path == folder / "IMD002_lesion.jpg"


def test_lesion_that_is_there_as_a_jpeg_alone_is_read(tmp_path: Path) -> None:
    data = copy_of(PH2DataModule, tmp_path)
    mask = data.sources()[0].masks[0]
    mask.rename(mask.with_suffix(".jpg"))
    assert data.sources()[0].masks == (mask.with_suffix(".jpg"),)


@pytest.mark.parametrize("module", [ISIC2016DataModule, ISIC2018DataModule])
@pytest.mark.parametrize("extra", ["superpixels", "attribute_globules"])
def test_files_of_other_tasks_are_no_images(module: type[SegmentationDataModule], extra: str, tmp_path: Path) -> None:
    data = copy_of(module, tmp_path)
    before = data.sources()
    for source in before:
        for path in source.files:
            path.with_name(f"{source.id}_{extra}.png").write_bytes(b"no image")
    assert data.sources() == before


@pytest.mark.parametrize("module", [ISIC2016DataModule, ISIC2018DataModule])
def test_ending_of_a_segmentation_may_be_in_any_case(module: type[SegmentationDataModule], tmp_path: Path) -> None:
    data = copy_of(module, tmp_path)
    masks = [source.masks[0] for source in data.sources()]
    for path in masks:
        path.rename(path.with_name(path.name.swapcase().replace("isic", "ISIC").replace(".PNG", ".png")))
    assert len(data.sources()) == len(masks)


def test_dangling_link_in_the_place_of_an_image_is_named(tmp_path: Path) -> None:
    data = copy_of(KvasirSEGDataModule, tmp_path)
    path = data.sources()[0].image
    path.unlink()
    path.symlink_to("gone.jpg")
    with pytest.raises(DataError, match=rf"{path.name}' is a broken link"):
        data.sources()


def test_sub_folder_beside_the_images_is_named(tmp_path: Path) -> None:
    data = copy_of(CHASEDataModule, tmp_path)
    folder = tmp_path / "CHASEDB1" / "predictions"
    folder.mkdir()
    Image.new("L", (40, 32)).save(folder / "Image_01L.png")
    [entry] = left_out_beside(data.sources(), data.unread_official)
    assert (entry.path, entry.reason, entry.files) == (folder, Reason.SUB_FOLDER, 1)
