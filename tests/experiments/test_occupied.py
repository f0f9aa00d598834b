"""A run's folder takes no second process, no other run, and no record of another run's weights."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from filelock import FileLock, Timeout

import polybench
from polybench.cli.main import run as command
from polybench.core.checksum import file_sha256
from polybench.core.errors import ConfigError
from polybench.experiments import occupied
from polybench.experiments.session import Session
from polybench.results.record import Record
from tests.cli.recipes import write_recipe
from tests.experiments.one_net import write_project


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with `tiny.yaml` and the folder `run` of a finished run."""
    folder = tmp_path_factory.mktemp("occupied")
    recipe = write_recipe(folder, folder / "data", write_project(folder, "occupied_net"), max_epochs=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("POLYBENCH_CACHE", str(folder / "cache"))
        patch.delenv("POLYBENCH_RUN_FOLDER", raising=False)
        fit(folder / "run", recipe=recipe)
        yield folder


@pytest.fixture
def folder(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the finished run's folder."""
    monkeypatch.chdir(trained)
    monkeypatch.setenv("POLYBENCH_CACHE", str(trained / "cache"))
    shutil.copytree(trained / "run", tmp_path / "run")
    return tmp_path / "run"


def fit(folder: Path, recipe: Path = Path("tiny.yaml"), **overrides: Any) -> Record:
    return polybench.run(recipe, no_leaderboard=True, **{"trainer.default_root_dir": folder, **overrides})


def files(folder: Path) -> dict[str, str]:
    """Every file with its content, but for the lock."""
    paths = (path for path in folder.rglob("*") if path.is_file() and path.name != occupied.LOCK)
    return {str(path.relative_to(folder)): file_sha256(path) for path in paths}


def locked(folder: Path, monkeypatch: pytest.MonkeyPatch) -> FileLock:
    monkeypatch.setattr(occupied, "PATIENCE", 0.0)
    return FileLock(folder / occupied.LOCK)


def test_folder_in_which_another_process_trains_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = files(folder)
    with locked(folder, monkeypatch), pytest.raises(ConfigError, match=f"Another process trains in '{folder}': wait"):
        fit(folder)
    assert files(folder) == before


def test_checkpoints_elsewhere_are_locked_too(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with locked(elsewhere, monkeypatch), pytest.raises(ConfigError, match=f"Another process trains in '{elsewhere}'"):
        fit(tmp_path / "new", **{"checkpoint.dirpath": elsewhere})


def test_folder_is_free_after_a_fit_and_locked_during_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    call = Session.call

    def look(session: Session, method: str, checkpoint: str | None) -> None:
        try:
            FileLock(folder / occupied.LOCK).acquire(timeout=0).lock.release()
        except Timeout:
            seen.append(method)
        call(session, method, checkpoint)

    monkeypatch.setattr(Session, "call", look)
    fit(folder)
    assert seen == ["fit", "test"]
    with locked(folder, monkeypatch).acquire(timeout=0):
        pass


@pytest.mark.parametrize("options", [{"seed_everything": 1}, {"trainer.max_epochs": 2}], ids=["seed", "length"])
@pytest.mark.parametrize("kept", ["best.ckpt", "last.ckpt"])
def test_folder_of_another_run_is_refused_and_stays_as_it_is(folder: Path, kept: str, options: dict[str, Any]) -> None:
    other = {"best.ckpt": "last.ckpt", "last.ckpt": "best.ckpt"}[kept]
    (folder / "checkpoints" / other).unlink()
    before = files(folder)
    with pytest.raises(ConfigError, match=f"{kept}' is the checkpoint of another run, .* --trainer.default_root_dir"):
        fit(folder, **options)
    assert files(folder) == before


def test_warm_start_in_the_folder_of_its_source_is_refused(folder: Path) -> None:
    with pytest.raises(ConfigError, match="of another run, which this one would replace"):
        fit(folder, ckpt_path=folder / "checkpoints" / "best.ckpt", seed_everything=1)


def test_run_with_another_start_is_another_run(folder: Path, tmp_path: Path) -> None:
    source = fit(tmp_path / "source", seed_everything=1)
    assert source.seed == 1
    with pytest.raises(ConfigError, match="of another run, which this one would replace"):
        fit(folder, ckpt_path=tmp_path / "source" / "checkpoints" / "best.ckpt")


def test_file_that_is_no_checkpoint_is_not_replaced(folder: Path) -> None:
    (folder / "checkpoints" / "best.ckpt").write_text("mine")
    with pytest.raises(ConfigError, match=r"best.ckpt' is the checkpoint of another run"):
        fit(folder)
    assert (folder / "checkpoints" / "best.ckpt").read_text() == "mine"


def test_same_run_again_and_a_longer_one_that_goes_on_are_allowed(folder: Path) -> None:
    again = fit(folder)
    longer = fit(folder, ckpt_path="last", **{"trainer.max_epochs": 2})
    assert again.training is not None
    assert longer.training is not None
    assert (again.training.epochs_run, longer.training.epochs_run) == (1, 2)


def other_value(saved: dict[str, Any]) -> None:
    for state in saved["callbacks"].values():
        if "best_model_score" in state:
            state["best_model_score"] = state["best_model_score"] + 0.125


def other_run(saved: dict[str, Any]) -> None:
    saved["polybench_run"]["recipe"] = "another-s0"


@pytest.mark.parametrize("change", [other_value, other_run])
def test_selected_checkpoint_that_was_replaced_is_not_tested(
    folder: Path, monkeypatch: pytest.MonkeyPatch, change: Any
) -> None:
    best, call = folder / "checkpoints" / "best.ckpt", Session.call
    before = files(folder)["record.json"]

    def replace(session: Session, method: str, checkpoint: str | None) -> None:
        assert method == "fit"
        call(session, method, checkpoint)
        saved = torch.load(best, weights_only=True)
        change(saved)
        torch.save(saved, best)

    monkeypatch.setattr(Session, "call", replace)
    with pytest.raises(ConfigError, match="is not the checkpoint that this run has selected"):
        fit(folder)
    assert files(folder)["record.json"] == before


@pytest.mark.parametrize(
    ("options", "least"),
    [
        ({"max_steps": 1}, 2),
        ({"max_steps": 3, "check_val_every_n_epoch": 2}, 4),
    ],
)
def test_run_that_ends_before_its_first_validation_is_refused(
    trained: Path, folder: Path, tmp_path: Path, options: dict[str, int], least: int
) -> None:
    options = {"max_epochs": 4, **options}
    with pytest.raises(ConfigError, match=f"before its first validation, .*: give at least {least},"):
        fit(tmp_path / "new", **{f"trainer.{name}": value for name, value in options.items()})
    assert not (tmp_path / "new" / "checkpoints" / "last.ckpt").exists()


def test_run_that_ends_before_its_first_validation_tests_nothing(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--trainer.default_root_dir", str(tmp_path / "new"), "--no_leaderboard"]
    timer = ["--trainer.callbacks+", "Timer", "--trainer.callbacks.duration", "00:00:00:00"]
    assert command(["fit", "--config", "tiny.yaml", *words, *timer]) == 2
    captured = capsys.readouterr()
    assert "The training ended before its first validation" in captured.err
    assert "dice" not in captured.out


@pytest.mark.parametrize(
    ("name", "value"),
    [("loops", {}), ("loops", {"fit_loop": {}}), ("global_step", "x"), ("optimizer_states", [{}])],
)
def test_state_that_cannot_be_restored_is_one_sentence(folder: Path, name: str, value: object) -> None:
    last = folder / "checkpoints" / "last.ckpt"
    saved = torch.load(last, weights_only=True)
    torch.save({**saved, name: value}, last)
    with pytest.raises(ConfigError, match=r"last.ckpt'.* resume from another checkpoint of the run"):
        fit(folder, ckpt_path="last")
