"""Means of an epoch that is interrupted are of all its batches."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from polybench.tasks import SegmentationTask
from tests.tasks.named_outputs import AreaAndEdges, TwoHeads, fit


class Means(Callback):
    """Notes the loss of each batch and the means of each epoch; saves at one moment."""

    def __init__(self, stop: tuple[int, int, str] | None = None, path: Path | None = None) -> None:
        self.stop, self.path = stop, path
        self.losses: list[float] = []
        self.means: dict[int, dict[str, float]] = {}

    def _maybe(self, trainer: Trainer, batch: int, moment: str) -> None:
        if self.path is not None and (trainer.current_epoch, batch, moment) == self.stop:
            trainer.save_checkpoint(self.path)

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        self._maybe(trainer, batch_idx, "start")

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self.losses.append(float(outputs["loss"]))
        self._maybe(trainer, batch_idx, "end")

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._maybe(trainer, -1, "validated")

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        logged = {name: float(value) for name, value in trainer.callback_metrics.items()}
        names = ("train/loss", "train/area", "train/edge_error")
        self.means[trainer.current_epoch] = {name: logged[name] for name in names}
        self._maybe(trainer, -1, "epoch")


def train(root: Path, means: Means, checkpoint: Path | None = None, batch_size: int = 2, **options: Any) -> float:
    """The loss of the second of two epochs of three batches."""
    torch.manual_seed(2)
    task = SegmentationTask(TwoHeads(), AreaAndEdges(), partial(torch.optim.SGD, lr=0.1))
    trainer = fit(root, task, 2, {"batch_size": batch_size}, callbacks=[means], checkpoint=checkpoint, **options)
    return float(trainer.callback_metrics["train/loss"])


@pytest.mark.parametrize(
    "stop",
    [(0, 2, "start"), (0, 0, "end"), (1, 1, "start"), (0, -1, "validated"), (0, -1, "epoch")],
    ids=["before", "after", "second", "validated", "between"],
)
def test_mean_of_an_interrupted_epoch_is_of_all_its_batches(
    data_root: Path, tmp_path: Path, stop: tuple[int, int, str]
) -> None:
    straight, resumed, path = Means(stop, tmp_path / "stop.ckpt"), Means(), tmp_path / "stop.ckpt"
    train(data_root, straight)
    by_hand = [sum(straight.losses[:3]) / 3, sum(straight.losses[3:]) / 3]
    assert [straight.means[epoch]["train/loss"] for epoch in (0, 1)] == pytest.approx(by_hand, rel=1e-6)
    train(data_root, resumed, path)
    assert resumed.means.items() <= straight.means.items()
    assert 1 in resumed.means
    assert (0 in resumed.means) == (stop[0] == 0 and stop[2] != "epoch")


def test_run_that_stops_again_at_once_loses_nothing(data_root: Path, tmp_path: Path) -> None:
    straight, again, resumed = (
        Means((0, 1, "start"), tmp_path / "1.ckpt"),
        Means((0, 1, "start"), tmp_path / "2.ckpt"),
        Means(),
    )
    train(data_root, straight)
    train(data_root, again, tmp_path / "1.ckpt")
    train(data_root, resumed, tmp_path / "2.ckpt")
    assert straight.means == again.means == resumed.means


@pytest.mark.ddp
def test_mean_of_two_processes_is_of_all_batches(data_root: Path, tmp_path: Path) -> None:
    path, options = tmp_path / "stop.ckpt", {"batch_size": 2, "devices": 2, "strategy": "ddp_fork"}
    expected = train(data_root, Means((1, 2, "start"), path), **options)
    assert train(data_root, Means(), path, **options) == pytest.approx(expected, rel=1e-6)
