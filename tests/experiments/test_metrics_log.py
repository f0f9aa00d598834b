"""The curve of a resumed run: what was logged before, and each step once."""

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
    table = pd.read_csv(tmp_path / "metrics.csv")
    assert table["step"].tolist() == [0, 1, 2]
    assert table["train/loss"].tolist() == [0.5, 0.45, 0.35]


def test_new_columns_are_added(tmp_path: Path) -> None:
    log(tmp_path, {0: 0.5})
    log(tmp_path, {1: 0.9}, "val/dice")
    table = pd.read_csv(tmp_path / "metrics.csv")
    assert table["train/loss"].dropna().tolist() == [0.5]
    assert table["val/dice"].dropna().tolist() == [0.9]


def test_row_that_was_cut_off_is_left_out(tmp_path: Path) -> None:
    log(tmp_path, {0: 0.5, 1: 0.4})
    path = tmp_path / "metrics.csv"
    path.write_text(path.read_text() + "2")
    log(tmp_path, {3: 0.3})
    assert pd.read_csv(path)["step"].tolist() == [0, 1, 3]


def test_failed_run_says_its_own_failure_where_the_disk_is_full_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: MetricsWriter) -> None:
        raise WriteError(tmp_path / "metrics.csv", OSError(errno.ENOSPC, "No space left on device"))

    logger = MetricsLogger(str(tmp_path))
    logger.log_metrics({"train/loss": 0.5}, 0)
    monkeypatch.setattr(MetricsWriter, "save", full)
    logger.finalize("failed")
    with pytest.raises(WriteError, match=r"metrics.csv"):
        logger.finalize("success")
