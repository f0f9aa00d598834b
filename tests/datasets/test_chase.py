from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from polybench.core.errors import DataError
from polybench.datasets import CHASEDataModule, DRIVEDataModule
from polybench.datasets.chase import field_of_view

Y, X = np.mgrid[:48, :50]
DISC = (Y - 23) ** 2 + (X - 25) ** 2 <= 20**2


def photograph(*, noise: int = 6) -> np.ndarray:
    """A lit disc with a dark vessel, a dark spot and a lit patch outside, on a noisy black ground."""
    image = np.random.default_rng(0).integers(0, noise, (48, 50, 3)).astype(np.uint8)
    image[DISC] = (120, 60, 20)
    image[10:36, 24:26] = (18, 10, 5)
    image[20:24, 30:34] = 0
    image[:7, :7] = 90
    return image


@pytest.fixture
def chase(tmp_path: Path) -> Path:
    folder = tmp_path / "CHASEDB1"
    folder.mkdir()
    vessels = Image.fromarray(np.where((X == 25) & DISC, 255, 0).astype(np.uint8)).convert("1")
    other = Image.fromarray(np.where((X == 24) & DISC, 255, 0).astype(np.uint8)).convert("1")
    for name in ("Image_01L", "Image_01R", "Image_14L"):
        Image.fromarray(photograph()).save(folder / f"{name}.jpg", quality=95)
        vessels.save(folder / f"{name}_1stHO.png")
        other.save(folder / f"{name}_2ndHO.png")
    return tmp_path


def test_eyes_of_a_child_are_one_group(chase: Path) -> None:
    sources = CHASEDataModule(str(chase)).sources()
    assert {source.id: source.group for source in sources} == {
        "Image_01L": "chase/01",
        "Image_01R": "chase/01",
        "Image_14L": "chase/14",
    }
    assert {source.masks[0].name for source in sources} == {f"{source.id}_1stHO.png" for source in sources}


def test_decoded_eye_has_first_observer_and_field_of_view(chase: Path) -> None:
    data = CHASEDataModule(str(chase))
    decoded = data.decode(data.sources()[0])
    np.testing.assert_array_equal(decoded.mask, (X == 25) & DISC)
    assert decoded.valid is not None
    assert decoded.valid.dtype == np.uint8
    assert iou(decoded.valid, DISC) > 0.97


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return float((a.astype(bool) & b.astype(bool)).sum() / (a.astype(bool) | b.astype(bool)).sum())


def test_field_of_view_is_the_drawn_disc() -> None:
    view = field_of_view(photograph())
    assert iou(view, DISC) > 0.98
    assert view[22, 32] == 1
    assert view[3, 3] == 0


def test_image_without_light_is_all_valid() -> None:
    assert field_of_view(np.zeros((8, 9, 3), np.uint8)).tolist() == np.ones((8, 9)).tolist()


@pytest.mark.parametrize(("lost", "told"), [("Image_01R_1stHO.png", "has no mask"), ("Image_01R.jpg", "has no image")])
def test_file_without_partner_is_named(chase: Path, lost: str, told: str) -> None:
    (chase / "CHASEDB1" / lost).unlink()
    with pytest.raises(DataError, match=f"Image_01R.*{told}"):
        CHASEDataModule(str(chase)).sources()
    skipping = CHASEDataModule(str(chase), on_error="skip")
    assert [source.id for source in skipping.sources()] == ["Image_01L", "Image_14L"]


@pytest.mark.data
def test_field_of_view_agrees_with_the_official_ones_of_drive(real_data: Path) -> None:
    drive = DRIVEDataModule(str(real_data))
    decoded = [drive.decode(source) for source in drive.sources()]
    agreement = [iou(field_of_view(sample.image), sample.valid) for sample in decoded if sample.valid is not None]
    assert len(agreement) == 40
    assert min(agreement) > 0.97
    assert np.mean(agreement) > 0.99


@pytest.mark.data
def test_real_copy_has_both_eyes_of_14_children(real_data: Path) -> None:
    data = CHASEDataModule(str(real_data))
    sources = data.sources()
    assert len(sources) == 28
    assert set(Counter(source.group for source in sources).values()) == {2}
    for source in sources[::9]:
        image, vessels, valid, *_ = data.decode(source)
        assert image.shape == (960, 999, 3)
        assert valid is not None
        assert (vessels * (1 - valid)).sum() <= 0.01 * vessels.sum()
