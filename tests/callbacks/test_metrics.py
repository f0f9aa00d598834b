"""What a run leaves to be plotted: a dense table, the same whether it was interrupted or not, and its picture."""

import math
from pathlib import Path

import pandas as pd
import pytest
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from PIL import Image
from torch import nn

from polybench.callbacks import MeterCallback, MetricsCallback
from polybench.callbacks.curves import draw_curves
from polybench.callbacks.epoch_table import EpochTable, in_order
from polybench.callbacks.metrics import headline_of
from polybench.datasets import ClinicDBDataModule
from polybench.metrics import PER_IMAGE, PROTOCOLS
from polybench.tasks import SegmentationTask


class EndAfter(Callback):
    """Ends a run as a kill would after an epoch whose row is written and whose checkpoint is not."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.current_epoch == self.epoch - 1:
            trainer.save_checkpoint(Path(trainer.default_root_dir) / "saved.ckpt")
        if trainer.current_epoch == self.epoch:
            raise KeyboardInterrupt


def trained(data_root: Path, folder: Path, *callbacks: Callback, resume: str | None = None, **options: object) -> None:
    torch.manual_seed(0)
    data = ClinicDBDataModule(
        root=str(data_root), split=str(data_root / "split.csv"), size=(24, 32), batch_size=2, eval_batch_size=2
    )
    meter = MeterCallback()
    trainer = Trainer(
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        default_root_dir=folder,
        callbacks=[meter, MetricsCallback(meter), *callbacks],
        **{"max_epochs": 3, "enable_checkpointing": False, **options},  # type: ignore[arg-type]
    )
    task = SegmentationTask(
        nn.Conv2d(3, 1, 1), nn.BCEWithLogitsLoss(), optimizer=lambda parameters: torch.optim.SGD(parameters, lr=0.5)
    )
    trainer.fit(task, data, ckpt_path=resume)


def test_a_row_an_epoch_without_gaps_and_a_picture(data_root: Path, tmp_path: Path) -> None:
    trained(data_root, tmp_path)
    table = pd.read_csv(tmp_path / "metrics.csv")
    assert list(table)[:5] == ["epoch", "step", "seconds", "train/loss", "val/loss"]
    assert list(table)[-1] == "lr-SGD"
    assert table["epoch"].tolist() == [0, 1, 2]
    assert table["step"].tolist() == [3, 6, 9]
    assert table["lr-SGD"].tolist() == [0.5] * 3
    assert table["seconds"].is_monotonic_increasing
    assert not table.isna().any(axis=None)
    assert Image.open(tmp_path / "curves.png").size == (720, 560)


def test_an_interrupted_run_has_the_table_of_the_unbroken_one(data_root: Path, tmp_path: Path) -> None:
    trained(data_root, tmp_path / "unbroken")
    with pytest.raises(SystemExit):
        trained(data_root, tmp_path / "broken", EndAfter(1))
    assert pd.read_csv(tmp_path / "broken" / "metrics.csv")["epoch"].tolist() == [0, 1]
    trained(data_root, tmp_path / "broken", resume=str(tmp_path / "broken" / "saved.ckpt"))
    unbroken, broken = (pd.read_csv(tmp_path / name / "metrics.csv") for name in ("unbroken", "broken"))
    pd.testing.assert_frame_equal(broken.drop(columns="seconds"), unbroken.drop(columns="seconds"), rtol=1e-5)
    assert broken["seconds"].is_monotonic_increasing
    assert (tmp_path / "broken" / "curves.png").is_file()


def test_a_validation_within_an_epoch_has_a_row_of_its_own(data_root: Path, tmp_path: Path) -> None:
    trained(data_root, tmp_path, max_epochs=1, val_check_interval=1)
    table = pd.read_csv(tmp_path / "metrics.csv")
    assert table["step"].tolist() == [1, 2, 3]
    assert table["val/loss"].notna().all()
    assert table["train/loss"].notna().tolist() == [False, False, True]
    assert EpochTable(tmp_path / "metrics.csv").curve("val/loss")[0] == [1, 2, 3]


def test_an_epoch_without_validation_repeats_no_earlier_one(data_root: Path, tmp_path: Path) -> None:
    trained(data_root, tmp_path, check_val_every_n_epoch=2)
    assert pd.read_csv(tmp_path / "metrics.csv")["val/loss"].notna().tolist() == [False, True, False]


def test_curves_skip_what_was_not_logged_and_mark_the_best(tmp_path: Path) -> None:
    table = EpochTable(tmp_path / "metrics.csv")
    for epoch, dice in enumerate((0.3, 0.5, None, 0.4)):
        row = {"epoch": epoch, "step": 10 * (epoch + 1), "train/loss": 1 / (epoch + 1)}
        table.add(row if dice is None else {**row, "val/dice": dice})
    losses, metric = draw_curves(table, "val/dice", "a run").axes
    assert [line.get_xdata().tolist() for line in losses.lines] == [[1, 2, 3, 4], []]
    assert [line.get_xdata().tolist() for line in metric.lines] == [[1, 2, 4], [2]]
    _, lowest = draw_curves(table, "val/dice", "a run", higher=False).axes
    assert lowest.lines[1].get_ydata().tolist() == [0.3]


def test_not_a_number_is_kept_in_the_table(tmp_path: Path) -> None:
    table = EpochTable(tmp_path / "metrics.csv")
    table.add({"epoch": 0, "step": 1, "val/loss": math.nan})
    assert pd.read_csv(table.path, keep_default_na=False)["val/loss"].tolist() == ["nan"]


def test_rows_that_are_no_numbers_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").write_bytes("step,val/loss\n1,0.5\n²,0.4\n3,abc\n4,".encode() + b"\xff\n5,0.1\n")
    assert [row["step"] for row in EpochTable(tmp_path / "metrics.csv").read()] == ["1", "5"]


def test_the_best_is_among_finite_values(tmp_path: Path) -> None:
    table = EpochTable(tmp_path / "metrics.csv")
    for step, dice in enumerate((math.nan, 0.25, math.inf, 0.5)):
        table.add({"epoch": step, "step": step, "val/dice": dice})
    _, metric = draw_curves(table, "val/dice", "run").axes
    assert [line.get_label() for line in metric.lines][-1] == "best: 0.5000"


def test_columns_come_as_people_look_for_them() -> None:
    names = ["lr-Adam", "val/dice", "train/loss", "other", "val/loss", "epoch", "train/edge"]
    assert in_order(names) == ["epoch", "train/loss", "val/loss", "val/dice", "train/edge", "lr-Adam", "other"]


def test_the_headline_is_named_as_validation_logs_it() -> None:
    fov = next(one for one in PROTOCOLS if one.name == "fov")
    assert headline_of(PER_IMAGE) == "val/dice"
    assert headline_of(fov) == f"val/fov/{fov.headline}"
