"""The polyp datasets on their official layouts: file names as the distributions have them, small images of noise."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from polybench.core.errors import DataError
from polybench.data.module import SegmentationDataModule
from polybench.data.own_dataset import SPLITS
from polybench.datasets import (
    ClinicDBDataModule,
    ColonDB300DataModule,
    ColonDBDataModule,
    CVC300DataModule,
    EndoSceneStillDataModule,
    ETISDataModule,
    KvasirSEGDataModule,
    PraNetDataModule,
)

Layout = dict[str, list[str]]
"""Folder below the data root -> the files in it."""

ID_LISTS = Path(__file__).parents[2] / "tools" / "splits" / "ids"
KVASIR, KVASIR_TEST, CLINICDB_TEST = (
    (ID_LISTS / f"{name}.txt").read_text().split()
    for name in ("kvasir_seg", "kvasir_seg_pranet_test", "clinicdb_pranet_test")
)


def numbers(first: int, last: int, form: str) -> list[str]:
    return [form.format(number) for number in range(first, last + 1)]


def pairs(folder: str, files: list[str], images: str = "images", masks: str = "masks") -> Layout:
    return {f"{folder}/{images}": files, f"{folder}/{masks}": files}


def pranet_layout() -> Layout:
    train = [f"{stem}.png" for stem in KVASIR if stem not in KVASIR_TEST]
    train += [f"{frame}.png" for frame in range(1, 613) if str(frame) not in CLINICDB_TEST]
    test = "PraNet/TestDataset"
    return {
        **pairs("PraNet/TrainDataset", train, "image", "mask"),
        **pairs(f"{test}/Kvasir", [f"{stem}.png" for stem in KVASIR_TEST]),
        **pairs(f"{test}/CVC-ClinicDB", [f"{frame}.png" for frame in CLINICDB_TEST]),
        **pairs(f"{test}/CVC-300", numbers(149, 208, "{}.png")),
        **pairs(f"{test}/CVC-ColonDB", numbers(1, 380, "{}.png")),
        **pairs(f"{test}/ETIS-LaribPolypDB", numbers(1, 196, "{}.png")),
    }


LAYOUTS: dict[type[SegmentationDataModule], Layout] = {
    ClinicDBDataModule: pairs("CVC-ClinicDB", numbers(1, 612, "{}.tif"), "Original", "Ground Truth"),
    KvasirSEGDataModule: pairs("Kvasir-SEG", [f"{stem}.jpg" for stem in KVASIR]),
    EndoSceneStillDataModule: {
        "CVC-EndoSceneStill/CVC-300/bbdd": numbers(1, 300, "{}.bmp"),
        "CVC-EndoSceneStill/CVC-300/gtpolyp": numbers(1, 300, "{}.bmp"),
        "CVC-EndoSceneStill/CVC-612/bbdd": numbers(1, 612, "{}.bmp"),
        "CVC-EndoSceneStill/CVC-612/gtpolyp": numbers(1, 612, "{}.tif"),
    },
    ColonDB300DataModule: pairs("CVC-EndoSceneStill/CVC-300", numbers(1, 300, "{}.bmp"), "bbdd", "gtpolyp"),
    CVC300DataModule: pairs("CVC-300", numbers(149, 208, "{}.png")),
    ColonDBDataModule: pairs("CVC-ColonDB", numbers(1, 380, "{}.png")),
    ETISDataModule: {
        "ETIS-LaribPolypDB/ETIS-LaribPolypDB": numbers(1, 196, "{}.tif"),
        "ETIS-LaribPolypDB/Ground Truth": numbers(1, 196, "p{}.tif"),
    },
    PraNetDataModule: pranet_layout(),
}
LISTS = [(module, path.stem) for module in LAYOUTS for path in sorted((SPLITS / module.short_name).glob("*.csv"))]

every_set = pytest.mark.parametrize("module", LAYOUTS, ids=lambda module: module.short_name)


def write(root: Path, layout: Layout) -> Path:
    """Write the first two images of each folder: noise, and masks whose left half is foreground."""
    noise = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    mask = np.repeat(np.array([[255] * 8 + [0] * 8], dtype=np.uint8), 16, axis=0)
    for folder, files in layout.items():
        (root / folder).mkdir(parents=True)
        is_mask = folder.endswith(("mask", "masks", "Truth", "gtpolyp"))
        for name in files[:2]:
            Image.fromarray(mask if is_mask else noise).save(root / folder / name)
    return root


@pytest.fixture(scope="module")
def official(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every file of every distribution, empty; folders of the same names are written once."""
    root = tmp_path_factory.mktemp("official")
    written: dict[tuple[str, ...], Path] = {}
    for folder, files in (item for layout in LAYOUTS.values() for item in layout.items()):
        path = root / folder
        if path.exists():  # of a dataset that is a part of another
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        if tuple(files) in written:
            path.symlink_to(written[tuple(files)])
            continue
        path.mkdir()
        written[tuple(files)] = path
        for name in files:
            (path / name).touch()
    return root


@pytest.mark.parametrize(("module", "name"), LISTS, ids=[f"{module.short_name}-{name}" for module, name in LISTS])
def test_list_names_every_image_of_the_official_copy(
    module: type[SegmentationDataModule], name: str, official: Path
) -> None:
    data = module(str(official), split=name)
    sources = data.sources()
    assert data.split.cover([s.id for s in sources], allow_missing=False, source=official) == []
    assert {s.id: s.group for s in sources} == dict(data.split.groups)


@every_set
def test_pairs_are_read_with_left_half_as_foreground(module: type[SegmentationDataModule], tmp_path: Path) -> None:
    data = module(str(write(tmp_path, LAYOUTS[module])))
    sources = data.sources()
    assert sources
    for source in sources:
        image, mask, valid, objects, _ = data.decode(source)
        assert image.shape == (16, 16, 3)
        assert mask[:, :7].all()
        assert not mask[:, 9:].any()
        assert valid is None
        assert objects is None


@every_set
def test_image_without_mask_is_named(module: type[SegmentationDataModule], tmp_path: Path) -> None:
    root = write(tmp_path, LAYOUTS[module])
    folder, files = list(LAYOUTS[module].items())[1]
    (root / folder / files[0]).unlink()
    with pytest.raises(DataError, match=r"has no mask of the same stem"):
        module(str(root)).sources()
    assert module(str(root), on_error="skip").sources()


@every_set
def test_missing_folder_of_masks_is_named(module: type[SegmentationDataModule], tmp_path: Path) -> None:
    images = next(iter(LAYOUTS[module]))
    write(tmp_path, {images: LAYOUTS[module][images]})
    with pytest.raises(DataError, match=r"There is no folder '.*'"):
        module(str(tmp_path)).sources()


def test_endoscene_ids_name_the_folder(tmp_path: Path) -> None:
    sources = EndoSceneStillDataModule(str(write(tmp_path, LAYOUTS[EndoSceneStillDataModule]))).sources()
    assert [(s.id, s.group, s.image.suffix, s.masks[0].suffix) for s in sources] == [
        ("CVC-300/1", "cvc300/1-76", ".bmp", ".bmp"),
        ("CVC-300/2", "cvc300/1-76", ".bmp", ".bmp"),
        ("CVC-612/1", "clinicdb/1", ".bmp", ".tif"),
        ("CVC-612/2", "clinicdb/1", ".bmp", ".tif"),
    ]


def test_etis_masks_are_matched_without_their_p(tmp_path: Path) -> None:
    first = ETISDataModule(str(write(tmp_path, LAYOUTS[ETISDataModule]))).sources()[0]
    assert (first.id, first.image.name, first.masks[0].name) == ("1", "1.tif", "p1.tif")


def test_etis_copy_of_pranet_is_read(tmp_path: Path) -> None:
    root = write(tmp_path, pairs("ETIS-LaribPolypDB", ["1.png", "10.png"]))
    assert [s.id for s in ETISDataModule(str(root)).sources()] == ["1", "10"]


def test_pranet_tells_its_sets_apart(tmp_path: Path) -> None:
    layout = {
        **pairs("PraNet/TrainDataset", ["cju0qkwl35piu0993l0dewei2.png", "26.png"], "image", "mask"),
        **pairs("PraNet/TestDataset/CVC-300", ["149.png"]),
        **pairs("PraNet/TestDataset/Kvasir", ["cju0u82z3cuma0835wlxrnrjv.png"]),
    }
    root = write(tmp_path, layout)
    train = [
        ("clinicdb/26", "clinicdb/2"),
        ("kvasir/cju0qkwl35piu0993l0dewei2", "kvasir_seg/cju0qkwl35piu0993l0dewei2"),
    ]
    found = {name: [(s.id, s.group) for s in PraNetDataModule(str(root), split=name).sources()] for name in TESTS}
    assert found == {
        "cvc300": [*train, ("cvc300/149", "cvc300/149-208")],
        "kvasir": [*train, ("kvasir/cju0u82z3cuma0835wlxrnrjv", "kvasir_seg/cju0u82z3cuma0835wlxrnrjv")],
    }


TESTS = ("cvc300", "kvasir")


def test_pranet_training_folders_may_have_the_names_of_its_code(tmp_path: Path) -> None:
    root = write(tmp_path, pairs("PraNet/TrainDataset", ["1.png"]) | pairs("PraNet/TestDataset/Kvasir", ["cju.png"]))
    assert [s.id for s in PraNetDataModule(str(root)).sources()] == ["clinicdb/1", "kvasir/cju"]


def test_pranet_copy_is_compared_with_the_images_of_its_split(tmp_path: Path) -> None:
    root = write(tmp_path, pairs("PraNet/TrainDataset", ["1.png"]) | pairs("PraNet/TestDataset/CVC-300", ["149.png"]))
    data = PraNetDataModule(str(root), split="cvc300", size=(16, 16), allow_missing=True)
    data.prepare_data()
    data.setup("test")
    assert data.facts().copy_notes[0] == "2 of 1510 images"


def test_pranet_copy_without_a_test_set_names_it_and_excuses_nothing(tmp_path: Path) -> None:
    root = write(tmp_path, pairs("PraNet/TrainDataset", ["1.png"]))
    with pytest.raises(DataError, match=r"no folder '.*TestDataset/CVC-300': add that test set"):
        PraNetDataModule(str(root), split="cvc300").sources()


def test_mask_alone_excuses_the_image_of_its_own_set_only(tmp_path: Path) -> None:
    """EndoSceneStill's two folders count frames alike: a mask 9 alone in the one says nothing of the other's frame."""
    names = pairs("CVC-EndoSceneStill/CVC-300", ["1.bmp", "9.bmp"], "bbdd", "gtpolyp")
    root = write(tmp_path, names | pairs("CVC-EndoSceneStill/CVC-612", ["1.tif", "9.tif"], "bbdd", "gtpolyp"))
    (root / "own.csv").write_text(
        "id,subset,group\n" + "".join(f"CVC-{n}/{k},test,{n}/{k}\n" for n in (300, 612) for k in (1, 9))
    )
    folder = root / "CVC-EndoSceneStill"
    data = EndoSceneStillDataModule(str(root), (16, 16), str(root / "own.csv"), on_error="skip")
    (folder / "CVC-300" / "bbdd" / "9.bmp").unlink()
    with pytest.warns(UserWarning, match="1 image"):
        assert len(data.open_cache((16, 16)).position) == 3
    (folder / "CVC-612" / "bbdd" / "9.tif").unlink()
    (folder / "CVC-612" / "gtpolyp" / "9.tif").unlink()
    with pytest.raises(DataError, match="lacks 2 image"):
        data.open_cache((16, 16))


@pytest.mark.data
def test_real_kvasir_pairs_fit_the_released_boxes(real_data: Path) -> None:
    data = KvasirSEGDataModule(str(real_data))
    sources = data.sources()
    assert len(sources) == 1000
    assert data.split.cover([s.id for s in sources], allow_missing=False, source=real_data) == []
    boxes = json.loads((real_data / "Kvasir-SEG" / "kavsir_bboxes.json").read_text())
    for source in sources[::50]:
        mask = data.decode(source).mask
        mask[0, 0] = 0  # the card's stray pixel
        expected = boxes[source.id]
        assert mask.shape == (expected["height"], expected["width"])
        for axis, low, high in ((0, "xmin", "xmax"), (1, "ymin", "ymax")):
            found = np.flatnonzero(mask.any(axis=axis))
            assert found[0] == pytest.approx(min(box[low] for box in expected["bbox"]), abs=4)
            assert found[-1] == pytest.approx(max(box[high] for box in expected["bbox"]), abs=4)


@pytest.mark.data
def test_real_clinicdb_lacks_three_frames(real_data: Path) -> None:
    data = ClinicDBDataModule(str(real_data))
    present = [source.id for source in data.sources()]
    assert len(present) == 609
    assert data.split.cover(present, allow_missing=True, source=real_data) == ["133", "419", "480"]
