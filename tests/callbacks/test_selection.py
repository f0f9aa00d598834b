"""Polybench's own callback selects, by validation, whatever others there are; what selects otherwise is refused."""

import shutil
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import nn

from polybench.callbacks import BestCheckpoint
from polybench.callbacks.selection import checkpoint_folder, find_selection, selection_of
from polybench.core.errors import ConfigError
from polybench.losses import BCEDiceLoss
from polybench.tasks import SegmentationTask
from tests.tasks.named_outputs import fit


def task(rate: float = 0.05) -> SegmentationTask:
    torch.manual_seed(0)
    return SegmentationTask(nn.Conv2d(3, 1, 1), BCEDiceLoss(), partial(torch.optim.SGD, lr=rate))


def every_epoch(folder: Path) -> ModelCheckpoint:
    return ModelCheckpoint(folder / "all", "{epoch}", save_top_k=-1)


def trained(root: Path, folder: Path, *others: ModelCheckpoint, epochs: int = 3, **options: Any) -> Trainer:
    best = BestCheckpoint(folder / "own")
    options = {"enable_checkpointing": True, **options}
    return fit(root, task(), epochs, callbacks=[*others, best], **options)


def test_other_checkpoints_select_nothing(data_root: Path, tmp_path: Path) -> None:
    trainer = trained(data_root, tmp_path, every_epoch(tmp_path), ModelCheckpoint(tmp_path / "x", monitor="train/loss"))
    found = selection_of(trainer)
    assert found.best_model_path == str(tmp_path / "own" / "best.ckpt")
    assert trainer.checkpoint_callback is not found  # of several, Lightning means the first
    assert checkpoint_folder(trainer) == tmp_path / "own"


def test_another_one_with_the_same_settings_may_stand_beside_it(data_root: Path, tmp_path: Path) -> None:
    other = ModelCheckpoint(tmp_path / "other", monitor="val/dice", mode="max")
    trainer = trained(data_root, tmp_path, other)
    assert other.best_model_score == selection_of(trainer).best_model_score


def test_the_best_is_that_of_the_largest_validation(data_root: Path, tmp_path: Path) -> None:
    trainer = trained(data_root, tmp_path, every_epoch(tmp_path), epochs=4)
    selected = torch.load(tmp_path / "own" / "best.ckpt", weights_only=True)
    [state] = [one for key, one in selected["callbacks"].items() if key.startswith("BestCheckpoint")]
    scores = []
    for path in sorted((tmp_path / "all").glob("*.ckpt")):
        saved = torch.load(path, weights_only=True)
        made = task()
        made.load_state_dict(saved["state_dict"])
        [found] = Trainer(accelerator="cpu", logger=False, enable_progress_bar=False).validate(
            made,
            trainer.datamodule,  # type: ignore[attr-defined]
            verbose=False,
        )
        scores.append(found["val/dice"])
    assert float(state["best_model_score"]) == pytest.approx(max(scores))
    assert selected["epoch"] == scores.index(max(scores))


def test_what_lightnings_own_callback_selected_is_taken_up(data_root: Path, tmp_path: Path) -> None:
    """Runs that were interrupted before there was a BestCheckpoint go on with their best."""
    folder = tmp_path / "own"
    former = ModelCheckpoint(
        folder, "best", monitor="val/dice", mode="max", save_last=True, enable_version_counter=False
    )
    fit(data_root, task(), 2, callbacks=[former], enable_checkpointing=True)
    shutil.copy(folder / "last.ckpt", tmp_path / "interrupted.ckpt")
    resumed = trained(data_root, tmp_path, epochs=2, checkpoint=tmp_path / "interrupted.ckpt")
    found = selection_of(resumed)
    assert found.best_model_path == former.best_model_path
    assert found.best_model_score == former.best_model_score


def test_a_trainer_that_selects_nothing_is_refused() -> None:
    trainer = Trainer(accelerator="cpu", logger=False, callbacks=[ModelCheckpoint()])
    assert find_selection(trainer) is None
    with pytest.raises(ConfigError, match=r"Nothing is selected: add .*BestCheckpoint"):
        selection_of(trainer)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"save_top_k": 3}, "checkpoint.save_top_k can't be 3, since one checkpoint is selected"),
        ({"save_top_k": 0}, "save_top_k can't be 0"),
        ({"save_weights_only": True}, "save_weights_only can't be True"),
        ({"every_n_train_steps": 5}, "every_n_train_steps can't be 5"),
        ({"every_n_epochs": 2}, "every_n_epochs can't be 2"),
        ({"train_time_interval": timedelta(minutes=1)}, "train_time_interval can't be 0:01:00"),
        ({"save_on_train_epoch_end": True}, "save_on_train_epoch_end can't be True"),
        ({"monitor": None}, "must be what validation logs, such as val/dice, not None"),
        ({"monitor": "train/loss"}, "must be what validation logs"),
        ({"monitor": "val/loss"}, "checkpoint.mode max would select the worst val/loss: use min"),
        ({"monitor": "val/auc", "mode": "min"}, "worst val/auc: use max"),
        ({"monitor": "val/pranet/mae"}, "worst val/pranet/mae: use min"),
        ({"mode": "best"}, "checkpoint.mode must be min or max, not best"),
        ({"filename": "{epoch}"}, "filename can't be {epoch}, since every command looks for best.ckpt"),
        ({"enable_version_counter": True}, "enable_version_counter can't be True"),
        ({"save_on_exception": True}, "save_on_exception can't be True"),
        ({"save_last": "link"}, "save_last can't be link, since last.ckpt is a file of its own"),
    ],
)
def test_options_that_select_something_else_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        BestCheckpoint(**options)


@pytest.mark.parametrize(
    "options",
    [
        {"monitor": "val/loss", "mode": "min"},
        {"monitor": "val/auc"},
        {"monitor": "val/fov/dice"},
        {"monitor": "val/edge_error", "mode": "min"},
        {"every_n_epochs": 1, "save_on_train_epoch_end": False},
        {"save_last": False, "verbose": True},
    ],
)
def test_other_options_are_free(options: dict[str, Any]) -> None:
    BestCheckpoint(**options)
