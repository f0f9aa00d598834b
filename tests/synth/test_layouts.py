"""Every dataset's generated copy, read by its own DataModule."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage.measure import label, regionprops

from polybench import datasets
from polybench.curation.make_split import make_split
from polybench.data.module import SegmentationDataModule
from polybench.data.pooled import PooledDataModule
from polybench.data.sample import Decoded, Source
from polybench.datasets import (
    ClinicDBDataModule,
    DSB2018DataModule,
    EndoSceneStillDataModule,
    KvasirSEGDataModule,
    PraNetDataModule,
)
from polybench.synth import pairs
from polybench.synth.dataset import write_dataset
from polybench.synth.files import Size
from polybench.synth.layouts import LAYOUTS

MODULES: list[type[SegmentationDataModule]] = [getattr(datasets, name) for name in datasets.__all__]
N = 6
OF_A_POOL = 12
SIZE = (48, 64)

# Of each distribution, a few files with their type and mode: the DataModules' cards and the copies they were made from.
FILES = {
    "chase": {
        "CHASEDB1/Image_01L.jpg": ("JPEG", "RGB"),
        "CHASEDB1/Image_01R_1stHO.png": ("PNG", "1"),
        "CHASEDB1/Image_01R_2ndHO.png": ("PNG", "1"),
    },
    "clinicdb": {"CVC-ClinicDB/Original/1.tif": ("TIFF", "RGB"), "CVC-ClinicDB/Ground Truth/1.tif": ("TIFF", "L")},
    "colondb": {"CVC-ColonDB/images/1.png": ("PNG", "RGB"), "CVC-ColonDB/masks/1.png": ("PNG", "L")},
    "colondb300": {
        "CVC-EndoSceneStill/CVC-300/bbdd/1.bmp": ("BMP", "RGB"),
        "CVC-EndoSceneStill/CVC-300/gtpolyp/1.bmp": ("BMP", "L"),
    },
    "cvc300": {"CVC-300/images/149.png": ("PNG", "RGB"), "CVC-300/masks/149.png": ("PNG", "L")},
    "drive": {
        "DRIVE/training/images/21_training.tif": ("TIFF", "RGB"),
        "DRIVE/training/1st_manual/21_manual1.gif": ("GIF", "L"),
        "DRIVE/training/mask/21_training_mask.gif": ("GIF", "L"),
        "DRIVE/test/images/01_test.tif": ("TIFF", "RGB"),
        "DRIVE/test/1st_manual/01_manual1.gif": ("GIF", "L"),
        "DRIVE/test/2nd_manual/01_manual2.gif": ("GIF", "L"),
        "DRIVE/test/mask/01_test_mask.gif": ("GIF", "L"),
    },
    "dsb2018": {
        "DSB2018/stage1_train/{id}/images/{id}.png".format(
            id="0a7d30b252359a10fd298b638b90cb9ada3acced4e0c0e5a3692013f432ee4e9"
        ): ("PNG", "RGBA")
    },
    "em": {"ISBI2012/train-volume.tif": ("TIFF", "L"), "ISBI2012/train-labels.tif": ("TIFF", "L")},
    "endoscenestill": {
        "CVC-EndoSceneStill/CVC-300/bbdd/1.bmp": ("BMP", "RGB"),
        "CVC-EndoSceneStill/CVC-300/gtpolyp/1.bmp": ("BMP", "L"),
        "CVC-EndoSceneStill/CVC-612/bbdd/1.bmp": ("BMP", "RGB"),
        "CVC-EndoSceneStill/CVC-612/gtpolyp/1.tif": ("TIFF", "L"),
    },
    "etis": {
        "ETIS-LaribPolypDB/ETIS-LaribPolypDB/1.tif": ("TIFF", "RGB"),
        "ETIS-LaribPolypDB/Ground Truth/p1.tif": ("TIFF", "L"),
    },
    "folder": {"images/polyp001_frame1.png": ("PNG", "RGB"), "masks/polyp001_frame1.png": ("PNG", "L")},
    "isic2016": {
        "ISIC2016/ISBI2016_ISIC_Part1_Training_Data/ISIC_0000000.jpg": ("JPEG", "RGB"),
        "ISIC2016/ISBI2016_ISIC_Part1_Training_GroundTruth/ISIC_0000000_Segmentation.png": ("PNG", "L"),
        "ISIC2016/ISBI2016_ISIC_Part1_Test_Data/ISIC_0000003.jpg": ("JPEG", "RGB"),
        "ISIC2016/ISBI2016_ISIC_Part1_Test_GroundTruth/ISIC_0000003_Segmentation.png": ("PNG", "L"),
    },
    "isic2018": {
        "ISIC2018/ISIC2018_Task1-2_Training_Input/ISIC_0000000.jpg": ("JPEG", "RGB"),
        "ISIC2018/ISIC2018_Task1_Training_GroundTruth/ISIC_0000000_segmentation.png": ("PNG", "L"),
    },
    "kvasir_seg": {
        "Kvasir-SEG/images/cju0qkwl35piu0993l0dewei2.jpg": ("JPEG", "RGB"),
        "Kvasir-SEG/masks/cju0qkwl35piu0993l0dewei2.jpg": ("JPEG", "RGB"),
    },
    "ph2": {
        "PH2Dataset/PH2 Dataset images/IMD002/IMD002_Dermoscopic_Image/IMD002.bmp": ("BMP", "RGB"),
        "PH2Dataset/PH2 Dataset images/IMD002/IMD002_lesion/IMD002_lesion.bmp": ("BMP", "1"),
    },
    "polyp_pool": {
        "Kvasir-SEG/images/cju0qkwl35piu0993l0dewei2.jpg": ("JPEG", "RGB"),
        "CVC-EndoSceneStill/CVC-300/bbdd/1.bmp": ("BMP", "RGB"),
        "CVC-EndoSceneStill/CVC-612/gtpolyp/1.tif": ("TIFF", "L"),
        "ETIS-LaribPolypDB/Ground Truth/p1.tif": ("TIFF", "L"),
    },
    "pranet": {
        "PraNet/TrainDataset/image/1.png": ("PNG", "RGB"),
        "PraNet/TrainDataset/mask/1.png": ("PNG", "L"),
        "PraNet/TestDataset/CVC-300/images/149.png": ("PNG", "RGB"),
        "PraNet/TestDataset/ETIS-LaribPolypDB/masks/1.png": ("PNG", "L"),
    },
    "skin_pool": {
        "ISIC2016/ISBI2016_ISIC_Part1_Training_Data/ISIC_0000002.jpg": ("JPEG", "RGB"),
        "ISIC2018/ISIC2018_Task1_Training_GroundTruth/ISIC_0000000_segmentation.png": ("PNG", "L"),
        "PH2Dataset/PH2 Dataset images/IMD002/IMD002_lesion/IMD002_lesion.bmp": ("BMP", "1"),
    },
    "synthetic_polyp": {
        "synthetic-polyp/Original/1.tif": ("TIFF", "RGB"),
        "synthetic-polyp/Ground Truth/1.tif": ("TIFF", "L"),
    },
}


def number(module: type[SegmentationDataModule]) -> int:
    return OF_A_POOL if issubclass(module, PooledDataModule) else N


def opened(module: type[SegmentationDataModule], root: Path, split: str | None = None) -> SegmentationDataModule:
    return module(root=str(root), split=split, allow_missing=True)


def decoded(module: type[SegmentationDataModule], root: Path) -> dict[str, Decoded]:
    data = opened(module, root)
    return {source.id: data.decode(source) for source in data.sources()}


def iou(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / (one | other).sum())


@pytest.fixture(scope="module", params=MODULES, ids=lambda module: module.short_name)
def module(request: pytest.FixtureRequest) -> type[SegmentationDataModule]:
    return request.param


@pytest.fixture(scope="module")
def root(module: type[SegmentationDataModule], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp(module.short_name) / "data"
    write_dataset(module, folder, n=number(module), size=SIZE)
    return folder


@pytest.fixture(scope="module")
def data(module: type[SegmentationDataModule], root: Path) -> SegmentationDataModule:
    if module.default_split:
        return opened(module, root)
    split = root.with_name("split.csv")
    split.write_text(make_split([path.stem for path in (root / "images").iterdir()]))
    return opened(module, root, str(split))


@pytest.fixture(scope="module")
def sources(data: SegmentationDataModule) -> list[Source]:
    return data.sources()


def test_every_dataset_has_a_layout() -> None:
    pools = {module.short_name for module in MODULES if issubclass(module, PooledDataModule)}
    assert LAYOUTS.keys() == {module.short_name for module in MODULES} - pools


def test_files_have_the_distributions_names_types_and_modes(module: type[SegmentationDataModule], root: Path) -> None:
    for name, (kind, mode) in FILES.get(module.short_name, {}).items():
        with Image.open(root / name) as image:
            assert (image.format, image.mode, image.size) == (kind, mode, SIZE[::-1]), name


def test_as_many_images_as_asked_are_found_and_listed(data: SegmentationDataModule, sources: list[Source]) -> None:
    assert len(sources) == number(type(data))
    assert {source.id for source in sources} <= data.split.subsets.keys()


def test_masks_have_foreground_and_background(data: SegmentationDataModule, sources: list[Source]) -> None:
    for source in sources:
        image, mask, *_ = data.decode(source)
        assert image.shape == (*SIZE, 3)
        assert mask.shape == SIZE
        assert set(np.unique(mask)) == {0, 1}, source.id


def test_fundus_photographs_alone_have_a_field_of_view(data: SegmentationDataModule, sources: list[Source]) -> None:
    for source in sources:
        _, mask, valid, *_ = data.decode(source)
        if data.short_name not in {"drive", "chase"}:
            assert valid is None
            continue
        assert valid is not None
        assert 0.3 < valid.mean() < 0.8  # a disc of the height's diameter covers 0.59 of 48 x 64 pixels
        assert mask[valid == 0].mean() < 0.02


def test_nuclei_have_a_file_each(tmp_path: Path) -> None:
    write_dataset(DSB2018DataModule, tmp_path, n=N, size=(64, 64))
    data = opened(DSB2018DataModule, tmp_path)
    for source in data.sources():
        covered = np.sum([np.asarray(Image.open(path)) > 127 for path in source.masks], axis=0)
        assert data.decode(source).objects == len(source.masks) > 1
        assert covered.max() == 1  # nuclei don't overlap


def test_cache_is_built_from_the_copy(data: SegmentationDataModule, tmp_path: Path) -> None:
    data.cache_dir = tmp_path
    data.prepare_data()
    data.setup("test")
    assert len(data.cache.native_sizes) == number(type(data))
    assert data.facts().copy_notes[0] == "generated images, none of them real"


def test_frames_of_a_sequence_look_alike(tmp_path: Path) -> None:
    write_dataset(ClinicDBDataModule, tmp_path, n=12, size=SIZE)
    split = opened(ClinicDBDataModule, tmp_path).split
    frames = decoded(ClinicDBDataModule, tmp_path)
    same, others = [], []
    for one in frames:
        for other in frames:
            if int(one) < int(other):
                (same if split.groups[one] == split.groups[other] else others).append(
                    iou(frames[one].mask == 1, frames[other].mask == 1)
                )
    assert len(same) >= 4
    assert np.mean(same) > 0.6
    assert np.mean(others) < 0.3


def test_frames_that_two_datasets_share_are_the_same(tmp_path: Path) -> None:
    for module, n in ((ClinicDBDataModule, 12), (EndoSceneStillDataModule, 24)):
        write_dataset(module, tmp_path, n=n, size=SIZE)
    alone = decoded(ClinicDBDataModule, tmp_path)
    joined = decoded(EndoSceneStillDataModule, tmp_path)
    shared = [frame for frame in alone if f"CVC-612/{frame}" in joined]
    assert len(shared) >= 4
    assert all(np.array_equal(alone[frame].image, joined[f"CVC-612/{frame}"].image) for frame in shared)


@pytest.mark.parametrize("split", PraNetDataModule.test_folders)
def test_every_test_set_of_pranet_has_images(split: str, tmp_path: Path) -> None:
    write_dataset(PraNetDataModule, tmp_path, n=N, size=SIZE)
    data = opened(PraNetDataModule, tmp_path, split)
    subsets = {data.split.subsets[source.id] for source in data.sources()}
    assert subsets == {"train", "val", "test"}


@pytest.mark.parametrize("name", ["clinicdb", "colondb", "cvc300", "etis", "isic2018", "kvasir_seg", "ph2"])
def test_default_sizes_are_official(name: str) -> None:
    layout = {"kvasir_seg": "KVASIR"}.get(name, name.upper())
    sizes: tuple[Size, ...] = getattr(pairs, layout).sizes
    card = next(module for module in MODULES if module.short_name == name).card
    assert card.differences(list(sizes) * (card.images or 0))[1:] == []  # the first is the number of images


def test_bounding_boxes_of_kvasir_are_those_of_the_masks(tmp_path: Path) -> None:
    folder = write_dataset(KvasirSEGDataModule, tmp_path, n=N, size=(96, 120)).folder
    boxes = json.loads((folder / "kavsir_bboxes.json").read_text())
    assert len(boxes) == N
    for stem, entry in boxes.items():
        mask = np.asarray(Image.open(folder / "masks" / f"{stem}.jpg").convert("L")) > 127
        assert (entry["height"], entry["width"]) == (96, 120)
        found = sorted((r.bbox[1], r.bbox[0], r.bbox[3] - 1, r.bbox[2] - 1) for r in regionprops(label(mask)))
        listed = sorted((box["xmin"], box["ymin"], box["xmax"], box["ymax"]) for box in entry["bbox"])
        assert np.allclose(found, listed, atol=1)  # JPEG moves an edge by a pixel
