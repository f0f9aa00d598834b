import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage.filters import threshold_otsu

from polybench.datasets import synth
from polybench.datasets.synth import polyp_frame, write_clinicdb_like
from polybench.errors import ConfigError, DataError

SMALL = (36, 48)


def write(folder: Path, *, images: int = 7, seed: int = 0) -> None:
    write_clinicdb_like(folder, images=images, frames_per_sequence=3, size=SMALL, seed=seed, progress=False)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


def iou(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / (one | other).sum())


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("synth") / "set"
    write(folder)
    return folder


@pytest.fixture(scope="module")
def sequences() -> list[tuple[np.ndarray, np.ndarray]]:
    """The first frame of 24 sequences."""
    return [polyp_frame(0, sequence, 0, size=SMALL) for sequence in range(24)]


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


def test_another_seed_gives_other_frames() -> None:
    assert not np.array_equal(polyp_frame(0, 0, 0, size=SMALL)[1], polyp_frame(1, 0, 0, size=SMALL)[1])


def test_a_frame_does_not_depend_on_those_made_before(dataset: Path) -> None:
    for number in (7, 2, 5, 1):
        image, mask = polyp_frame(0, (number - 1) // 3, (number - 1) % 3, size=SMALL)
        assert np.array_equal(image, np.asarray(Image.open(dataset / "Original" / f"{number}.tif")))
        assert np.array_equal(mask, np.asarray(Image.open(dataset / "Ground Truth" / f"{number}.tif")) == 255)


def test_global_generator_is_neither_read_nor_moved() -> None:
    np.random.seed(1)
    first = polyp_frame(0, 3, 1, size=SMALL)[0]
    assert np.random.rand() == pytest.approx(0.417022004702574)  # first draw of MT19937 seeded with 1
    assert np.array_equal(polyp_frame(0, 3, 1, size=SMALL)[0], first)


@pytest.mark.parametrize("sequence", range(6))
def test_neighbouring_frames_show_the_same_polyp_a_little_moved(sequence: int) -> None:
    frames = [polyp_frame(0, sequence, time, size=SMALL) for time in range(10)]
    for (image, mask), (next_image, next_mask) in pairwise(frames):
        assert iou(mask, next_mask) > 0.5
        assert not np.array_equal(image, next_image)
    assert min(iou(frames[0][1], mask) for _, mask in frames) < 0.95


def test_sequences_differ(sequences: list[tuple[np.ndarray, np.ndarray]]) -> None:
    overlaps = [iou(one[1], other[1]) for i, one in enumerate(sequences) for other in sequences[:i]]
    assert np.mean(overlaps) < 0.3
    colours = np.array([image[image.max(2) > 40].mean(0) for image, _ in sequences])
    assert (colours.std(0) > 8).all()


def test_polyps_cover_a_realistic_share_of_the_frame(sequences: list[tuple[np.ndarray, np.ndarray]]) -> None:
    shares = [mask.mean() for _, mask in sequences]
    assert min(shares) > 0.02
    assert max(shares) < 0.25
    assert 0.07 < np.mean(shares) < 0.11  # CVC-ClinicDB: 0.095


def test_corners_are_dark_and_never_polyp(sequences: list[tuple[np.ndarray, np.ndarray]]) -> None:
    for image, mask in sequences:
        for row, column in ((0, 0), (0, -1), (-1, 0), (-1, -1)):
            assert image[row, column].max() < 32
            assert not mask[row, column]


def test_a_threshold_does_not_separate_the_polyp(sequences: list[tuple[np.ndarray, np.ndarray]]) -> None:
    best = []
    for image, mask in sequences:
        grey = image.mean(2)
        bright = grey > threshold_otsu(grey)
        best.append(max(2 * (mask & side).sum() / (mask.sum() + side.sum()) for side in (bright, ~bright)))
    assert np.mean(best) < 0.45


def test_interrupted_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw = synth.render
    calls = iter(range(100))

    def stop_at_third(*arguments: object) -> object:
        if next(calls) == 2:
            raise KeyboardInterrupt
        return draw(*arguments)

    monkeypatch.setattr(synth, "render", stop_at_third)
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "set")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("rival_seed", [0, 1])
def test_the_slower_of_two_writers_gives_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rival_seed: int) -> None:
    draw = synth.render

    def let_a_rival_finish(*arguments: object) -> object:
        monkeypatch.setattr(synth, "render", draw)
        write(tmp_path / "set", images=2, seed=rival_seed)
        return draw(*arguments)

    monkeypatch.setattr(synth, "render", let_a_rival_finish)
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


def test_impossible_frames_are_refused() -> None:
    with pytest.raises(ConfigError, match="seed -1"):
        polyp_frame(-1, 0, 0)
    with pytest.raises(ConfigError, match="at least 16 pixels"):
        polyp_frame(0, 0, 0, size=(8, 48))


def test_an_empty_dataset_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="at least 1 image"):
        write(tmp_path / "set", images=0)
    assert list(tmp_path.iterdir()) == []
