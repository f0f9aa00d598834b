from pathlib import Path

import pytest

from polybench import datasets
from polybench.core.errors import ConfigError, DataError
from polybench.data.module import SegmentationDataModule
from polybench.data.pooled import PooledDataModule
from polybench.datasets import ClinicDBDataModule, DRIVEDataModule, EMDataModule, FolderDataModule, PH2DataModule
from polybench.synth import polyps
from polybench.synth.dataset import write_dataset

SIZE = (32, 40)
MODULES: list[type[SegmentationDataModule]] = [getattr(datasets, name) for name in datasets.__all__]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.short_name)
def test_same_numbers_give_the_same_bytes(module: type[SegmentationDataModule], tmp_path: Path) -> None:
    n = 12 if issubclass(module, PooledDataModule) else 6
    one, again = (contents(write_dataset(module, tmp_path / name, n=n, size=SIZE).folder) for name in ("one", "again"))
    assert len(one) > 2
    assert one == again


@pytest.mark.parametrize("module", [ClinicDBDataModule, DRIVEDataModule, EMDataModule, PH2DataModule])
def test_another_seed_gives_other_images_of_the_same_names(
    module: type[SegmentationDataModule], tmp_path: Path
) -> None:
    one, other = (
        contents(write_dataset(module, tmp_path / str(seed), n=3, seed=seed, size=SIZE).folder) for seed in (0, 1)
    )
    assert one.keys() == other.keys()
    images = [name for name in one if name.endswith((".tif", ".bmp")) and "lesion" not in name]
    assert images
    assert all(one[name] != other[name] for name in images)


def test_marker_says_what_it_is_and_how_it_was_made(tmp_path: Path) -> None:
    folder = write_dataset(DRIVEDataModule, tmp_path, n=3, seed=7, size=SIZE).folder
    text = (folder / "SYNTHETIC.txt").read_text()
    assert text.startswith("SYNTHETIC IMAGES IN THE LAYOUT OF DRIVE\n")
    assert "NO IMAGE HERE SHOWS A PATIENT" in text
    assert "dataset: drive\ngenerator version: 1\nimages: 3\nseed: 7\nsize: 32x40\n" in text


def test_copy_lies_below_out_and_a_folder_of_ones_own_is_out_itself(tmp_path: Path) -> None:
    assert write_dataset(ClinicDBDataModule, tmp_path / "a", n=3, size=SIZE).folder == tmp_path / "a" / "CVC-ClinicDB"
    assert write_dataset(FolderDataModule, tmp_path / "b", n=3, size=SIZE).folder == tmp_path / "b"


def test_subsets_of_the_default_list_are_counted(tmp_path: Path) -> None:
    written = write_dataset(ClinicDBDataModule, tmp_path, n=11, size=SIZE)
    assert written.subsets == {"train": 9, "val": 1, "test": 1}  # the list is 490/61/61


def test_second_call_leaves_the_copy_alone(tmp_path: Path) -> None:
    first = write_dataset(ClinicDBDataModule, tmp_path, n=3, size=SIZE)
    times = {path: path.stat().st_mtime_ns for path in first.folder.rglob("*")}
    second = write_dataset(ClinicDBDataModule, tmp_path, n=3, size=SIZE)
    assert (first.new, second.new) == (True, False)
    assert {path: path.stat().st_mtime_ns for path in first.folder.rglob("*")} == times


@pytest.mark.parametrize(("n", "seed"), [(4, 0), (3, 1)])
def test_other_numbers_are_refused(n: int, seed: int, tmp_path: Path) -> None:
    folder = write_dataset(ClinicDBDataModule, tmp_path, n=3, size=SIZE).folder
    before = contents(folder)
    with pytest.raises(DataError, match=r"CVC-ClinicDB' holds synthetic images of another"):
        write_dataset(ClinicDBDataModule, tmp_path, n=n, seed=seed, size=SIZE)
    assert contents(folder) == before


def test_folder_with_something_else_is_refused_and_kept(tmp_path: Path) -> None:
    (tmp_path / "CVC-ClinicDB").mkdir()
    (tmp_path / "CVC-ClinicDB" / "1.tif").write_bytes(b"a patient's")
    with pytest.raises(DataError, match=r"CVC-ClinicDB' is not empty and has no SYNTHETIC\.txt"):
        write_dataset(ClinicDBDataModule, tmp_path, n=3, size=SIZE)
    assert contents(tmp_path) == {"CVC-ClinicDB/1.tif": b"a patient's"}


def test_interrupted_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw, calls = polyps.render, iter(range(100))

    def stop_at_third(*arguments: object) -> object:
        if next(calls) == 2:
            raise KeyboardInterrupt
        return draw(*arguments)

    monkeypatch.setattr(polyps, "render", stop_at_third)
    with pytest.raises(KeyboardInterrupt):
        write_dataset(ClinicDBDataModule, tmp_path, n=6, size=SIZE)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("n", "seed", "size", "message"),
    [
        (2, 0, SIZE, r"Of clinicdb 3 \(one of each part and subset\) to 612 images can be generated, not 2"),
        (613, 0, SIZE, r"to 612 images can be generated, not 613"),
        (3, -1, SIZE, r"seed must be at least 0, not -1"),
        (3, 0, (31, 40), r"size must be 32 to 8192 pixels each way, not 31 40"),
        (3, 0, (40, 9000), r"size must be 32 to 8192 pixels each way, not 40 9000"),
    ],
)
def test_impossible_numbers_are_refused(n: int, seed: int, size: tuple[int, int], message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=message):
        write_dataset(ClinicDBDataModule, tmp_path, n=n, seed=seed, size=size)
    assert list(tmp_path.iterdir()) == []
