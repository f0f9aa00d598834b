"""A whole copy is coded in one way: every subset, in fit, verify and audit, and what a record says of it."""

import logging
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from polybench.core.errors import DataError
from polybench.curation.audit import audit_copy
from polybench.curation.verify import verify
from polybench.data.module import SegmentationDataModule
from polybench.datasets import FolderDataModule
from tests.conftest import write_split

SIZE = (16, 16)
DISC = ((np.indices(SIZE) - 7.5) ** 2).sum(axis=0) < 25


def write_masks(root: Path, values: dict[int, int], rest: int = 255) -> Path:
    """Twelve images (6 train, 2 val, 4 test) with masks of 0 and a value of their own."""
    for folder in ("images", "masks"):
        (root / folder).mkdir(parents=True)
    for number in range(1, 13):
        grey = np.random.default_rng(number).integers(0, 100, SIZE) + 100 * DISC
        Image.fromarray(grey.astype(np.uint8)).save(root / "images" / f"{number}.tif")
        mask = DISC * np.uint8(values.get(number, rest))
        Image.fromarray(mask.astype(np.uint8)).save(root / "masks" / f"{number}.png")
    write_split(root / "split.csv")
    return root


def write_wide(root: Path, factor: int, dtype: type = np.uint16) -> Path:
    """As `write_masks`, with the grey levels times a factor in a wider type."""
    write_masks(root, {})
    for path in (root / "images").iterdir():
        Image.fromarray(np.asarray(Image.open(path)).astype(dtype) * factor).save(path)
    return root


def module(root: Path, bits: int | None = None) -> FolderDataModule:
    return FolderDataModule(str(root), str(root / "split.csv"), size=SIZE, batch_size=2, bits=bits)


def ready(root: Path, bits: int | None = None) -> SegmentationDataModule:
    data = module(root, bits)
    data.prepare_data()
    data.setup("fit")
    return data


@pytest.mark.parametrize("other", [1, 7, 12], ids=["train", "val", "test"])
def test_masks_of_two_codings_are_refused_in_whatever_subset(tmp_path: Path, other: int) -> None:
    data = module(write_masks(tmp_path / "d", {other: 1}))
    data.prepare_data()
    for stage in ("fit", "test"):
        with pytest.raises(DataError, match=rf"1 mask\(s\) of 0 and 1 \(\S*/masks/{other}\.png\) with 11 of 0 and 255"):
            data.setup(stage)


def test_field_of_view_of_another_coding_is_refused(tmp_path: Path) -> None:
    root = write_masks(tmp_path / "d", {})
    (root / "valid").mkdir()
    for number in range(1, 13):
        Image.fromarray(np.full(SIZE, 1 if number == 5 else 255, np.uint8)).save(root / "valid" / f"{number}.png")
    with pytest.raises(DataError, match=r"1 field\(s\) of view of 0 and 1 \(\S*/valid/5\.png\) with 11 of 0 and 255"):
        ready(root)


def test_masks_of_0_and_1_alone_are_labels_and_the_record_says_so(tmp_path: Path) -> None:
    labels, usual = ready(write_masks(tmp_path / "labels", {}, rest=1)), ready(write_masks(tmp_path / "usual", {}))
    np.testing.assert_array_equal(labels.cache.masks, usual.cache.masks)
    assert "masks of 0 and 1, read as labels" in labels.facts().copy_notes
    assert usual.facts().copy_notes == labels.facts().copy_notes[:-1]


def test_empty_masks_go_with_either_coding(tmp_path: Path) -> None:
    assert ready(write_masks(tmp_path / "a", {3: 0})).cache.notes == []
    assert ready(write_masks(tmp_path / "b", {3: 0}, rest=1)).cache.notes == ["masks of 0 and 1, read as labels"]


def test_what_was_found_is_kept_with_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    root = write_masks(tmp_path / "d", {}, rest=1)
    ready(root)
    monkeypatch.setattr(FolderDataModule, "decode", None)  # which a warm start doesn't call
    with caplog.at_level(logging.INFO):
        assert ready(root).cache.notes == ["masks of 0 and 1, read as labels"]
    assert f"'{root}' holds masks of 0 and 1, read as labels." in caplog.text


def test_twelve_bits_in_sixteen_must_be_stated(tmp_path: Path) -> None:
    root = write_wide(tmp_path / "d", 16)
    with pytest.raises(DataError, match=r"12 file\(s\) have .* no value above 3184 .* --data\.bits 12"):
        ready(root)
    data = ready(root, bits=12)
    expected = np.round(np.asarray(Image.open(root / "images" / "3.tif")) * (255 / 4095))
    np.testing.assert_array_equal(data.cache.images[data.cache.position["3"], ..., 0], expected)
    assert "12 image(s) of more than 8 bits, scaled from 12 bits to 8" in data.facts().copy_notes


def test_another_number_of_bits_is_another_cache(tmp_path: Path) -> None:
    root = write_wide(tmp_path / "d", 16)
    darkest = [ready(root, bits).cache.images.max() for bits in (12, 14)]
    assert darkest == [round(3184 / 4095 * 255), round(3184 / 16383 * 255)]


def test_dark_image_of_a_copy_that_uses_16_bits_is_not_stretched(tmp_path: Path) -> None:
    root = write_wide(tmp_path / "d", 257)
    dark = np.full(SIZE, 1028, np.uint16)
    Image.fromarray(dark).save(root / "images" / "3.tif")
    data = ready(root)
    assert np.unique(data.cache.images[data.cache.position["3"]]).tolist() == [4]


def test_bits_of_a_copy_of_8_bits_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"No file has more than 8 bits, so --data\.bits 12 has no effect"):
        ready(write_masks(tmp_path / "d", {}), bits=12)


def test_dropped_transparency_is_said_and_recorded(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    root = write_masks(tmp_path / "d", {})
    for number, alpha in ((3, Image.linear_gradient("L").resize(SIZE)), (4, Image.new("L", SIZE, 255))):
        image = Image.open(root / "images" / f"{number}.tif")
        image.putalpha(alpha)
        image.save(root / "images" / f"{number}.tif")
    with caplog.at_level(logging.INFO):
        data = ready(root)
    assert "1 image(s) with transparency, which is dropped" in caplog.text
    assert data.facts().copy_notes[-1] == "1 image(s) with transparency, which is dropped"


def test_turn_of_an_exif_tag_is_recorded(tmp_path: Path) -> None:
    root = write_masks(tmp_path / "d", {})
    exif = Image.Exif()
    exif[0x0112] = 3
    for folder, suffix in (("images", "tif"), ("masks", "png")):
        path = root / folder / f"3.{suffix}"
        Image.open(path).rotate(180).save(path, exif=exif)
    assert ready(root).cache.notes == [
        "1 image(s) turned upright as an EXIF tag says",
        "1 mask(s) turned upright as an EXIF tag says",
    ]


def test_masks_that_are_hardly_masks_are_recorded(tmp_path: Path) -> None:
    root = write_masks(tmp_path / "d", {})
    grey = np.where(DISC, 200, 0).astype(np.uint8)
    grey[:, :8] = 120
    Image.fromarray(grey).save(root / "masks" / "3.png")
    assert ready(root).cache.notes == ["1 mask(s) that are hardly masks, for grey pixels"]


def test_image_of_several_pages_is_refused(tmp_path: Path) -> None:
    root = write_masks(tmp_path / "d", {})
    page = Image.open(root / "images" / "3.tif").copy()
    page.save(root / "images" / "3.tif", save_all=True, append_images=[page])
    with pytest.raises(DataError, match=r"images/3\.tif' holds 2 images where one is expected"):
        ready(root)


def test_verify_finds_both_kinds_of_mixture(tmp_path: Path) -> None:
    found = verify(module(write_masks(tmp_path / "masks", {7: 1})))
    assert [defect.kind for defect in found.defects] == ["coding"]
    wide = write_wide(tmp_path / "wide", 16)
    [defect] = verify(module(wide)).defects
    assert (defect.kind, "no value above 3184" in defect.text, "--bits 12" in defect.text) == ("range", True, True)
    stated = verify(module(wide, bits=12))
    assert stated.defects == []
    assert "12 image(s) of more than 8 bits, scaled from 12 bits to 8." in stated.notes


def test_audit_refuses_what_training_refuses(tmp_path: Path) -> None:
    data = module(write_wide(tmp_path / "d", 16))
    with pytest.raises(DataError, match="no value above 3184"):
        audit_copy(data, [data.split])
