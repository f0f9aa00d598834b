"""A run that is killed after its training, anywhere before its end, leaves one record when it is resumed."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch

import polybench
from polybench.core.checksum import file_sha256
from polybench.core.errors import ConfigError
from polybench.experiments.evaluate import run_test
from polybench.metrics import PER_IMAGE
from polybench.results.record import Record
from tests.cli.recipes import write_recipe
from tests.experiments.one_net import write_project


class Killed(BaseException):
    """Ends a run as a signal would, as far as a process can do so to itself."""


class Unbroken(NamedTuple):
    """A recipe, and a run of it in the folder `unbroken` beside it."""

    recipe: Path
    record: Record

    @property
    def folder(self) -> Path:
        return self.recipe.parent / "unbroken"


def run(recipe: Path, folder: Path, **overrides: Any) -> Record:
    return polybench.run(recipe, leaderboard=folder / "board", **{"trainer.default_root_dir": folder, **overrides})


def records(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "board").rglob("*.*"))


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Unbroken]:
    folder = tmp_path_factory.mktemp("killed")
    recipe = write_recipe(folder, folder / "data", write_project(folder, "killed_net"), max_epochs=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("POLYBENCH_CACHE", str(folder / "cache"))
        patch.delenv("POLYBENCH_RUN_FOLDER", raising=False)
        yield Unbroken(recipe, run(recipe, folder / "unbroken"))


@pytest.fixture
def recipe(unbroken: Unbroken, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(unbroken.recipe.parent)
    monkeypatch.setenv("POLYBENCH_CACHE", str(unbroken.recipe.parent / "cache"))
    return unbroken.recipe


@pytest.fixture
def finished(recipe: Path, unbroken: Unbroken, tmp_path: Path) -> Path:
    """A copy of the unbroken run's folder."""
    shutil.copytree(unbroken.folder, tmp_path, dirs_exist_ok=True)
    return tmp_path


PLACES = {
    "before the test": "polybench.experiments.fit.best_checkpoint",
    "before the record's own file": "polybench.results.record.Record.to_json",
    "before the baselines": "polybench.experiments.record.baseline_record",
    "before the page": "polybench.results.page.write_page",
}


@pytest.mark.parametrize("place", list(PLACES))
def test_resumed_run_leaves_the_record_of_the_unbroken_one_once(
    recipe: Path, unbroken: Unbroken, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    def kill(*arguments: Any, **options: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(PLACES[place], kill)
        with pytest.raises(Killed):
            run(recipe, tmp_path)
    resumed = run(recipe, tmp_path, ckpt_path="last")
    assert records(tmp_path) == records(unbroken.folder)
    assert resumed.metrics == unbroken.record.metrics
    assert resumed.identity == unbroken.record.identity
    assert resumed.training is not None
    assert (resumed.training.epochs_run, resumed.training.best_epoch) == (1, 1)


def test_table_that_a_killed_run_left_without_its_record_is_taken_over(recipe: Path, finished: Path) -> None:
    before = records(finished)
    [path] = (finished / "board/records/clinicdb").glob("tiny-*.json")
    path.unlink()
    run(recipe, finished, ckpt_path="last")
    assert records(finished) == before


def test_finished_run_that_is_resumed_leaves_its_record_alone(recipe: Path, finished: Path) -> None:
    before = records(finished)
    [path] = (finished / "board/records/clinicdb").glob("tiny-*.json")
    text = path.read_text()
    record = run(recipe, finished, ckpt_path="last")
    assert (records(finished), path.read_text()) == (before, text)
    assert record.provenance.checkpoint_sha256 == file_sha256(finished / "checkpoints" / "best.ckpt")


def test_leftovers_of_killed_writers_are_swept_at_the_start(recipe: Path, finished: Path) -> None:
    for number, folder in enumerate((".", "checkpoints", "board", "board/records/clinicdb")):
        left = finished / folder / f".x.{number}.abcdefgh.tmp"
        left.write_text("half")
        os.utime(left, (0, 0))
    run(recipe, finished, ckpt_path="last")
    assert not list(finished.rglob(".*.tmp"))


EARLY = {
    "class_path": "EarlyStopping",
    "init_args": {"monitor": "val/loss", "mode": "min", "patience": 1, "min_delta": 10.0},
}
"""No epoch is better by that much: the second ends the training."""


def test_run_that_had_stopped_early_trains_no_further_epoch_when_it_is_resumed(recipe: Path, tmp_path: Path) -> None:
    options = {"trainer.callbacks": [EARLY], "trainer.max_epochs": 5}
    unbroken = run(recipe, tmp_path, **options)
    resumed = run(recipe, tmp_path, ckpt_path="last", **options)
    assert unbroken.training is not None
    assert resumed.training is not None
    assert unbroken.training.epochs_run == resumed.training.epochs_run == 2
    assert resumed.identity == unbroken.identity


def test_checkpoint_without_the_state_of_the_training_is_not_resumed(recipe: Path, finished: Path) -> None:
    last = finished / "checkpoints" / "last.ckpt"
    saved = torch.load(last, weights_only=True)
    torch.save({name: saved[name] for name in saved if name != "optimizer_states"}, last)
    with pytest.raises(ConfigError, match=r"holds no state to go on from \('optimizer_states' is absent\)"):
        run(recipe, finished, ckpt_path="last")


def test_recipe_of_a_second_selection_is_refused(recipe: Path, tmp_path: Path) -> None:
    second = {"class_path": "BestCheckpoint", "init_args": {"monitor": "val/loss", "mode": "min"}}
    with pytest.raises(ConfigError, match=r"BestCheckpoint selects already: leave out that in trainer.callbacks"):
        run(recipe, tmp_path, **{"trainer.callbacks": [second]})


def test_averaged_weights_are_those_of_the_record(recipe: Path, tmp_path: Path) -> None:
    average = {"class_path": "EMAWeightAveraging", "init_args": {"decay": 0.9}}
    record = run(recipe, tmp_path, **{"trainer.callbacks": [average]})
    again = ["--ckpt_path", str(tmp_path / "checkpoints" / "best.ckpt"), "--trainer.default_root_dir", str(tmp_path)]
    rows = run_test(again).rows
    assert rows is not None
    found = PER_IMAGE.scores(rows)["dice"]
    assert record.metrics[PER_IMAGE.key].values["dice"].value == pytest.approx(found, abs=1e-9)
    assert "EMAWeightAveraging" in str(record.config["trainer"]["callbacks"])
