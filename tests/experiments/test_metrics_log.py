"""The log of steps: what was logged before a resume, each step once, and nothing that is of whole epochs."""

import errno
from pathlib import Path

import pandas as pd
import pytest

from polybench.core.disk import WriteError
from polybench.experiments.metrics_log import MetricsLogger, MetricsWriter


def log(folder: Path, steps: dict[int, float], name: str = "train/loss") -> None:
    logger = MetricsLogger(str(folder))
    for step, value in steps.items():
        logger.log_metrics({name: value}, step)
    logger.save()


def test_rows_from_the_first_new_step_on_are_replaced(tmp_path: Path) -> None:
    log(tmp_path, {0: 0.5, 1: 0.4, 2: 0.3})
    log(tmp_path, {1: 0.45, 2: 0.35})
    table = pd.read_csv(tmp_path / "steps.csv")
    assert table["step"].tolist() == [0, 1, 2]
    assert table["train/loss"].tolist() == [0.5, 0.45, 0.35]


def test_new_columns_are_added(tmp_path: Path) -> None:
    log(tmp_path, {0: 0.5})
    log(tmp_path, {1: 0.9}, "cpu_percent")
    table = pd.read_csv(tmp_path / "steps.csv")
    assert table["train/loss"].dropna().tolist() == [0.5]
    assert table["cpu_percent"].dropna().tolist() == [0.9]


def test_numbers_of_epochs_are_left_to_the_metrics(tmp_path: Path) -> None:
    logger = MetricsLogger(str(tmp_path))
    logger.log_metrics({"train/loss_step": 0.5, "epoch": 0}, 9)
    for of_an_epoch in ({"val/dice": 0.1}, {"train/loss_epoch": 0.4, "train/dice_term": 0.2}, {"lr-Adam": 0.1}):
        logger.log_metrics({**of_an_epoch, "epoch": 0}, 17)
    logger.start_file("test_metrics.csv")
    logger.log_metrics({"test/dice": 0.7, "epoch": 1}, 18)
    logger.save()
    assert (tmp_path / "steps.csv").read_text().split() == ["epoch,step,train/loss", "0,9,0.5"]
    assert (tmp_path / "test_metrics.csv").read_text().split() == ["epoch,step,test/dice", "1,18,0.7"]


def test_row_that_was_cut_off_is_left_out(tmp_path: Path) -> None:
    log(tmp_path, {0: 0.5, 1: 0.4})
    path = tmp_path / "steps.csv"
    path.write_text(path.read_text() + "2")
    log(tmp_path, {3: 0.3})
    assert pd.read_csv(path)["step"].tolist() == [0, 1, 3]


def test_failed_run_says_its_own_failure_where_the_disk_is_full_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: MetricsWriter) -> None:
        raise WriteError(tmp_path / "steps.csv", OSError(errno.ENOSPC, "No space left on device"))

    logger = MetricsLogger(str(tmp_path))
    logger.log_metrics({"train/loss": 0.5}, 0)
    monkeypatch.setattr(MetricsWriter, "save", full)
    logger.finalize("failed")
    with pytest.raises(WriteError, match=r"steps.csv"):
        logger.finalize("success")
