from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from polybench.core.errors import DataError
from polybench.datasets import ISIC2016DataModule, ISIC2018DataModule

MASK = np.array([[0, 0, 255, 255], [0, 127, 128, 255]], dtype=np.uint8)


def write(folder: Path, image_id: str, suffix: str, images: str, masks: str) -> None:
    for name in (images, masks):
        (folder / name).mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((2, 4, 3), 90, np.uint8)).save(folder / images / f"{image_id}.jpg")
    Image.fromarray(MASK).save(folder / masks / f"{image_id}{suffix}.png")


def write_2018(root: Path, image_id: str) -> None:
    write(
        root / "ISIC2018",
        image_id,
        "_segmentation",
        "ISIC2018_Task1-2_Training_Input",
        "ISIC2018_Task1_Training_GroundTruth",
    )


def test_isic2018_pairs_image_and_segmentation(tmp_path: Path) -> None:
    for image_id in ("ISIC_0000001", "ISIC_0000000"):
        write_2018(tmp_path, image_id)
    data = ISIC2018DataModule(str(tmp_path))
    first, second = data.sources()
    assert (first.id, second.id) == ("ISIC_0000000", "ISIC_0000001")
    assert first.group == "isic/ISIC_0000000"
    assert first.masks[0].name == "ISIC_0000000_segmentation.png"
    assert data.decode(first).mask.tolist() == [[0, 0, 1, 1], [0, 0, 1, 1]]


def test_isic2018_names_an_image_without_segmentation(tmp_path: Path) -> None:
    write_2018(tmp_path, "ISIC_0000000")
    folder = tmp_path / "ISIC2018" / "ISIC2018_Task1-2_Training_Input"
    Image.new("RGB", (4, 2)).save(folder / "ISIC_0000001.jpg")
    with pytest.raises(DataError, match=r"ISIC_0000001\.jpg' has no mask"):
        ISIC2018DataModule(str(tmp_path)).sources()
    data = ISIC2018DataModule(str(tmp_path), on_error="skip")
    assert [source.id for source in data.sources()] == ["ISIC_0000000"]
    assert len(data.problems) == 1


def test_isic2018_says_that_a_copy_was_resized() -> None:
    copy = [(192, 256)] * 2594
    assert ISIC2018DataModule.card.differences(copy) == ["images of 256x192; the smallest official one is 576x540"]


def test_isic2016_reads_both_parts(tmp_path: Path) -> None:
    for part, image_id in (("Training", "ISIC_0000000"), ("Test", "ISIC_0000003")):
        prefix = f"ISBI2016_ISIC_Part1_{part}"
        write(tmp_path / "ISIC2016", image_id, "_Segmentation", f"{prefix}_Data", f"{prefix}_GroundTruth")
    data = ISIC2016DataModule(str(tmp_path))
    sources = data.sources()
    assert [source.id for source in sources] == ["ISIC_0000000", "ISIC_0000003"]
    assert [source.masks[0].parent.name for source in sources] == [
        "ISBI2016_ISIC_Part1_Training_GroundTruth",
        "ISBI2016_ISIC_Part1_Test_GroundTruth",
    ]
    subsets = data.split.subsets
    assert (subsets["ISIC_0000003"], subsets["ISIC_0000000"] == "test") == ("test", False)


def test_an_image_has_one_group_in_both_challenges() -> None:
    groups_2018, groups_2016 = ISIC2018DataModule().split.groups, ISIC2016DataModule().split.groups
    shared = set(groups_2018) & set(groups_2016)
    assert len(shared) == 1145
    assert all(groups_2018[image_id] == groups_2016[image_id] for image_id in shared)


@pytest.mark.data
def test_real_isic2018_has_2594_pairs(real_data: Path) -> None:
    data = ISIC2018DataModule(str(real_data))
    sources = data.sources()
    assert len(sources) == 2594
    assert data.split.cover([source.id for source in sources], allow_missing=False, source=real_data) == []
    decoded = data.decode(sources[0])
    assert decoded.image.shape == (192, 256, 3)
    assert set(Counter(decoded.mask.ravel().tolist())) == {0, 1}
