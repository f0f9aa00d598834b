"""Each defect is found and named, on tiny copies in the true layouts; the real copies show what their README says."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from polybench import datasets
from polybench.curation.verify import Verification, verify
from polybench.datasets import ClinicDBDataModule, DSB2018DataModule, FolderDataModule

Deed = Callable[[Path, Path], object]
"""What is done to the image and the mask of frame 3."""


def look(root: Path) -> Verification:
    data = ClinicDBDataModule(str(root), split=str(root / "split.csv"), allow_missing=True, on_error="skip")
    return verify(data)


def frame(root: Path, number: int = 3) -> tuple[Path, Path]:
    folder = root / "CVC-ClinicDB"
    return folder / "Original" / f"{number}.tif", folder / "Ground Truth" / f"{number}.tif"


def texts(found: Verification, kind: str) -> list[str]:
    return [defect.text for defect in found.defects if defect.kind == kind]


def write(path: Path, pixels: object, mode: str | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels, np.uint8), mode=mode).save(path)


def disc(levels: tuple[int, int]) -> np.ndarray:
    """48 x 64 pixels: an eighth of them (6 rows of 48) of the second level."""
    pixels = np.full((48, 64), levels[0], np.uint8)
    pixels[20:26] = levels[1]
    return pixels


def test_counts_are_those_of_the_copy(data_root: Path) -> None:
    for number in range(1, 13):
        write(frame(data_root, number)[1], disc((0, 255)))
    write(frame(data_root, 12)[1], np.zeros((48, 64)))
    found = look(data_root)
    assert (found.images, found.decoded, found.groups) == (12, 12, 6)
    assert found.subsets == {"train": 6, "val": 2, "test": 4}
    assert found.sizes == {(48, 64): 12}
    assert found.foreground == pytest.approx(11 / 12 / 8)
    assert (found.empty_masks, found.full_masks, found.ambiguous) == (1, 0, 0)
    assert found.mask_levels == {0: 12 * 48 * 64 - 11 * 6 * 64, 255: 11 * 6 * 64}
    assert found.manifest_sha256 is not None
    assert found.objects is None
    assert found.field_of_view is None


def test_copy_that_differs_from_the_official_one_only_says_that(data_root: Path) -> None:
    assert look(data_root).defects == [
        ("official", "12 of the 612 images of the official copy."),
        ("official", "Images of 64x48 instead of 384x288."),
    ]


def cut_jpeg(image: Path, mask: Path) -> None:
    """Cut a JPEG at 70 % and end it as a whole one ends: decoders fill the rest with grey, without a complaint."""
    path = image.with_suffix(".jpg")
    Image.open(image).save(path, quality=95)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 7 // 10] + b"\xff\xd9")
    image.unlink()


def red_class(image: Path, mask: Path) -> None:
    write(mask, np.stack([disc((0, 255)), disc((0, 0)), disc((0, 0))], axis=-1))


def palette_class(image: Path, mask: Path) -> None:
    indexed = Image.fromarray(disc((0, 1)), mode="P")
    indexed.putpalette([0, 0, 0, 128, 0, 0])
    indexed.save(mask)


def transparent(image: Path, mask: Path) -> None:
    black = np.zeros((48, 64), np.uint8)
    write(mask, np.stack([black, black, black, disc((0, 255))], axis=-1))


def photograph(image: Path, mask: Path) -> None:
    Image.open(image).convert("L").save(mask)


def numbered(image: Path, mask: Path) -> None:
    Image.fromarray((np.arange(48 * 64).reshape(48, 64) // 600 * 100).astype(np.uint16)).save(mask)


def two_classes(image: Path, mask: Path) -> None:
    pixels = disc((0, 255))
    pixels[30:36] = 30
    write(mask, pixels)


def two_pages(image: Path, mask: Path) -> None:
    picture = Image.open(image).copy()
    picture.save(image, save_all=True, append_images=[picture])


def equal_image(image: Path, mask: Path) -> None:
    image.write_bytes(image.with_name("4.tif").read_bytes())


def linked_mask(image: Path, mask: Path) -> None:
    mask.unlink()
    mask.symlink_to(mask.with_name("4.tif"))


DEFECTS: dict[str, tuple[Deed, str, str]] = {
    "no mask": (lambda image, mask: mask.unlink(), "layout", "image '.*Original/3.tif' has no mask"),
    "0 bytes": (lambda image, mask: image.write_bytes(b""), "decode", r"Original/3\.tif' is empty"),
    "cut jpg": (cut_jpeg, "cut", r"The last [12]\d rows of '.*Original/3\.jpg' are plain grey"),
    "two pages": (two_pages, "pages", r"Original/3\.tif' holds 2 images where one is expected"),
    "0 and 1": (
        lambda i, mask: write(mask, disc((0, 1))),
        "coding",
        r"1 mask\(s\) of 0 and 1 \(.*Truth/3\.tif\) with 11 of 0 and 255",
    ),
    "0 and 2": (lambda i, mask: write(mask, disc((0, 2))), "coding", r"Truth/3\.tif' has no pixel above 127 .* to 2:"),
    "red class": (red_class, "coding", r"Truth/3\.tif' has colours in 12\.5 % of its pixels"),
    "palette class": (palette_class, "coding", r"Truth/3\.tif' has colours in 12\.5 % of its pixels"),
    "transparent": (transparent, "coding", r"Truth/3\.tif' has a transparency \(alpha channel\) that differs"),
    "photograph": (photograph, "coding", r"Truth/3\.tif' is not a mask: \d+ % of its pixels are neither"),
    "numbered": (numbered, "coding", r"Truth/3\.tif' numbers objects or classes in more than 8 bits"),
    "two classes": (two_classes, "coding", r"Truth/3\.tif' loses 50 % of its drawn pixels"),
    "one colour": (lambda image, m: Image.new("RGB", (64, 48)).save(image), "blank", r"Original/3\.tif' has a single"),
    "equal images": (equal_image, "duplicate", "Equal images have different masks: 3, 4: keep one"),
    "one file twice": (linked_mask, "duplicate", r"Truth/4\.tif' of image '4' is the same file .* of image '3'"),
}


@pytest.mark.parametrize(("deed", "kind", "told"), DEFECTS.values(), ids=DEFECTS)
def test_defect_is_named(data_root: Path, deed: Deed, kind: str, told: str) -> None:
    assert texts(look(data_root), kind) == []
    deed(*frame(data_root))
    [text] = texts(look(data_root), kind)
    assert re.search(told, text), text


def test_every_broken_file_of_an_image_is_named(data_root: Path) -> None:
    for path in frame(data_root):
        path.write_bytes(b"")
    found = look(data_root)
    assert len(texts(found, "decode")) == 2
    assert found.decoded == 11
    assert found.manifest_sha256 is None


def test_missing_and_unlisted_images_are_named(data_root: Path) -> None:
    for path in (*frame(data_root, 3), *frame(data_root, 11)):
        path.unlink()
    for path in frame(data_root, 5):
        path.rename(path.with_stem("99"))
    named = texts(look(data_root), "official")
    assert named[0] == "9 of 12 images: it lacks 3 image(s) of split 'split': 3, 5, 11."
    assert named[1] == "1 image(s) that split 'split' does not list: 99."


def test_all_ids_are_kept_where_a_sentence_names_ten(data_root: Path) -> None:
    for number in range(1, 12):
        for path in frame(data_root, number):
            path.rename(path.with_stem(f"new{number}"))
    found = look(data_root)
    assert found.missing == [str(number) for number in range(1, 12)]
    assert found.unlisted == [f"new{number}" for number in range(1, 12)]
    assert "new10 and 1 more" in texts(found, "official")[1]


def test_groups_of_equal_images_and_masks_are_kept(data_root: Path) -> None:
    for here, there in ((1, 2), (3, 4)):
        frame(data_root, there)[1].write_bytes(frame(data_root, here)[1].read_bytes())
    frame(data_root, 2)[0].write_bytes(frame(data_root, 1)[0].read_bytes())
    found = look(data_root)
    assert (found.equal_images, found.equal_masks) == ([["1", "2"]], [["3", "4"]])


def test_unread_image_that_is_broken_is_a_defect_and_a_hidden_one_none(data_root: Path) -> None:
    folder = data_root / "CVC-ClinicDB" / "more"
    write(folder / "whole.png", disc((0, 255)))
    (folder / "broken.png").write_bytes((folder / "whole.png").read_bytes()[:60])
    (folder / "._whole.png").write_bytes(b"x")
    found = look(data_root)
    assert found.unread == ["more/._whole.png", "more/broken.png", "more/whole.png"]
    [text] = texts(found, "decode")
    assert "more/broken.png' can't be decoded" in text


def test_copy_of_an_image_in_another_subset_is_noted_as_a_leak(data_root: Path) -> None:
    for here, there in zip(frame(data_root, 3), frame(data_root, 12), strict=True):
        there.write_bytes(here.read_bytes())
    found = look(data_root)
    assert "The same image and mask: 3, 12, in train and test: the split LEAKS." in found.notes
    assert texts(found, "duplicate") == []


def test_files_that_are_not_read_are_noted(data_root: Path) -> None:
    folder = data_root / "CVC-ClinicDB"
    for name in ("README.txt", "Original/Thumbs.db", "Original/note.txt", "Original/._1.tif", ".DS_Store"):
        (folder / name).write_bytes(b"x")
    assert [note for note in look(data_root).notes if "not read" in note] == [
        "2 hidden files such as '.DS_Store' are not read.",
        "2 files such as 'Original/Thumbs.db' are not read.",
        "'README.txt' is not read.",
    ]


def test_marker_of_generated_images_is_a_note_of_its_own(data_root: Path) -> None:
    assert look(data_root).notes == []
    (data_root / "CVC-ClinicDB" / "SYNTHETIC.txt").touch()
    assert look(data_root).notes == ["Generated images, none of them real, as 'SYNTHETIC.txt' says."]


def test_unusual_coding_that_is_read_rightly_is_noted(data_root: Path) -> None:
    image, mask = frame(data_root)
    Image.open(image).save(image, format="PNG")
    write(mask, np.where(disc((0, 1)) > 0, 255, 0))
    pixels = disc((0, 255))
    pixels[0, :5] = 200
    write(frame(data_root, 4)[1], pixels)
    notes = look(data_root).notes
    assert "1 image(s) of type PNG named .tif." in notes
    assert "Masks have the grey levels 0, 200, 255, which may be classes; those above 127 are foreground." in notes


def test_objects_that_overlap_or_are_empty_are_named(tmp_path: Path) -> None:
    case = tmp_path / "DSB2018" / "stage1_train" / "a"
    write(case / "images" / "a.png", np.random.default_rng(0).integers(0, 255, (48, 64, 3)))
    first, second = np.zeros((48, 64)), np.zeros((48, 64))
    first[5:10, 5:10] = 255
    second[8:12, 5:9] = 255
    for name, pixels in (("m1", first), ("m2", second), ("m3", np.zeros((48, 64)))):
        write(case / "masks" / f"{name}.png", pixels)
    (tmp_path / "split.csv").write_text("id,subset,group\na,test,g\n")
    data = DSB2018DataModule(str(tmp_path), split=str(tmp_path / "split.csv"), on_error="skip")
    found = verify(data)
    assert found.objects == 3
    assert found.foreground == pytest.approx((25 + 16 - 8) / (48 * 64))
    assert [text.partition("stage1_train/")[2] or text for text in texts(found, "objects")] == [
        "a/masks/m3.png' of an object is empty: replace the wrong file.",
        "Masks of image 'a' overlap in 8 pixel(s): replace the wrong file.",
    ]


def test_empty_field_of_view_is_a_defect_and_foreground_outside_a_note(tmp_path: Path) -> None:
    for number in range(1, 7):
        write(tmp_path / "images" / f"{number}.png", np.random.default_rng(number).integers(0, 255, (48, 64, 3)))
        write(tmp_path / "masks" / f"{number}.png", disc((0, 255)))
        write(tmp_path / "valid" / f"{number}.png", np.full((48, 64), 255 if number > 1 else 0))
    split = tmp_path / "split.csv"
    split.write_text("id,subset,group\n" + "".join(f"{number},test,{number}\n" for number in range(1, 7)))
    data = FolderDataModule(str(tmp_path), str(split), on_error="skip")
    found = verify(data)
    assert [text.partition("images/")[2] for text in texts(found, "view")] == [
        "1.png' is empty: replace the wrong file."
    ]
    assert f"{6 * 64} foreground pixel(s) lie outside the field of view." in found.notes
    assert found.field_of_view == pytest.approx(5 / 6)


KNOWN: dict[str, tuple[int, list[str]]] = {
    "KvasirSEGDataModule": (1000, []),
    "ClinicDBDataModule": (
        609,
        [
            "609 of 612 images: it lacks 3 image(s) of split 'reconstructed_efen_8_1_1': 133, 419, 480.",
            "Images of 256x256 instead of 384x288.",
        ],
    ),
    "ISIC2018DataModule": (2594, ["Images of 256x192; the smallest official one is 576x540."]),
    "DSB2018DataModule": (670, []),
    "DRIVEDataModule": (40, []),
    "CHASEDataModule": (28, []),
    "EMDataModule": (30, []),
}


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.parametrize("name", KNOWN)
def test_real_copy_has_the_counts_and_exactly_the_defects_of_its_readme(real_data: Path, name: str) -> None:
    images, defects = KNOWN[name]
    found = verify(getattr(datasets, name)(str(real_data), allow_missing=True, on_error="skip"))
    assert (found.images, found.decoded) == (images, images)
    assert [defect.text for defect in found.defects] == defects
    assert found.objects == (29461 if name == "DSB2018DataModule" else None)
