"""Every place that needs the selected checkpoint takes polybench's own, beside a user's that selects the worst."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger
from safetensors.torch import load_file
from torch import Tensor, nn

from polybench.callbacks import BestCheckpoint
from polybench.callbacks.selection import selection_of, set_apart
from polybench.losses import BCEDiceLoss
from polybench.methods.transfer import TransferCallback
from polybench.tasks import SegmentationTask
from tests.tasks.named_outputs import fit


class Net(nn.Module):
    """An encoder of one convolution, and a head."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.head = nn.Conv2d(3, 2, 1), nn.Conv2d(2, 1, 1)

    def forward(self, images: Tensor) -> Tensor:
        out: Tensor = self.head(self.encoder(images))
        return out


class Noting(CSVLogger):
    """Notes which callbacks have saved, as loggers do that keep a run's checkpoint as an artifact."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.saved: list[str] = []

    def after_save_checkpoint(self, checkpoint_callback: Any) -> None:
        self.saved.append(str(checkpoint_callback.dirpath))


def trained(root: Path, folder: Path, **options: Any) -> Trainer:
    """Three epochs whose losses fall; the user's own callback keeps the epoch of the largest loss."""
    torch.manual_seed(0)
    task = SegmentationTask(Net(), BCEDiceLoss(), partial(torch.optim.SGD, lr=0.05))
    best = BestCheckpoint(folder / "own", monitor="val/loss", mode="min")
    worst = ModelCheckpoint(folder / "worst", "best", monitor="train/loss", mode="max", save_last=True)
    epochs = options.pop("epochs", 3)
    callbacks = [worst, best, *options.pop("callbacks", [])]
    return fit(root, task, epochs, callbacks=callbacks, enable_checkpointing=True, **options)


def test_trained_backbone_is_that_of_the_selected_checkpoint(data_root: Path, tmp_path: Path) -> None:
    trained(data_root, tmp_path, callbacks=[TransferCallback(None)])
    saved = {name: torch.load(tmp_path / name / "best.ckpt", weights_only=True) for name in ("own", "worst")}
    assert (saved["own"]["epoch"], saved["worst"]["epoch"]) == (2, 0)
    exported = load_file(tmp_path / "own" / "encoder.safetensors")
    assert torch.equal(exported["weight"], saved["own"]["state_dict"]["net.encoder.weight"])
    assert not torch.equal(exported["weight"], saved["worst"]["state_dict"]["net.encoder.weight"])


def test_loggers_keep_the_selected_checkpoint(data_root: Path, tmp_path: Path) -> None:
    logger = Noting(tmp_path)
    trained(data_root, tmp_path, logger=logger)
    assert logger.saved[-1] == str(tmp_path / "own")


def test_resumed_run_takes_up_the_selection_of_its_own(data_root: Path, tmp_path: Path) -> None:
    trained(data_root, tmp_path, epochs=2)
    resumed = trained(data_root, tmp_path, checkpoint=tmp_path / "own" / "last.ckpt")
    found = selection_of(resumed)
    assert found.best_model_path == str(tmp_path / "own" / "best.ckpt")
    assert torch.load(found.best_model_path, weights_only=True)["epoch"] == 2


def test_last_checkpoint_knows_what_a_users_callback_has_saved(data_root: Path, tmp_path: Path) -> None:
    """It is written after the states of all callbacks have changed."""
    trainer = trained(data_root, tmp_path, epochs=1)
    callbacks = list(reversed(trainer.callbacks))  # type: ignore[attr-defined]
    set_apart(callbacks, tmp_path / "own")
    assert isinstance(callbacks[-1], BestCheckpoint)
    states = torch.load(tmp_path / "own" / "last.ckpt", weights_only=True)["callbacks"]
    [other] = [state for key, state in states.items() if key.startswith("ModelCheckpoint")]
    assert other["best_model_path"] == str(tmp_path / "worst" / "best.ckpt")


@pytest.mark.parametrize("name", ["best.ckpt", "last.ckpt"])
def test_users_callback_may_use_the_same_names(data_root: Path, tmp_path: Path, name: str) -> None:
    trained(data_root, tmp_path, epochs=1)
    assert (tmp_path / "own" / name).is_file()
    assert (tmp_path / "worst" / name).is_file()
