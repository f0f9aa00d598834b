"""Records of datasets of the user's own: compared where their module is in the current folder."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from polybench.cli.main import run
from polybench.runs.stale import stale_table
from tests.cli.recipes import write_recipe
from tests.conftest import write_frames, write_split

MODULE = """
from polybench.datasets import ClinicDBDataModule
"""

DATASET = """
class {name}DataModule(ClinicDBDataModule):
    short_name = "{name}_frames"
    folder = "{name}"
    default_split = "all"
"""

NAMES = ("first", "second")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a module of two datasets, the data of both, and a record of each."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    Path("own_stale_sets.py").write_text(MODULE + "".join(DATASET.format(name=name) for name in NAMES))
    recipe = yaml.safe_load(write_recipe(tmp_path, tmp_path, max_epochs=1).read_text())
    for name in NAMES:
        write_frames(tmp_path / "data" / name)
        (tmp_path / "splits" / f"{name}_frames").mkdir(parents=True)
        write_split(tmp_path / "splits" / f"{name}_frames" / "all.csv")
        data = {"root": "data", "size": [24, 32], "batch_size": 3, "eval_batch_size": 2}
        recipe |= {"name": name, "data": {"class_path": f"own_stale_sets.{name}DataModule", "init_args": data}}
        Path(f"{name}.yaml").write_text(yaml.safe_dump(recipe))
        assert run(["fit", "--config", f"{name}.yaml"]) == 0
    forget(tmp_path)
    yield tmp_path
    forget(tmp_path)


def forget(folder: Path) -> None:
    """Be as a new process, which has not imported the module."""
    sys.modules.pop("own_stale_sets", None)
    sys.path[:] = [one for one in sys.path if one != str(folder)]


def test_datasets_of_a_module_of_the_current_folder_are_compared(place: Path) -> None:
    found = stale_table(place / "leaderboards")
    assert not found.rows
    assert found.notes == ("0 of 8 records are out of date.",)


def test_module_that_is_not_here_is_said_and_not_that_the_data_are_not(place: Path) -> None:
    (place / "own_stale_sets.py").unlink()
    found = stale_table(place / "leaderboards")
    assert len(found.rows) == len(NAMES)
    assert all("No module named 'own_stale_sets'" in note for note in found.notes[1:])
    assert [note.partition(":")[0] for note in found.notes[1:]] == [
        f"The copy of {name}_frames is not compared" for name in NAMES
    ]
