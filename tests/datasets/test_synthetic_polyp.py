"""Where the frames of the quickstart are written."""

from pathlib import Path

import pytest

from polybench.cli.main import run
from polybench.core.errors import DataError
from polybench.datasets import SyntheticPolypDataModule, synthetic_polyp
from polybench.synth.clinicdb import write_clinicdb_like
from tests.cli.recipes import write_recipe


@pytest.fixture(autouse=True)
def few_small_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    def write(folder: Path, **numbers: int) -> None:
        write_clinicdb_like(folder, **(numbers | {"images": 10}), size=(32, 40), progress=False)

    monkeypatch.setattr(synthetic_polyp, "write_clinicdb_like", write)


def test_frames_are_written_into_the_cache_and_not_below_the_folder_of_datasets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "datasets"
    (root / "synthetic-polyp").mkdir(parents=True)
    monkeypatch.setenv("POLYBENCH_DATA", str(root))
    data = SyntheticPolypDataModule()
    with pytest.raises(DataError):
        SyntheticPolypDataModule(root=str(tmp_path)).sources()
    data.generate_images()
    assert data.directory == tmp_path / "cache" / "generated" / "synthetic-polyp"
    assert len(data.sources()) == 10
    assert list(root.rglob("*")) == [root / "synthetic-polyp"]


def test_frames_below_the_folder_of_datasets_are_read(tmp_path: Path) -> None:
    write_clinicdb_like(tmp_path / "synthetic-polyp", images=10, frames_per_sequence=5, size=(32, 40), progress=False)
    data = SyntheticPolypDataModule(root=str(tmp_path))
    data.generate_images()
    assert data.directory == tmp_path / "synthetic-polyp"
    assert not (tmp_path / "cache" / "generated").exists()


def test_no_command_writes_below_the_folder_of_datasets(
    tmp_path: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("POLYBENCH_DATA", str(data_root))
    recipe = str(write_recipe(tmp_path, data_root, max_epochs=1, default_root_dir=str(tmp_path / "run")))
    before = {path: path.stat().st_mtime_ns for path in (data_root, *data_root.rglob("*"))}
    frames = ["clinicdb", "--split", str(data_root / "split.csv")]
    checkpoint = ["--ckpt_path", "run/checkpoints/best.ckpt"]
    images = ["--images", str(data_root / "CVC-ClinicDB" / "Original"), "--out", "masks"]
    assert run(["fit", "--config", recipe, "--no_leaderboard"]) == 0
    assert run(["test", "--config", recipe, *checkpoint]) == 0
    assert run(["predict", "--config", recipe, *checkpoint, *images]) == 0
    assert run(["data", "verify", *frames]) == 1
    assert run(["data", "audit", *frames, "--out", "report"]) == 0
    assert {path: path.stat().st_mtime_ns for path in (data_root, *data_root.rglob("*"))} == before
