from pathlib import Path

import pytest

from polybench.core.errors import DataError
from polybench.data.pairing import images_by_stem, pair_by_stem


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


@pytest.mark.parametrize(("kept", "kind"), [("images", "image"), ("masks", "mask")])
def test_file_without_partner_is_named(tmp_path: Path, kept: str, kind: str) -> None:
    touch(tmp_path / "images" / "1.png", tmp_path / "masks" / "1.png", tmp_path / kept / "2.png")
    with pytest.raises(DataError, match=rf"The {kind} '.*2\.png' has no"):
        pair_by_stem(tmp_path / "images", tmp_path / "masks")


def test_two_files_of_one_stem_are_refused(tmp_path: Path) -> None:
    touch(tmp_path / "1.png", tmp_path / "1.tif")
    with pytest.raises(DataError, match="same stem"):
        images_by_stem(tmp_path)


def test_of_two_files_of_one_stem_the_official_type_is_taken(tmp_path: Path) -> None:
    touch(tmp_path / "1.jpg", tmp_path / "1.tif", tmp_path / "10.jpg", tmp_path / "2.TIF")
    found = images_by_stem(tmp_path, official=".tif")
    assert {name: path.name for name, path in found.items()} == {"1": "1.tif", "2": "2.TIF", "10": "10.jpg"}
    assert list(found) == ["1", "2", "10"]


@pytest.mark.parametrize("names", [("1.jpg", "1.png"), ("1.tif", "1.TIF")])
def test_two_files_are_refused_where_the_official_type_does_not_decide(tmp_path: Path, names: tuple[str, str]) -> None:
    touch(*(tmp_path / name for name in names))
    with pytest.raises(DataError, match="same stem"):
        images_by_stem(tmp_path, official=".tif")


def test_images_in_sub_folders_are_refused(tmp_path: Path) -> None:
    touch(*(tmp_path / "images" / name for name in ("1.png", "b/2.png", "b/3.png")), tmp_path / "masks" / "1.png")
    with pytest.raises(DataError, match=r"images' has 2 images in sub-folders \('b'\), which are not read"):
        pair_by_stem(tmp_path / "images", tmp_path / "masks")


def test_entry_that_is_named_like_an_image_is_told_with_its_stem(tmp_path: Path) -> None:
    told: list[tuple[str, str | None]] = []
    touch(tmp_path / "1.png")
    (tmp_path / "2_mask.png").symlink_to(tmp_path / "gone.png")
    images_by_stem(
        tmp_path, key=lambda path: path.stem.removesuffix("_mask"), report=lambda *problem: told.append(problem)
    )
    [(sentence, name)] = told
    assert name == "2"
    assert "2_mask.png' is a broken link" in sentence
