"""Pools: lists without one frame under two names, frames of several members, members that are not there."""

import re
from collections import Counter
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from splits.pools import nearest

from polybench.core.errors import DataError
from polybench.curation.verify import verify
from polybench.data.own_dataset import SPLITS
from polybench.data.pooled import PooledDataModule
from polybench.data.splits import SUBSETS, Split, load_split
from polybench.datasets import (
    ClinicDBDataModule,
    EndoSceneStillDataModule,
    ISIC2016DataModule,
    ISIC2018DataModule,
    KvasirSEGDataModule,
    PH2DataModule,
    PolypPoolDataModule,
    SkinPoolDataModule,
)
from polybench.synth.dataset import write_dataset

IDS = Path(__file__).parents[2] / "tools" / "splits" / "ids"
POLYPS = ("sequence_disjoint", "reconstructed_bsan_7_1_2")


def counts(split: Split, *beginnings: str) -> tuple[int, ...]:
    found = Counter(subset for name, subset in split.subsets.items() if name.startswith(beginnings))
    return tuple(found[subset] for subset in SUBSETS)


def listed(pool: type[PooledDataModule], name: str) -> Split:
    return load_split(SPLITS / pool.short_name, name)


def save(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels.astype(np.uint8)).save(path)


def left(width: int) -> np.ndarray:
    """A mask of 16 x 16 whose first columns are foreground."""
    return np.where(np.arange(16) < width, 255, 0)[None].repeat(16, axis=0)


@pytest.fixture
def skin(tmp_path: Path) -> Path:
    """ISIC-2018 with two images, ISIC-2016 with one of them (another mask) and one of its own, PH2 with one."""
    noise = np.random.default_rng(0).integers(0, 256, (16, 16, 3))
    for name, part, width in (("ISIC_0000000", "Training", 4), ("ISIC_0000002", "Training", 6), ("", "Test", 0)):
        folder = tmp_path / "ISIC2016" / f"ISBI2016_ISIC_Part1_{part}"
        image, mask = (folder.with_name(f"{folder.name}_{kind}") for kind in ("Data", "GroundTruth"))
        save(image / f"{name or rest_of_2016()}.jpg", noise)
        save(mask / f"{name or rest_of_2016()}_Segmentation.png", left(width or 8))
    for name in ("ISIC_0000000", "ISIC_0000001"):
        save(tmp_path / "ISIC2018" / "ISIC2018_Task1-2_Training_Input" / f"{name}.jpg", noise)
        save(tmp_path / "ISIC2018" / "ISIC2018_Task1_Training_GroundTruth" / f"{name}_segmentation.png", left(12))
    case = tmp_path / "PH2Dataset" / "PH2 Dataset images" / "IMD002"
    save(case / "IMD002_Dermoscopic_Image" / "IMD002.bmp", noise)
    save(case / "IMD002_lesion" / "IMD002_lesion.bmp", left(2))
    return tmp_path


def rest_of_2016() -> str:
    """A test image of ISIC-2016 that is not in ISIC-2018."""
    known = set((IDS / "isic2018.txt").read_text().split())
    return next(name for name in (IDS / "isic2016_test.txt").read_text().split() if name not in known)


@pytest.mark.parametrize(
    ("name", "colondb", "endoscene"),
    [("reconstructed_bsan_7_1_2", (210, 30, 60), (638, 91, 183)), ("sequence_disjoint", (213, 27, 60), (642, 88, 182))],
)
def test_polyp_lists_have_the_sizes_of_7_1_2(name: str, colondb: tuple[int, ...], endoscene: tuple[int, ...]) -> None:
    split = listed(PolypPoolDataModule, name)
    assert counts(split, "kvasir/") == (700, 100, 200)
    assert counts(split, "colondb/") == colondb
    assert counts(split, "colondb/", "endoscenestill/") == endoscene
    assert counts(split, "etis/") == (0, 0, 196)
    assert len(split.subsets) == 1000 + 912 + 196


@pytest.mark.parametrize("name", POLYPS)
def test_no_polyp_frame_has_two_names(name: str) -> None:
    split = listed(PolypPoolDataModule, name)
    data = PolypPoolDataModule(split=name)
    endoscene = EndoSceneStillDataModule().split
    pooled = {data.frame_of(f"endoscenestill/{frame}"): group for frame, group in endoscene.groups.items()}
    assert len(pooled) == 912
    assert {frame: split.groups[frame] for frame in pooled} == pooled
    clinicdb = ClinicDBDataModule().split.groups
    assert all(split.groups[f"endoscenestill/CVC-612/{frame}"] == group for frame, group in clinicdb.items())


def test_sequences_stay_together_and_the_test_part_of_endoscene_is_that_of_its_authors() -> None:
    split = listed(PolypPoolDataModule, "sequence_disjoint")
    assert split.crossing == 0
    assert listed(PolypPoolDataModule, "reconstructed_bsan_7_1_2").crossing > 20
    official = EndoSceneStillDataModule().split
    data = PolypPoolDataModule()
    for subset in ("test", "val"):
        frames = {data.frame_of(f"endoscenestill/{frame}") for frame in official.ids(subset)}
        found = {frame for frame in split.ids(subset) if frame.startswith(("colondb/", "endoscenestill/"))}
        assert found == frames if subset == "test" else found < frames


def test_groups_come_as_near_to_a_number_as_they_can() -> None:
    sizes = {"a": 17, "b": 11, "c": 25, "d": 26, "e": 20, "f": 7}
    for room in range(0, 110, 7):
        totals = [sum(chosen) for n in range(7) for chosen in combinations(sizes.values(), n)]
        best = max(total for total in totals if total <= room)
        assert sum(sizes[name] for name in nearest(sizes, room)) == best


def test_skin_list_counts_shared_images_once() -> None:
    split = listed(SkinPoolDataModule, "reconstructed_bsan_ph2")
    of_2018, training, test = (
        set((IDS / f"{name}.txt").read_text().split()) for name in ("isic2018", "isic2016_training", "isic2016_test")
    )
    assert len((training | test) & of_2018) == 1145
    images = [name.partition("/")[2] for name in split.subsets if name.startswith("isic")]
    assert len(images) == len(set(images)) == 2594 + 1279 - 1145
    trained = {name.partition("/")[2] for name in (*split.ids("train"), *split.ids("val"))}
    assert trained == of_2018 | training
    assert counts(split, "ph2/") == (0, 0, 200)
    assert counts(split, "isic2016/")[2] == len(test - of_2018) == 40
    assert {name for name in split.ids("test") if not name.startswith(("ph2/", "isic2016/"))} == set()
    assert counts(load_split(SPLITS / "ph2", "all_test"), "IMD") == (0, 0, 200)


@pytest.fixture(scope="module")
def official_polyps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every file of the four official distributions, empty."""
    root = tmp_path_factory.mktemp("official")
    kvasir = [f"{stem}.jpg" for stem in (IDS / "kvasir_seg.txt").read_text().split()]
    endoscene = root / "CVC-EndoSceneStill"
    layout = {
        root / "Kvasir-SEG" / "images": kvasir,
        root / "Kvasir-SEG" / "masks": kvasir,
        endoscene / "CVC-300" / "bbdd": [f"{frame}.bmp" for frame in range(1, 301)],
        endoscene / "CVC-300" / "gtpolyp": [f"{frame}.bmp" for frame in range(1, 301)],
        endoscene / "CVC-612" / "bbdd": [f"{frame}.bmp" for frame in range(1, 613)],
        endoscene / "CVC-612" / "gtpolyp": [f"{frame}.tif" for frame in range(1, 613)],
        root / "ETIS-LaribPolypDB" / "ETIS-LaribPolypDB": [f"{frame}.tif" for frame in range(1, 197)],
        root / "ETIS-LaribPolypDB" / "Ground Truth": [f"p{frame}.tif" for frame in range(1, 197)],
    }
    for folder, names in layout.items():
        folder.mkdir(parents=True)
        for name in names:
            (folder / name).touch()
    return root


@pytest.mark.parametrize("name", POLYPS)
def test_polyp_lists_name_every_frame_of_the_official_copies(name: str, official_polyps: Path) -> None:
    data = PolypPoolDataModule(str(official_polyps), split=name)
    sources = data.sources()
    assert data.split.cover([s.id for s in sources], allow_missing=False, source=official_polyps) == []
    assert {s.id: s.group for s in sources} == dict(data.split.groups)
    assert len({s.image for s in sources}) == len(sources) == 2108
    colondb = next(s for s in sources if s.id == "colondb/149")
    assert colondb.image == official_polyps / "CVC-EndoSceneStill" / "CVC-300" / "bbdd" / "149.bmp"


def test_image_of_both_isic_sets_is_read_once_with_the_mask_of_2018(skin: Path) -> None:
    data = SkinPoolDataModule(str(skin), size=(16, 16), allow_missing=True)
    found = {s.id: data.decode(s).mask.mean() for s in data.sources()}
    assert found == {
        "isic2018/ISIC_0000000": 12 / 16,
        "isic2018/ISIC_0000001": 12 / 16,
        "isic2016/ISIC_0000002": 6 / 16,
        f"isic2016/{rest_of_2016()}": 8 / 16,
        "ph2/IMD002": 2 / 16,
    }


def test_notes_name_what_each_member_lacks(skin: Path) -> None:
    data = SkinPoolDataModule(str(skin), size=(16, 16), allow_missing=True)
    data.prepare_data()
    data.setup("test")
    notes = data.facts().copy_notes
    assert notes[0] == "5 of 2928 images"
    assert "ISIC-2016 part 1: 3 of 1279 images" in notes
    assert "PH2: 1 of 200 images" in notes
    assert "PH2: images of 16x16; the smallest official one is 761x553" in notes


@pytest.mark.parametrize(
    ("pool", "here", "missing", "commands"),
    [
        (
            PolypPoolDataModule,
            ("Kvasir-SEG", "ETIS-LaribPolypDB"),
            "'CVC-EndoSceneStill' of the pool polyp_pool",
            "`polybench data download endoscenestill` downloads it or lists the steps",
        ),
        (
            SkinPoolDataModule,
            ("ISIC2018",),
            "'ISIC2016' and 'PH2Dataset' of the pool skin_pool",
            "`polybench data download isic2016` and `polybench data download ph2` download them or list the steps",
        ),
    ],
)
def test_members_that_are_not_there_are_named_in_one_sentence(
    pool: type[PooledDataModule], here: tuple[str, ...], missing: str, commands: str, tmp_path: Path
) -> None:
    for folder in here:
        (tmp_path / folder).mkdir()
    data = pool(str(tmp_path), size=(32, 32))
    data.prepare_data()
    with pytest.raises(DataError, match=f"lacks {re.escape(missing)}: put .*{re.escape(commands)}") as raised:
        data.setup("fit")
    assert "\n" not in str(raised.value)


def test_pool_goes_on_without_a_member_where_that_is_allowed(skin: Path) -> None:
    (skin / "PH2Dataset").rename(skin / "elsewhere")
    data = SkinPoolDataModule(str(skin), size=(16, 16), allow_missing=True)
    with pytest.warns(UserWarning, match="skin_pool without ph2, as allow_missing permits"):
        data.open_cache((16, 16))
    assert data.facts().copy_notes[1] == "without PH2"
    assert "ph2/IMD002" in data.facts().missing
    (skin / "ISIC2016").rename(skin / "2016")
    (skin / "ISIC2018").rename(skin / "2018")
    with pytest.raises(DataError, match=r"lacks 'ISIC2018', 'ISIC2016' and 'PH2Dataset'"):
        data.open_cache((16, 16))


def test_member_names_its_own_broken_layout(skin: Path) -> None:
    mask = skin / "PH2Dataset" / "PH2 Dataset images" / "IMD002" / "IMD002_lesion" / "IMD002_lesion.bmp"
    mask.unlink()
    with pytest.raises(DataError, match=r"IMD002' lacks IMD002_lesion/IMD002_lesion\.bmp"):
        SkinPoolDataModule(str(skin), allow_missing=True).sources()
    data = SkinPoolDataModule(str(skin), allow_missing=True, on_error="skip")
    assert "ph2/IMD002" not in {source.id for source in data.sources()}
    assert len(data.problems) == 1


def test_verify_looks_into_the_folders_of_the_members_only(skin: Path) -> None:
    (skin / "Other").mkdir()
    (skin / "Other" / "broken.png").write_bytes(b"no image")
    (skin / "ISIC2018" / "notes.txt").write_text("mine")
    found = verify(SkinPoolDataModule(str(skin), allow_missing=True, on_error="skip"))
    assert found.images == found.decoded == 5
    assert found.unread == ["ISIC2018/notes.txt"]
    assert {defect.kind for defect in found.defects} == {"official", "duplicate"}


def test_new_decoding_of_a_member_is_a_new_decoding_of_the_pool() -> None:
    class Changed(PH2DataModule):
        decode_version = PH2DataModule.decode_version + 1

    class Pool(SkinPoolDataModule):
        members = {**SkinPoolDataModule.members, "ph2": Changed}  # noqa: RUF012

    assert Pool.decode_version == SkinPoolDataModule.decode_version + 1


def test_generated_pool_lies_in_the_layouts_of_its_members(tmp_path: Path) -> None:
    write_dataset(SkinPoolDataModule, tmp_path / "skin", n=12, size=(32, 40))
    data = SkinPoolDataModule(str(tmp_path / "skin"), allow_missing=True)
    assert len(data.sources()) == 12
    assert data.is_generated()
    for module in (ISIC2016DataModule, ISIC2018DataModule, PH2DataModule):
        assert module(str(tmp_path / "skin"), allow_missing=True).sources()


@pytest.mark.data
def test_lists_name_every_image_of_the_real_copies(real_data: Path) -> None:
    for pool, member, module, n in (
        (PolypPoolDataModule, "kvasir", KvasirSEGDataModule, 1000),
        (SkinPoolDataModule, "isic2018", ISIC2018DataModule, 2594),
    ):
        here = {f"{member}/{source.id}" for source in module(str(real_data)).sources()}
        for path in (SPLITS / pool.short_name).glob("*.csv"):
            names = load_split(path.parent, path.stem).subsets
            assert {name for name in names if name.startswith(f"{member}/")} == here
            assert len(here) == n
