import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from polybench.core.errors import DataError
from polybench.data.mask_coding import Kind, kind_of
from polybench.scoring.predictions import contents_sha256, find_maps, survey


def levels(*values: int, dtype: type = np.uint8) -> np.ndarray:
    """A map that holds these values, and 0."""
    return np.array([[0, *values]], dtype)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (levels(0), "either"),
        (np.array([[True, False]]), "either"),
        (levels(1), "ones"),
        (levels(1, dtype=np.int64), "ones"),
        (levels(255), "full"),
        (np.full((2, 2), 255, np.uint8), "full"),
        (levels(65535, dtype=np.uint16), "full"),
        (levels(1, 2), "numbered"),
        (levels(*range(1, 128)), "numbered"),
        (levels(*range(1, 129)), "other"),  # as a map of probabilities has it
        (levels(*range(1, 129), dtype=np.uint16), "numbered"),
        (levels(2), "other"),
        (levels(1, 3), "other"),
        (levels(-1, 1, dtype=np.int16), "other"),
        (np.array([[0.0, 1.0]]), "other"),
    ],
)
def test_kind_of_a_map(values: np.ndarray, kind: Kind) -> None:
    assert kind_of(values) == kind


def folder_of(folder: Path, **maps: np.ndarray) -> dict[str, Path]:
    folder.mkdir(exist_ok=True)
    for name, values in maps.items():
        Image.fromarray(values).save(folder / f"{name}.png")
    return find_maps(folder)


def test_fewer_of_two_kinds_are_named_and_empty_maps_belong_to_both(tmp_path: Path) -> None:
    maps = {"a": levels(1), "b": levels(255), "c": levels(0), "d": levels(255)}
    assert survey(folder_of(tmp_path, **maps)).mixture == "1 map(s) of 0 and 1 (a.png) with 2 of 0 and 255"
    assert survey(folder_of(tmp_path, b=levels(1))).mixture == "1 map(s) of 0 and 255 (d.png) with 2 of 0 and 1"


@pytest.mark.parametrize("maps", [{"a": levels(1), "b": levels(0)}, {"a": levels(255), "b": levels(0)}])
def test_one_kind_is_no_mixture(tmp_path: Path, maps: dict[str, np.ndarray]) -> None:
    assert survey(folder_of(tmp_path, **maps)).mixture is None


def test_folder_is_of_label_maps_when_all_of_it_is(tmp_path: Path) -> None:
    maps = {"a": levels(1), "b": levels(1, 2), "c": levels(0)}
    assert survey(folder_of(tmp_path, **maps)).numbered == "b"
    assert survey(folder_of(tmp_path, d=levels(1, 200))).numbered is None


def test_ones_are_labels_only_in_a_folder_without_higher_numbers(tmp_path: Path) -> None:
    assert survey(folder_of(tmp_path, a=levels(1))).read("a").max() == 1
    assert survey(folder_of(tmp_path, b=levels(255))).read("a").max() == np.float32(1 / 255)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (levels(255).astype(np.float32), "divide them by 255, or save them as uint8"),
        (np.array([[0.0, 0.5, 250.5]]), "divide them by 255, or save them as uint8"),
        (levels(1, 2, 3).astype(np.float32), "save them as an integer type and give --instances"),
        (levels(7, 300, dtype=np.int32), "has integers up to 300"),
        (np.array([[-2.5, 1.0]]), "write probabilities (not logits)"),
        (np.array([[0.0, 3.5]]), "write probabilities (not logits)"),
    ],
)
def test_advice_fits_what_the_values_look_like(tmp_path: Path, values: np.ndarray, said: str) -> None:
    np.save(tmp_path / "a.npy", values)
    with pytest.raises(DataError) as raised:
        survey(find_maps(tmp_path)).read("a")
    assert said in str(raised.value)


def test_advice_for_a_palette_keeps_its_numbers(tmp_path: Path) -> None:
    image = Image.fromarray(levels(1))
    image = image.convert("P")
    image.putpalette([0, 0, 0, 128, 0, 0])
    image.save(tmp_path / "a.png")
    with pytest.raises(DataError, match=r"palette.*Image\.fromarray\(numpy\.asarray"):
        survey(find_maps(tmp_path))
    Image.fromarray(np.asarray(Image.open(tmp_path / "a.png"))).save(tmp_path / "a.png")
    assert survey(find_maps(tmp_path)).read("a").tolist() == [[0, 1]]


def test_advice_for_colours(tmp_path: Path) -> None:
    Image.fromarray(np.array([[[255, 0, 0]]], np.uint8)).save(tmp_path / "a.png")
    with pytest.raises(DataError, match=r'has colours.*convert\("L"\)'):
        survey(find_maps(tmp_path))


def test_maps_in_sub_folders_are_not_read_but_named(tmp_path: Path) -> None:
    for name in ("test", "val"):
        folder_of(tmp_path / name, a=levels(1))
    (tmp_path / "notes").mkdir()
    with pytest.raises(DataError, match=r"in sub-folders \('test', 'val'\)"):
        find_maps(tmp_path)


def test_hash_can_be_made_with_sha256sum(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"one")
    (tmp_path / "y").write_bytes(b"two")
    one, two = (hashlib.sha256(content).hexdigest() for content in (b"one", b"two"))
    by_hand = hashlib.sha256(f"{two}  a\n{one}  b\n".encode()).hexdigest()
    assert contents_sha256({"b": tmp_path / "x", "a": tmp_path / "y"}) == by_hand
