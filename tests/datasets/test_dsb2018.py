from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from polybench.core.errors import DataError
from polybench.datasets import DSB2018DataModule
from polybench.metrics import ImageRows
from polybench.metrics.protocols import INSTANCES

IDS = (
    "00071198d059ba7f5914a526d124d28e6d010c92466da21d4a04cd5413362552",
    "003cee89357d9fe13516167fd67b609a164651b21934585648c740d2c3d86dc1",
)
NUCLEI = (
    np.array([[255, 255, 0, 0, 0], [255, 255, 0, 0, 0], [0, 0, 0, 0, 0]], dtype=np.uint8),
    np.array([[0, 0, 255, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0]], dtype=np.uint8),
    np.array([[0, 0, 0, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 255]], dtype=np.uint8),
)


@pytest.fixture
def stage1(tmp_path: Path) -> Path:
    for image_id in IDS:
        case = tmp_path / "DSB2018" / "stage1_train" / image_id
        for folder in ("images", "masks"):
            (case / folder).mkdir(parents=True)
        Image.new("RGBA", (5, 3), (40, 50, 60, 255)).save(case / "images" / f"{image_id}.png")
        for number, nucleus in enumerate(NUCLEI):
            Image.fromarray(nucleus).save(case / "masks" / f"{number:064x}.png")
    return tmp_path


def test_mask_is_the_union_of_nuclei_and_they_are_counted(stage1: Path) -> None:
    data = DSB2018DataModule(str(stage1))
    first, second = data.sources()
    assert (first.id, second.id) == IDS
    assert first.group == f"dsb2018/{IDS[0]}"
    decoded = data.decode(first)
    assert decoded.mask.tolist() == [[1, 1, 1, 0, 0], [1, 1, 0, 0, 0], [0, 0, 0, 0, 1]]
    assert decoded.objects == 3
    assert decoded.labels is not None
    assert decoded.labels.tolist() == [[1, 1, 2, 0, 0], [1, 1, 0, 0, 0], [0, 0, 0, 0, 3]]
    assert decoded.image.shape == (3, 5, 3)
    assert decoded.image[0, 0].tolist() == [40, 50, 60]


def test_test_has_instances_and_their_maps(stage1: Path) -> None:
    split = stage1 / "split.csv"
    lines = ["# group_disjoint: true", "# note: made for a test", "id,subset,group"]
    split.write_text("\n".join([*lines, f"{IDS[0]},test,a", f"{IDS[1]},train,b"]) + "\n")
    data = DSB2018DataModule(str(stage1), size=(4, 4), split=str(split))
    data.prepare_data()
    data.setup("test")
    batch = next(iter(data.test_dataloader()))
    (labels,) = batch["native_labels"]
    assert labels.tolist() == [[[1, 1, 2, 0, 0], [1, 1, 0, 0, 0], [0, 0, 0, 0, 3]]]
    metric = ImageRows(data.extra_protocols)
    metric.update_from(data.on_after_batch_transfer(batch, 0), torch.zeros(1, 1, 4, 4))
    assert INSTANCES.values(metric.compute())["pq"].tolist() == [0]  # found nothing, missed three
    assert metric.compute().numbers("instances")[0, :3].tolist() == [0, 0, 3]


@pytest.mark.parametrize("lost", ["images", "masks"])
def test_folder_without_image_or_masks_is_named_or_skipped(stage1: Path, lost: str) -> None:
    for path in (stage1 / "DSB2018" / "stage1_train" / IDS[0] / lost).iterdir():
        path.unlink()
    with pytest.raises(DataError, match=f"{IDS[0]}' lacks images/{IDS[0]}.png or masks/"):
        DSB2018DataModule(str(stage1)).sources()
    data = DSB2018DataModule(str(stage1), on_error="skip")
    assert [source.id for source in data.sources()] == [IDS[1]]
    assert len(data.problems) == 1


def test_mask_of_another_size_is_named(stage1: Path) -> None:
    data = DSB2018DataModule(str(stage1))
    source = data.sources()[0]
    Image.new("L", (4, 3)).save(source.masks[1])
    with pytest.raises(DataError, match=f"{source.masks[1].name}' is 4x3"):
        data.decode(source)


def test_missing_stage1_train_says_what_to_unpack(tmp_path: Path) -> None:
    (tmp_path / "DSB2018").mkdir()
    with pytest.raises(DataError, match=r"unpack stage1_train\.zip"):
        DSB2018DataModule(str(tmp_path)).sources()


@pytest.mark.data
def test_real_copy_has_the_published_counts(real_data: Path) -> None:
    data = DSB2018DataModule(str(real_data))
    sources = data.sources()
    assert len(sources) == 670
    assert sum(len(source.masks) for source in sources) == 29461
    assert data.split.cover([source.id for source in sources], allow_missing=False, source=real_data) == []
    few = min(sources, key=lambda source: len(source.masks))
    decoded = data.decode(few)
    assert decoded.labels is not None
    assert decoded.objects == len(few.masks) == decoded.labels.max()
    assert decoded.mask.sum() == sum((np.asarray(Image.open(path)) > 0).sum() for path in few.masks)  # no overlaps
