import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from polybench.core.errors import ConfigError, DataError
from polybench.synth import polyps
from polybench.synth.clinicdb import write_clinicdb_like
from polybench.synth.polyps import polyp_frame

SMALL = (36, 48)


def write(folder: Path, *, images: int = 7, seed: int = 0) -> None:
    write_clinicdb_like(folder, images=images, frames_per_sequence=3, size=SMALL, seed=seed, progress=False)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("synth") / "set"
    write(folder)
    return folder


def test_layout_is_that_of_clinicdb(dataset: Path) -> None:
    frames = {f"{folder}/{number}.tif" for folder in ("Original", "Ground Truth") for number in range(1, 8)}
    assert contents(dataset).keys() == frames | {"README.txt", "synthetic.json"}


def test_images_are_rgb_and_masks_one_channel_of_0_and_255(dataset: Path) -> None:
    for number in range(1, 8):
        with Image.open(dataset / "Original" / f"{number}.tif") as image:
            assert (image.mode, image.size, image.format) == ("RGB", (48, 36), "TIFF")
        with Image.open(dataset / "Ground Truth" / f"{number}.tif") as mask:
            assert (mask.mode, mask.size) == ("L", (48, 36))
            assert set(np.unique(mask)) == {0, 255}


def test_readme_has_the_official_tables_style(dataset: Path) -> None:
    text = (dataset / "README.txt").read_text(encoding="latin-1")
    rows = re.findall(r"\|\s+(\d+) to\s+(\d+)\s+\|\s*(\d+)\s*\|", text)
    assert rows == [("1", "3", "1"), ("4", "6", "2"), ("7", "7", "3")]


def test_readme_says_synthetic_first(dataset: Path) -> None:
    assert (dataset / "README.txt").read_text().startswith("SYNTHETIC - NOT CVC-ClinicDB")


def test_same_seed_gives_the_same_bytes(dataset: Path, tmp_path: Path) -> None:
    write(tmp_path / "again")
    assert contents(tmp_path / "again") == contents(dataset)


def test_a_frame_does_not_depend_on_those_made_before(dataset: Path) -> None:
    for number in (7, 2, 5, 1):
        image, mask = polyp_frame(0, (number - 1) // 3, (number - 1) % 3, size=SMALL)
        assert np.array_equal(image, np.asarray(Image.open(dataset / "Original" / f"{number}.tif")))
        assert np.array_equal(mask, np.asarray(Image.open(dataset / "Ground Truth" / f"{number}.tif")) == 255)


def test_interrupted_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw = polyps.render
    calls = iter(range(100))

    def stop_at_third(*arguments: object) -> object:
        if next(calls) == 2:
            raise KeyboardInterrupt
        return draw(*arguments)

    monkeypatch.setattr(polyps, "render", stop_at_third)
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "set")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("rival_seed", [0, 1])
def test_the_slower_of_two_writers_gives_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rival_seed: int) -> None:
    draw = polyps.render

    def let_a_rival_finish(*arguments: object) -> object:
        monkeypatch.setattr(polyps, "render", draw)
        write(tmp_path / "set", images=2, seed=rival_seed)
        return draw(*arguments)

    monkeypatch.setattr(polyps, "render", let_a_rival_finish)
    if rival_seed == 0:
        write(tmp_path / "set", images=2)
    else:
        with pytest.raises(DataError, match="seed 1"):
            write(tmp_path / "set", images=2)
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_a_complete_dataset_is_left_alone(dataset: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in dataset.rglob("*")}
    write(dataset)
    assert {path: path.stat().st_mtime_ns for path in dataset.rglob("*")} == before


def test_other_parameters_are_refused(dataset: Path) -> None:
    with pytest.raises(DataError, match=r"seed 0, not .*seed 5"):
        write(dataset, seed=5)


def test_a_folder_with_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").touch()
    with pytest.raises(DataError, match=r"no readable synthetic\.json"):
        write(tmp_path)


def test_a_lost_frame_is_noticed(tmp_path: Path) -> None:
    write(tmp_path / "set", images=2)
    (tmp_path / "set" / "Ground Truth" / "2.tif").unlink()
    with pytest.raises(DataError, match=r"2\.tif"):
        write(tmp_path / "set", images=2)


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    write(tmp_path / "set", images=1)
    assert (tmp_path / "set" / "Original" / "1.tif").is_file()


def test_an_empty_dataset_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="at least 1 image"):
        write(tmp_path / "set", images=0)
    assert list(tmp_path.iterdir()) == []
