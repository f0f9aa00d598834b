from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from polybench.core.errors import DataError
from polybench.curation.verify import verify
from polybench.datasets import DRIVEDataModule

VESSELS = np.array([[0, 255, 0], [0, 255, 0], [255, 255, 0]], dtype=np.uint8)
VIEW = np.array([[255, 255, 0], [255, 255, 255], [255, 255, 255]], dtype=np.uint8)


def palette_gif(path: Path, pixels: np.ndarray) -> None:
    """Index 1 stands for white, as in the release's second observer."""
    image = Image.fromarray((pixels > 0).astype(np.uint8)).convert("P")
    image.putpalette([0, 0, 0, 255, 255, 255])
    image.save(path)


@pytest.fixture
def drive(tmp_path: Path) -> Path:
    for part, number in (("training", "21"), ("test", "01")):
        folder = tmp_path / "DRIVE" / part
        for name in ("images", "1st_manual", "2nd_manual", "mask"):
            (folder / name).mkdir(parents=True)
        Image.new("RGB", (3, 3), (200, 100, 50)).save(folder / "images" / f"{number}_{part}.tif")
        Image.fromarray(VESSELS).save(folder / "1st_manual" / f"{number}_manual1.gif")
        palette_gif(folder / "2nd_manual" / f"{number}_manual2.gif", VIEW)
        palette_gif(folder / "mask" / f"{number}_{part}_mask.gif", VIEW)
    return tmp_path


def test_both_parts_are_joined_by_number(drive: Path) -> None:
    data = DRIVEDataModule(str(drive))
    sources = data.sources()
    assert [(source.id, source.group) for source in sources] == [("21", "drive/21"), ("01", "drive/01")]
    decoded = data.decode(sources[1])
    assert decoded.mask.tolist() == [[0, 1, 0], [0, 1, 0], [1, 1, 0]]
    assert decoded.valid is not None
    assert decoded.valid.tolist() == [[1, 1, 0], [1, 1, 1], [1, 1, 1]]
    assert decoded.objects is None


def test_test_part_without_first_observer_says_what_is_missing(drive: Path) -> None:
    folder = drive / "DRIVE" / "test" / "1st_manual"
    (folder / "01_manual1.gif").unlink()
    folder.rmdir()
    with pytest.raises(DataError, match="has no folder 1st_manual"):
        DRIVEDataModule(str(drive)).sources()
    assert [source.id for source in DRIVEDataModule(str(drive), on_error="skip").sources()] == ["21"]


def test_two_images_of_one_id_are_refused(drive: Path) -> None:
    test = drive / "DRIVE" / "test"
    for name, number in (("images", "01_test.tif"), ("1st_manual", "01_manual1.gif"), ("mask", "01_test_mask.gif")):
        (test / name / number).rename(test / name / number.replace("01", "21"))
    data = DRIVEDataModule(str(drive), allow_missing=True)
    with pytest.raises(DataError, match=r"21_training\.tif' and '.*21_test\.tif' have the same id '21': keep one"):
        data.open_cache(None)
    assert ["21_test" in found.text for found in verify(data).defects if found.kind == "layout"] == [True]


def test_image_alone_is_excused_by_its_number(drive: Path) -> None:
    (drive / "split.csv").write_text("id,subset,group\n21,train,21\n01,test,1\n")
    (drive / "DRIVE" / "test" / "1st_manual" / "01_manual1.gif").rename(
        drive / "DRIVE" / "test" / "1st_manual" / "02_manual1.gif"
    )
    data = DRIVEDataModule(str(drive), split=str(drive / "split.csv"), on_error="skip")
    with pytest.warns(UserWarning, match="2 image"):
        assert list(data.open_cache(None).position) == ["21"]


def test_second_observers_drawings_are_decoded_when_verified(drive: Path) -> None:
    broken = drive / "DRIVE" / "test" / "2nd_manual" / "01_manual2.gif"
    data = DRIVEDataModule(str(drive), on_error="skip")
    assert [found for found in verify(data).defects if found.kind == "decode"] == []
    broken.write_bytes(broken.read_bytes()[:30])
    [found] = [found for found in verify(data).defects if found.kind == "decode"]
    assert str(broken) in found.text


def test_missing_field_of_view_is_named(drive: Path) -> None:
    (drive / "DRIVE" / "training" / "mask" / "21_training_mask.gif").unlink()
    Image.fromarray(VIEW).save(drive / "DRIVE" / "training" / "mask" / "22_training_mask.gif")
    with pytest.raises(DataError, match=r"21_training\.tif' has no field of view"):
        DRIVEDataModule(str(drive)).sources()


@pytest.mark.data
def test_real_copy_is_the_official_one(real_data: Path) -> None:
    data = DRIVEDataModule(str(real_data))
    sources = data.sources()
    assert [source.id for source in sources] == [f"{n:02d}" for n in (*range(21, 41), *range(1, 21))]
    sizes = [data.decode(source).mask.shape for source in sources]
    assert data.card.differences(sizes) == []
    assert set(sizes) == {(584, 565)}


@pytest.mark.data
def test_real_vessels_lie_in_the_field_of_view(real_data: Path) -> None:
    data = DRIVEDataModule(str(real_data))
    for source in data.sources()[::8]:
        _, vessels, valid, *_ = data.decode(source)
        assert valid is not None
        assert 0.65 < valid.mean() < 0.75
        assert (vessels * (1 - valid)).sum() <= 0.01 * vessels.sum()
