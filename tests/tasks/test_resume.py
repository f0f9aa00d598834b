"""A run that is interrupted anywhere goes on with the very next sample, and ends with the same weights."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, LightningModule, Trainer, seed_everything
from lightning.pytorch.cli import ReduceLROnPlateau
from torch import nn

from polybench.callbacks import AtomicCheckpointIO, BestCheckpoint, ResumeCallback
from polybench.datasets import ClinicDBDataModule
from polybench.losses import BCEDiceLoss
from polybench.tasks import SegmentationTask
from polybench.tasks.schedules import Poly


class Diary(Callback):
    """Notes what is trained on, and leaves a checkpoint at one moment."""

    def __init__(self, stop: tuple[int, int, str] | None = None, path: Path | None = None) -> None:
        self.stop, self.path = stop, path
        self.seen: list[tuple[int, str]] = []
        self.rates: list[float] = []
        self.done_at_stop = 0

    def _maybe(self, trainer: Trainer, batch_idx: int, moment: str) -> None:
        if self.path is not None and (trainer.current_epoch, batch_idx, moment) == self.stop:
            trainer.save_checkpoint(self.path)
            self.done_at_stop = len(self.seen)

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        self._maybe(trainer, batch_idx, "start")
        self.rates.append(trainer.optimizers[0].param_groups[0]["lr"])
        self.seen += [(trainer.current_epoch, image_id) for image_id in batch["id"]]

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self._maybe(trainer, batch_idx, "end")

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._maybe(trainer, -1, "validated")

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._maybe(trainer, -1, "epoch")


def train(
    root: Path,
    folder: Path,
    diary: Callback,
    checkpoint: Path | None = None,
    workers: int = 0,
    every: int = 0,
    accumulate: int = 1,
    scheduler: Any = None,
    **length: Any,
) -> dict[str, torch.Tensor]:
    seed_everything(0)
    layers = [nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.2), nn.Conv2d(4, 1, 1)]
    task = SegmentationTask(nn.Sequential(*layers), BCEDiceLoss(), lr_scheduler=scheduler)
    data = ClinicDBDataModule(
        str(root), (16, 24), str(root / "split.csv"), batch_size=2, num_workers=workers, augment="standard"
    )
    resume = ResumeCallback()
    resume.every = every
    trainer = Trainer(
        accumulate_grad_batches=accumulate,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[resume, diary],
        plugins=[AtomicCheckpointIO()],
        default_root_dir=folder,
        num_sanity_val_steps=0,
        **{"max_epochs": 3, **length},
    )
    trainer.fit(task, datamodule=data, ckpt_path=checkpoint)
    return task.state_dict()


STOPS = [(1, 1, "start"), (2, 0, "start"), (0, 0, "end"), (1, 1, "end"), (1, 2, "end"), (1, -1, "validated")]


@pytest.mark.parametrize("stop", [*STOPS, (1, -1, "epoch")])
def test_interrupted_run_ends_where_the_straight_one_does(
    data_root: Path, tmp_path: Path, stop: tuple[int, int, str]
) -> None:
    straight = Diary(stop, tmp_path / "interrupted.ckpt")
    expected = train(data_root, tmp_path, straight)
    resumed = Diary()
    found = train(data_root, tmp_path, resumed, tmp_path / "interrupted.ckpt")
    assert resumed.seen == straight.seen[straight.done_at_stop :]
    assert all(torch.equal(expected[key], found[key]) for key in expected)


BY_EPOCH = partial(torch.optim.lr_scheduler.ExponentialLR, gamma=0.5)


@pytest.mark.parametrize(
    ("every", "scheduler"), [(2, None), (2, BY_EPOCH), (3, BY_EPOCH)], ids=["2-constant", "2-by-epoch", "3-by-epoch"]
)
def test_epoch_that_is_over_is_left_in_a_run_whose_length_is_in_steps(
    data_root: Path, tmp_path: Path, every: int, scheduler: Any
) -> None:
    length: dict[str, Any] = {"max_epochs": -1, "max_steps": 8, "val_check_interval": every}
    options = {**length, "check_val_every_n_epoch": None, "scheduler": scheduler}  # epochs of three batches
    straight, resumed = Diary((1, -1, "epoch"), tmp_path / "interrupted.ckpt"), Diary()
    expected = train(data_root, tmp_path, straight, **options)
    found = train(data_root, tmp_path, resumed, tmp_path / "interrupted.ckpt", **options)
    assert resumed.seen == straight.seen[straight.done_at_stop :]
    assert resumed.rates == straight.rates[straight.done_at_stop // 2 :]
    assert all(torch.equal(expected[key], found[key]) for key in expected)


PLATEAU = partial(ReduceLROnPlateau, monitor="val/loss", mode="max", patience=0, factor=0.5)


@pytest.mark.parametrize("stop", [(0, 0, "end"), (1, 1, "start"), (1, 1, "end"), (1, -1, "epoch"), (2, 0, "start")])
def test_learning_rate_of_a_plateau_is_that_of_the_straight_run(
    data_root: Path, tmp_path: Path, stop: tuple[int, int, str]
) -> None:
    expected = train(data_root, tmp_path, Diary(stop, tmp_path / "interrupted.ckpt"), scheduler=PLATEAU)
    found = train(data_root, tmp_path, Diary(), tmp_path / "interrupted.ckpt", scheduler=PLATEAU)
    assert all(torch.equal(expected[key], found[key]) for key in expected)
    without = train(data_root, tmp_path, Diary())
    assert not all(torch.equal(expected[key], without[key]) for key in expected)  # the rate did fall


SCHEDULES = {
    "poly": partial(Poly, warmup_steps=3),
    "cycle": partial(torch.optim.lr_scheduler.OneCycleLR, max_lr=0.01, total_steps=9),
    "cosine": partial(torch.optim.lr_scheduler.CosineAnnealingLR, T_max=3),
}


@pytest.mark.parametrize("name", list(SCHEDULES))
@pytest.mark.parametrize("stop", [(0, 1, "end"), (1, 0, "start"), (1, 1, "end"), (1, 2, "end"), (1, -1, "epoch")])
def test_schedule_of_a_resumed_run_is_that_of_the_straight_one(
    data_root: Path, tmp_path: Path, name: str, stop: tuple[int, int, str]
) -> None:
    scheduler = SCHEDULES[name]
    straight, resumed = Diary(stop, tmp_path / "interrupted.ckpt"), Diary()
    expected = train(data_root, tmp_path, straight, scheduler=scheduler)
    found = train(data_root, tmp_path, resumed, tmp_path / "interrupted.ckpt", scheduler=scheduler)
    assert resumed.rates == straight.rates[straight.done_at_stop // 2 :]
    assert len(set(straight.rates)) == (3 if name == "cosine" else 9)
    assert all(torch.equal(expected[key], found[key]) for key in expected)


@pytest.mark.parametrize("stop", [(0, 1, "end"), (1, 1, "end"), (1, -1, "epoch")])
def test_schedule_by_step_is_resumed_where_gradients_are_accumulated(
    data_root: Path, tmp_path: Path, stop: tuple[int, int, str]
) -> None:
    options: dict[str, Any] = {"accumulate": 2, "scheduler": partial(Poly, power=1.0)}
    straight, resumed = Diary(stop, tmp_path / "interrupted.ckpt"), Diary()
    expected = train(data_root, tmp_path, straight, **options)
    found = train(data_root, tmp_path, resumed, tmp_path / "interrupted.ckpt", **options)
    assert resumed.rates == straight.rates[straight.done_at_stop // 2 :]
    assert all(torch.equal(expected[key], found[key]) for key in expected)


def test_no_checkpoint_lies_between_an_epoch_and_its_validation(data_root: Path, tmp_path: Path) -> None:
    keeper = Keeper(tmp_path)
    train(data_root, tmp_path, keeper, every=1)
    assert list(keeper.kept) == [(epoch, batch) for epoch in range(3) for batch in (0, 1)]  # of three batches


@pytest.mark.slow
@pytest.mark.parametrize("stop", [(1, 0, "end"), (1, 2, "end")])
def test_workers_that_read_ahead_change_nothing(data_root: Path, tmp_path: Path, stop: tuple[int, int, str]) -> None:
    straight = Diary(stop, tmp_path / "interrupted.ckpt")
    expected = train(data_root, tmp_path, straight)
    resumed = Diary()
    found = train(data_root, tmp_path, resumed, tmp_path / "interrupted.ckpt", workers=2)
    assert resumed.seen == straight.seen[straight.done_at_stop :]
    assert all(torch.equal(expected[key], found[key]) for key in expected)


class Keeper(Callback):
    """Keeps a copy of every checkpoint that is left between validations."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.kept: dict[tuple[int, int], Path] = {}

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        last = self.folder / "last.ckpt"
        if last.exists():  # it was written before this batch
            self.kept[trainer.current_epoch, batch_idx - 1] = last.rename(
                self.folder / f"{trainer.current_epoch}-{batch_idx - 1}.ckpt"
            )


def test_accumulated_gradients_are_stepped_with_before_a_checkpoint(data_root: Path, tmp_path: Path) -> None:
    keeper = Keeper(tmp_path)
    expected = train(data_root, tmp_path, keeper, every=1, accumulate=2)
    assert list(keeper.kept) == [(epoch, batch) for epoch in range(3) for batch in (1,)]  # of three batches
    for place in ((0, 1), (1, 1)):
        found = train(data_root, tmp_path, Callback(), keeper.kept[place], accumulate=2)
        assert all(torch.equal(expected[key], found[key]) for key in expected), place


def test_last_checkpoint_is_of_the_last_epoch_whether_it_was_better_or_not(data_root: Path, tmp_path: Path) -> None:
    task = SegmentationTask(nn.Conv2d(3, 1, 1), BCEDiceLoss(), partial(torch.optim.SGD, lr=0.0))
    data = ClinicDBDataModule(str(data_root), (16, 24), str(data_root / "split.csv"), batch_size=2)
    best = BestCheckpoint(tmp_path)
    trainer = Trainer(
        max_epochs=3,
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[ResumeCallback(), best],
        plugins=[AtomicCheckpointIO()],
        num_sanity_val_steps=0,
    )
    trainer.fit(task, datamodule=data)
    epochs = {name: torch.load(tmp_path / f"{name}.ckpt", weights_only=True)["epoch"] for name in ("best", "last")}
    assert epochs == {"best": 0, "last": 2}
    saved = torch.load(tmp_path / "last.ckpt", weights_only=True)["callbacks"]
    [state] = [state for name, state in saved.items() if name.startswith("BestCheckpoint")]
    assert state["best_model_path"] == str(tmp_path / "best.ckpt")
