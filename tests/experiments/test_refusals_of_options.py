"""Options that contradict each other, the data or the record are refused before the first step."""

from pathlib import Path

import pytest
import torch
from lightning.pytorch.accelerators import CUDAAccelerator, MPSAccelerator

from polybench.cli.main import run
from polybench.core.errors import ConfigError
from polybench.experiments.fit_checks import refuse_absent_device, refuse_absent_gpus
from tests.cli.recipes import write_recipe
from tests.experiments.resolved import CONF

POINT = {
    "class_path": "torch.nn.Conv2d",
    "init_args": {"in_channels": 3, "out_channels": 1, "kernel_size": 1},
}
DOUBLE = ["--model.net", "DoubleUNet", "--model.net.encoder", "vgg11", "--model.net.encoder_weights", "null"]
PLATEAU = ["--model.lr_scheduler", "lightning.pytorch.cli.ReduceLROnPlateau"]
STOPPING = ["--trainer.callbacks+", "EarlyStopping", "--trainer.callbacks.monitor"]
COSINE = ["--model.lr_scheduler", "torch.optim.lr_scheduler.CosineAnnealingLR", "--model.lr_scheduler.T_max"]


def fit(tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.chdir(tmp_path)
    recipe = write_recipe(tmp_path, root, POINT)
    return run(["fit", "--config", str(recipe), "--no_leaderboard", *words])


def complaint(capsys: pytest.CaptureFixture[str]) -> str:
    lines = capsys.readouterr().err.splitlines()
    (found,) = [line for line in lines if line.startswith("polybench: error: ")]
    return found.removeprefix("polybench: error: ")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--trainer.limit_val_batches", "0"], "leaves no validation, which selects the checkpoint"),
        (["--trainer.limit_train_batches", "0"], "--trainer.limit_train_batches 0 would train nothing"),
        (["--trainer.check_val_every_n_epoch", "3"], "check_val_every_n_epoch 3 is more than max_epochs 2"),
        (["--trainer.max_time", "00:00:00:00"], "--trainer.max_time 00:00:00:00 would train nothing"),
        (["--trainer.barebones", "true"], "--trainer.barebones leaves out checkpoints and logs"),
        (["--trainer.min_epochs", "3"], "--trainer.min_epochs 3 is more than max_epochs 2"),
        (["--trainer.gradient_clip_val", "-1"], "--trainer.gradient_clip_val -1 clips nothing"),
        (["--model.optimizer.lr", ".nan"], "--model.optimizer.lr nan is no learning rate: give a positive number"),
        (["--trainer.callbacks+", "LearningRateFinder"], "give a rate with --model.optimizer.lr"),
        (["--trainer.callbacks+", "BatchSizeFinder"], "give --data.batch_size"),
        (["--trainer.callbacks+", "BackboneFinetuning"], "give --model.parameter_groups"),
        (
            ["--trainer.callbacks+", "GradientAccumulationScheduler", "--trainer.callbacks.scheduling", "{0: 2}"],
            "give --trainer.accumulate_grad_batches",
        ),
        (["--checkpoint.monitor", "val/dise"], "'val/dise', which nothing logs. Did you mean 'val/dice'?"),
        ([*STOPPING, "val/los"], "EarlyStopping monitors 'val/los', which nothing logs. Did you mean 'val/loss'?"),
        ([*STOPPING, "val/dice"], "EarlyStopping with mode min selects the worst val/dice: set mode: max."),
        ([*PLATEAU, "--model.lr_scheduler.monitor", "val/iuo"], "ReduceLROnPlateau monitors 'val/iuo'"),
        ([*PLATEAU, "--model.lr_scheduler.monitor", "val/dice"], "ReduceLROnPlateau with mode min selects the worst"),
        (["--model.lr_scheduler", "torch.optim.lr_scheduler.ReduceLROnPlateau"], "has no monitor"),
        ([*COSINE, "${trainer.max_epochs}", "--trainer.max_epochs", "-1"], "needs T_max of at least 1, not -1"),
        (
            [*DOUBLE, "--data.size", "[32,32]", "--data.batch_size", "1"],
            "DoubleUNet can't be trained on batches of one image of 32x32, in which one of its batch norms",
        ),
    ],
)
def test_a_contradiction_is_refused_before_data_is_read(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    message: str,
) -> None:
    root = tmp_path / "no data"
    root.mkdir()
    (root / "split.csv").write_text("id,subset,group\n1,train,1\n2,val,2\n3,test,3\n")
    assert fit(tmp_path, root, monkeypatch, *words) == 2
    assert message in complaint(capsys)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["--trainer.val_check_interval", "9"],
            "--trainer.val_check_interval 9 is more than the 2 batches of an epoch",
        ),
        (
            ["--trainer.val_check_interval", "9", "--trainer.check_val_every_n_epoch", "null"],
            "--trainer.val_check_interval 9 is more than the 4 batches of the run",
        ),
        (["--trainer.accumulate_grad_batches", "3"], "accumulate_grad_batches 3 is more than the 2 batches"),
        (["--data.batch_size", "7"], "batch_size 7 is more than the 6 training samples"),
    ],
)
def test_what_the_data_is_too_small_for_is_refused_before_the_first_step(
    tmp_path: Path,
    data_root: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    message: str,
) -> None:
    assert fit(tmp_path, data_root, monkeypatch, *words) == 2
    assert message in complaint(capsys)


def test_samples_that_fill_no_batch_are_said(
    tmp_path: Path, data_root: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert fit(tmp_path, data_root, monkeypatch, "--data.batch_size", "4", "--trainer.max_epochs", "1") == 0
    assert "Each epoch leaves out 2 of 6 training samples, which fill no batch." in caplog.text


def test_a_last_step_of_fewer_batches_is_said(tmp_path: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["--data.batch_size", "2", "--trainer.accumulate_grad_batches", "2", "--trainer.max_epochs", "1"]
    with pytest.warns(UserWarning, match="sees 1 of 2 accumulated batches, since an epoch has 3"):
        assert fit(tmp_path, data_root, monkeypatch, *words) == 0


def test_early_stopping_in_the_right_direction_and_a_timer_run(
    tmp_path: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [*STOPPING, "val/dice", "--trainer.callbacks.mode", "max", "--trainer.callbacks+", "Timer"]
    words += ["--trainer.callbacks.duration", "00:01:00:00", "--trainer.max_epochs", "1"]
    assert fit(tmp_path, data_root, monkeypatch, *words) == 0


@pytest.mark.parametrize(
    ("accelerator", "message"),
    [("gpu", "There is no GPU here"), ("cuda", "no CUDA device here"), ("mps", "no MPS device here")],
)
def test_a_device_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch, accelerator: str, message: str) -> None:
    for kind in (CUDAAccelerator, MPSAccelerator):
        monkeypatch.setattr(kind, "is_available", lambda: False)
    with pytest.raises(ConfigError, match=message):
        refuse_absent_device(accelerator)
    refuse_absent_device("auto")


@pytest.mark.parametrize(
    ("count", "visible", "devices", "message"),
    [
        (0, "", "0,1", "--devices 0,1: torch finds no GPU here: leave out --devices"),
        (1, "", "0,1", r"torch finds 1 GPU \(0\) here: give --devices 0\."),
        (2, "", "0,cuda:1", r"torch finds 2 GPUs \(0, 1\) here: give --devices 0,1\."),
        (2, "2,3", "0", r"torch finds 2 GPUs \(2, 3\) here: give --devices 2,3\."),
    ],
)
def test_gpus_that_are_not_there_are_refused_with_those_that_are(
    monkeypatch: pytest.MonkeyPatch, count: int, visible: str, devices: str, message: str
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    with pytest.raises(ConfigError, match=message):
        refuse_absent_gpus(devices.split(","))
    refuse_absent_gpus([])
    if count:
        refuse_absent_gpus([*(visible or "0").split(","), "GPU-5d1e"])


@pytest.mark.parametrize(
    ("command", "plan"), [("matrix", "plans/boards.yaml"), ("transfer", "plans/scheme1_quickstart.yaml")]
)
def test_commands_of_many_cells_refuse_gpus_that_are_not_there_before_any_cell(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, command: str, plan: str
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    words = ["--folder", str(tmp_path / "cells"), "--leaderboard", str(tmp_path / "board")]
    assert run([command, "--config", str(CONF / plan), "--devices", "0,1", *words]) == 2
    assert complaint(capsys).startswith("--devices 0,1: torch finds no GPU here")
    assert not (tmp_path / "cells").exists()


@pytest.mark.parametrize("limit", ["1", "0", "0.5"])
def test_limited_test_is_refused_before_data_is_read_unless_no_record_is_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    root = tmp_path / "no data"
    root.mkdir()
    (root / "split.csv").write_text("id,subset,group\n1,train,1\n2,val,2\n3,test,3\n")
    monkeypatch.chdir(tmp_path)
    recipe = write_recipe(tmp_path, root, POINT, limit_test_batches=float(limit) if "." in limit else int(limit))
    assert run(["fit", "--config", str(recipe)]) == 2
    assert f"--trainer.limit_test_batches {limit} limits the test, and a record is of all" in complaint(capsys)
    assert run(["fit", "--config", str(recipe), "--no_leaderboard"]) == 1
    assert "limit_test_batches" not in complaint(capsys)  # but that the data aren't there


def test_a_whole_interval_of_one_says_that_it_counts_batches(
    tmp_path: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["--trainer.val_check_interval", "1", "--trainer.max_epochs", "1"]
    with pytest.warns(UserWarning, match=r"validates after every batch.*give 1\.0 for once an epoch"):
        assert fit(tmp_path, data_root, monkeypatch, *words) == 0


def test_an_averaged_run_is_resumed_from_a_folder_of_ones_own_and_tested_without_advice(
    tmp_path: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder
) -> None:
    words = ["--checkpoint.dirpath", "own", "--trainer.callbacks+", "EMAWeightAveraging"]
    assert fit(tmp_path, data_root, monkeypatch, *words, "--trainer.max_epochs", "1") == 0
    assert fit(tmp_path, data_root, monkeypatch, *words, "--ckpt_path", "last") == 0
    assert torch.load(tmp_path / "own" / "last.ckpt", weights_only=True)["epoch"] == 1
    assert not [one for one in recwarn if "Please add the following callbacks" in str(one.message)]
