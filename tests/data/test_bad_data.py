"""Every kind of bad file through a real data module: what is an error, what can be skipped, what is harmless."""

import errno
import unicodedata
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from polybench.cli.main import run
from polybench.core.errors import DataError
from polybench.curation.verify import verify
from polybench.data.images import UInt8Array
from polybench.data.module import SegmentationDataModule
from polybench.datasets import ClinicDBDataModule
from tests.cli.recipes import write_recipe

Deed = Callable[[Path, Path], None]
"""What is done to the image and the mask of frame 3, a training frame."""

SIZE = (48, 64)


def ready(root: Path, *, on_error: str) -> SegmentationDataModule:
    """A module at the frames' own size, so that nothing is resized."""
    data = ClinicDBDataModule(str(root), SIZE, str(root / "split.csv"), batch_size=2, on_error=on_error)  # type: ignore[arg-type]
    data.prepare_data()
    data.setup("fit")
    return data


def frame(root: Path, number: int = 3) -> tuple[Path, Path]:
    return tuple(root / "CVC-ClinicDB" / folder / f"{number}.tif" for folder in ("Original", "Ground Truth"))  # type: ignore[return-value]


def encoded(path: Path, kind: str, **options: object) -> bytes:
    memory = BytesIO()
    Image.open(path).convert("RGB").save(memory, kind, **options)
    return memory.getvalue()


def cut(share: float, kind: str, suffix: str) -> Deed:
    def deed(image: Path, mask: Path) -> None:
        content = encoded(image, kind)
        image.unlink()
        image.with_suffix(suffix).write_bytes(content[: int(share * len(content))])

    return deed


def lose_the_middle_of_a_png(image: Path, mask: Path) -> None:
    content = bytearray(encoded(image, "PNG"))
    image.unlink()
    content[len(content) * 7 // 10 : -12] = bytes(len(content) - 12 - len(content) * 7 // 10)
    image.with_suffix(".png").write_bytes(content)


def shrink_mask(image: Path, mask: Path) -> None:
    Image.open(mask).resize((32, 24)).save(mask)


def with_exif_turn(path: Path) -> None:
    """Store the picture lying on its side, with the tag that says so."""
    upright = Image.open(path)
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise to see it upright
    upright.transpose(Image.Transpose.ROTATE_90).save(path.with_suffix(".png"), exif=exif)
    path.unlink()


def turn_image_on_its_side(image: Path, mask: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.open(image).save(image.with_suffix(".png"), exif=exif)
    image.unlink()


def floating_point(image: Path, mask: Path) -> None:
    Image.fromarray(np.asarray(Image.open(image))[..., 0].astype(np.float32)).save(image)


ERRORS = {
    "truncated tif": (cut(0.7, "TIFF", ".tif"), r"Original/3\.tif' can't be decoded \(.+\): replace it"),
    "truncated jpg": (cut(0.7, "JPEG", ".jpg"), r"Original/3\.jpg' can't be decoded \(.*truncated.*\): replace it"),
    "truncated png": (cut(0.7, "PNG", ".png"), r"Original/3\.png' can't be decoded \(Truncated.*\): replace it"),
    "truncated gif": (cut(0.7, "GIF", ".gif"), r"Original/3\.gif' can't be decoded \(.*truncated.*\): replace it"),
    "truncated bmp": (cut(0.7, "BMP", ".bmp"), r"Original/3\.bmp' can't be decoded \(.*truncated.*\): replace it"),
    "png with zeros in it": (lose_the_middle_of_a_png, r"Original/3\.png' can't be decoded \(.+\): replace it"),
    "0 bytes": (lambda image, mask: image.write_bytes(b""), r"Original/3\.tif' is empty \(0 bytes\): replace it"),
    "0 bytes of mask": (lambda image, mask: mask.write_bytes(b""), r"Ground Truth/3\.tif' is empty .* replace it"),
    "web page": (lambda image, mask: image.write_text("<html>"), r"3\.tif' can't be decoded \(no known image type\)"),
    "floating point": (floating_point, r"Original/3\.tif' holds floating-point pixels .*: convert it"),
    "sizes differ": (shrink_mask, r"Original/3\.tif' is 64x48 .* mask '.*Truth/3\.tif' is 32x24: replace"),
    "mask upright": (turn_image_on_its_side, r"Original/3\.png' is 48x64 .* mask '.*3\.tif' is 64x48: replace"),
    "missing mask": (lambda image, mask: mask.unlink(), r"image '.*Original/3\.tif' has no mask .*: add the mask or"),
    "missing image": (lambda image, mask: image.unlink(), r"mask '.*Truth/3\.tif' has no image .*: add the image or"),
}
errors = pytest.mark.parametrize(("deed", "told"), ERRORS.values(), ids=ERRORS)


@errors
def test_is_an_error_that_names_the_file_and_what_to_do(data_root: Path, deed: Deed, told: str) -> None:
    deed(*frame(data_root))
    with pytest.raises(DataError, match=told):
        ready(data_root, on_error="raise")


@errors
def test_is_skipped_on_request_counted_printed_and_recorded(data_root: Path, deed: Deed, told: str) -> None:
    deed(*frame(data_root))
    with pytest.warns(UserWarning, match=rf"1 image\(s\) were skipped: .*{told}"):
        data = ready(data_root, on_error="skip")
    facts = data.facts()
    assert facts.missing == ("3",)
    assert "1 broken or unpaired skipped" in facts.copy_notes
    assert facts.counts.train == 5
    assert data.ids("train") == ["1", "2", "4", "5", "6"]
    drawn = [name for batch in data.train_dataloader() for name in batch["id"]]
    assert len(drawn) == 4  # two whole batches of two
    assert "3" not in drawn


def test_skipped_is_said_again_when_the_cache_is_there(data_root: Path) -> None:
    frame(data_root)[0].write_bytes(b"")
    for _ in range(2):
        with pytest.warns(UserWarning, match=r"1 image\(s\) were skipped"):
            data = ready(data_root, on_error="skip")
        assert data.facts().missing == ("3",)


def test_what_was_skipped_is_an_error_again_without_leave(data_root: Path) -> None:
    frame(data_root)[0].write_bytes(b"")
    with pytest.warns(UserWarning, match="skipped"):
        ready(data_root, on_error="skip")
    with pytest.raises(DataError, match=r"3\.tif' is empty"):
        ready(data_root, on_error="raise")


def test_skipping_does_not_excuse_images_that_are_simply_not_there(data_root: Path) -> None:
    frame(data_root)[1].unlink()
    for path in frame(data_root, 4):
        path.unlink()
    with pytest.raises(DataError, match=r"lacks 2 image.*: 3, 4"):
        ready(data_root, on_error="skip")


def stray_mask(image: Path, mask: Path) -> None:
    mask.with_stem("99").write_bytes(mask.read_bytes())


def second_file_of_a_stem(image: Path, mask: Path) -> None:
    image.with_suffix(".png").write_bytes(image.read_bytes())


@pytest.mark.parametrize("deed", [stray_mask, second_file_of_a_stem])
def test_problem_of_another_file_does_not_excuse_a_missing_image(data_root: Path, deed: Deed) -> None:
    deed(*frame(data_root))
    for path in frame(data_root, 4):
        path.unlink()
    with pytest.raises(DataError, match=r"lacks 1 image.*: 4"):
        ready(data_root, on_error="skip")


def test_file_that_cannot_be_read_just_now_is_not_skipped(data_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    victim, opened = frame(data_root)[0], Image.open

    def open_or_fail(path: Path) -> Image.Image:
        if path == victim:
            raise OSError(errno.EMFILE, "Too many open files", str(path))
        return opened(path)

    with monkeypatch.context() as patch:
        patch.setattr("polybench.data.images.Image.open", open_or_fail)
        with pytest.raises(DataError, match=r"3\.tif' can't be read \(Too many open files\)"):
            ready(data_root, on_error="skip")
    assert ready(data_root, on_error="skip").facts().missing == ()


def test_two_files_of_one_stem(data_root: Path) -> None:
    image, _ = frame(data_root)
    image.rename(image.with_suffix(".png"))
    Image.new("RGB", (64, 48), (9, 9, 9)).save(image.with_suffix(".bmp"))
    with pytest.raises(DataError, match=r"3\.png' and '3\.bmp' have the same stem: keep one of them"):
        ready(data_root, on_error="raise")
    with pytest.warns(UserWarning, match="same stem"):
        data = ready(data_root, on_error="skip")
    assert "1 broken or unpaired skipped" in data.facts().copy_notes
    assert data.facts().missing == ()
    assert read(data)[0].max() == 9  # the first in natural order


def test_nothing_but_bad_images_is_an_error_even_when_skipping(data_root: Path) -> None:
    for number in range(1, 13):
        frame(data_root, number)[0].write_bytes(b"")
    with pytest.raises(DataError, match=r"No image can be read; the first error: .*1\.tif"):
        ready(data_root, on_error="skip")


def test_fit_goes_on_without_a_skipped_image_and_the_record_says_so(
    tmp_path: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    image, _ = frame(data_root)
    image.write_bytes(image.read_bytes()[:2000])
    recipe = write_recipe(tmp_path, data_root, max_epochs=1)
    with pytest.warns(UserWarning, match=r"1 image\(s\) were skipped: .*3\.tif"):
        assert run(["fit", "--config", str(recipe), "--data.on_error", "skip"]) == 0
    [record] = (tmp_path / "leaderboards" / "records" / "clinicdb").glob("tiny*.json")
    assert "1 broken or unpaired skipped" in record.read_text()
    assert "1 broken or unpaired skipped" in (tmp_path / "leaderboards" / "clinicdb.md").read_text()


def read(data: SegmentationDataModule, name: str = "3") -> tuple[UInt8Array, UInt8Array]:
    """Image and mask as they are fed to a net of the frames' own size."""
    position = data.cache.position[name]
    return np.asarray(data.cache.images[position]), np.asarray(data.cache.masks[position])


def as_it_was(root: Path) -> tuple[UInt8Array, UInt8Array]:
    image, mask = frame(root)
    return np.asarray(Image.open(image)), (np.asarray(Image.open(mask)) > 127).astype(np.uint8)


def named_otherwise(image: Path, mask: Path) -> None:
    image.write_bytes(encoded(image, "PNG"))


def alpha(image: Path, mask: Path) -> None:
    opened = Image.open(image)
    opened.putalpha(Image.fromarray(np.arange(48 * 64, dtype=np.uint32).reshape(48, 64).astype(np.uint8)))
    opened.save(image)


def both_turned(image: Path, mask: Path) -> None:
    with_exif_turn(image)
    with_exif_turn(mask)


def hidden_files(image: Path, mask: Path) -> None:
    for path in (image, mask):
        path.with_name(f"._{path.name}").write_bytes(b"\x00\x05\x16\x07")


def mask_of_16_bits(image: Path, mask: Path) -> None:
    Image.fromarray(np.asarray(Image.open(mask)).astype(np.uint16) * 257).save(mask)


def mask_of_1_bit(image: Path, mask: Path) -> None:
    Image.open(mask).convert("1").save(mask)


def mask_of_3_channels(image: Path, mask: Path) -> None:
    Image.open(mask).convert("RGB").save(mask)


HARMLESS = {
    "wrong extension": named_otherwise,
    "alpha": alpha,
    "EXIF turn of both": both_turned,
    "hidden ._ files": hidden_files,
    "16-bit mask": mask_of_16_bits,
    "1-bit mask": mask_of_1_bit,
    "3-channel mask": mask_of_3_channels,
}


@pytest.mark.parametrize("deed", HARMLESS.values(), ids=HARMLESS)
def test_is_read_rightly(data_root: Path, deed: Deed) -> None:
    expected = as_it_was(data_root)
    deed(*frame(data_root))
    data = ready(data_root, on_error="raise")
    for found, right in zip(read(data), expected, strict=True):
        np.testing.assert_array_equal(found, right)
    assert data.facts().missing == ()


def test_sixteen_bits_are_scaled(data_root: Path) -> None:
    levels = np.arange(48 * 64).reshape(48, 64) % 256
    Image.fromarray((levels * 257).astype(np.uint16)).save(frame(data_root)[0])
    found, _ = read(ready(data_root, on_error="raise"))
    np.testing.assert_array_equal(found, np.stack([levels] * 3, axis=-1))


def test_palette_gives_its_colours(data_root: Path) -> None:
    indexes = (np.arange(48 * 64).reshape(48, 64) % 3).astype(np.uint8)
    colours = np.array([[10, 20, 30], [200, 100, 0], [255, 255, 255]], np.uint8)
    image = Image.fromarray(indexes, mode="P")
    image.putpalette(colours.ravel().tolist())
    image.save(frame(data_root)[0])
    found, _ = read(ready(data_root, on_error="raise"))
    np.testing.assert_array_equal(found, colours[indexes])


def test_cmyk_is_turned_into_rgb(data_root: Path) -> None:
    Image.new("CMYK", (64, 48), (0, 255, 255, 0)).save(frame(data_root)[0])
    found, _ = read(ready(data_root, on_error="raise"))
    assert (found == [255, 0, 0]).all()


@pytest.mark.parametrize(("image_form", "mask_form"), [("NFC", "NFC"), ("NFD", "NFC"), ("NFC", "NFD")])
def test_accented_names_pair_however_their_accents_are_stored(data_root: Path, image_form: str, mask_form: str) -> None:
    expected = as_it_was(data_root)
    for path, form in zip(frame(data_root), (image_form, mask_form), strict=True):
        path.rename(path.with_name(unicodedata.normalize(form, "größe 3é.tif")))  # type: ignore[arg-type]
    split = data_root / "split.csv"
    split.write_text(split.read_text().replace("\n3,", "\ngröße 3é,"), encoding="utf-8")
    found = read(ready(data_root, on_error="raise"), "größe 3é")
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_array_equal(found[1], expected[1])


def test_grey_mask_is_cut_above_127_and_its_grey_share_is_reported(data_root: Path) -> None:
    levels = np.zeros((48, 64), np.uint8)
    levels[:24] = 255
    levels[24, :4] = [32, 127, 128, 223]  # two of them ambiguous
    Image.fromarray(levels).save(frame(data_root)[1])
    data = ready(data_root, on_error="raise")
    _, found = read(data)
    assert found.sum() == 24 * 64 + 2
    assert verify(data).ambiguous == pytest.approx(2 / (12 * 48 * 64))
