"""Feedback in processes of their own: several of them share a bank; one that is killed goes on with its own."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from polybench.cli.main import run
from tests.methods.feedback.feedback_nets import write_red_frames
from tests.waiting import until

REPOSITORY = str(Path(__file__).parents[3])


def recipe(folder: Path, net: dict[str, Any], **data: Any) -> str:
    root = write_red_frames(folder / "data")
    parts = {"root": str(root), "split": str(root / "split.csv"), "size": [32, 32], "eval_batch_size": 2, **data}
    model = {
        "net": net,
        "loss": "polybench.losses.BCEDiceLoss",  # a mean over images, and so the mean over processes
        "optimizer": {"class_path": "torch.optim.SGD", "init_args": {"lr": 0.5}},
        "iterations": 2,
    }
    content = {
        "name": "tiny",
        "data": {"class_path": "ClinicDBDataModule", "init_args": parts},
        "model": {"class_path": "FeedbackSegmentationTask", "init_args": model},
        "trainer": {"max_epochs": 4, "accelerator": "cpu", "enable_progress_bar": False},
    }
    (folder / "tiny.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    return str(folder / "tiny.yaml")


def start(folder: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "polybench", "fit", "--no_leaderboard", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": REPOSITORY},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def fit(*words: str) -> None:
    """What `start` does, in the current folder and this process."""
    assert run(["fit", "--no_leaderboard", *words]) == 0


def finish(process: subprocess.Popen[str]) -> None:
    output, _ = process.communicate()
    assert process.returncode == 0, output


def banks(folder: Path, rank: int) -> list[dict[str, torch.Tensor]]:
    paths = sorted(folder.glob(f"{rank}-*.pt"))
    assert len(paths) == 4
    return [torch.load(path, weights_only=True) for path in paths]


def equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.ddp
@pytest.mark.slow
@pytest.mark.parametrize("crop", [None, {"size": 16, "per_image": 2}], ids=["whole", "crops"])
@pytest.mark.parametrize("refresh", ["pass", "inverse"])
def test_two_processes_keep_the_bank_of_one(
    tmp_path: Path, refresh: str, crop: dict[str, int] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = recipe(tmp_path, {"class_path": "tests.methods.feedback.feedback_nets.Learns"}, crop=crop)
    recorder = "--trainer.callbacks+=tests.methods.feedback.feedback_nets.BankRecorder"
    words = ["--config", path, "--model.refresh", refresh, recorder]
    words += ["--data.augment", "fanet" if refresh == "pass" else "none"]
    together = ["--trainer.devices", "2", "--trainer.strategy", "ddp", "--data.batch_size", "2"]
    fit(*words, "--trainer.callbacks.folder=alone", "--data.batch_size", "2")
    finish(start(tmp_path, *words, "--trainer.callbacks.folder=together", *together))
    alone, first, second = (
        banks(tmp_path / name, rank) for name, rank in (("alone", 0), ("together", 0), ("together", 1))
    )
    assert len(alone[0]) == 6
    for epoch in range(4):
        assert equal(first[epoch], second[epoch])
        assert equal(first[epoch], alone[epoch])
    assert not any(equal(alone[epoch], alone[epoch + 1]) for epoch in range(2))


@pytest.mark.slow
@pytest.mark.parametrize("processes", [1, pytest.param(2, marks=pytest.mark.ddp)])
def test_run_that_was_killed_goes_on_with_its_bank(
    tmp_path: Path, processes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    net = {"class_path": "polybench.models.FANet", "init_args": {"widths": [4, 4, 8, 8]}}
    path = recipe(tmp_path, net, batch_size=processes, augment="fanet")
    options = ["--config", path, "--save_every", "1"]
    options += ["--trainer.devices", str(processes), "--trainer.strategy", "ddp" if processes > 1 else "auto"]
    killed = start(tmp_path, *options, "--trainer.max_epochs", "100000", "--trainer.default_root_dir", "killed")
    last = tmp_path / "killed" / "checkpoints" / "last.ckpt"
    until(lambda: last.exists() and torch.load(last, weights_only=True)["epoch"] >= 1, killed)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()  # until the other process, which finds itself alone, has closed the output, too
    epochs = torch.load(last, weights_only=True)["epoch"] + 3
    length = ["--trainer.max_epochs", str(epochs)]
    for words in (["--ckpt_path", str(last)], ["--trainer.default_root_dir", "whole"]):
        if processes == 1:
            fit(*options, *length, *words)
        else:
            finish(start(tmp_path, *options, *length, *words))
    found = torch.load(last, weights_only=True)
    expected = torch.load(tmp_path / "whole" / "checkpoints" / "last.ckpt", weights_only=True)
    assert found["global_step"] == expected["global_step"]
    assert found["feedback"]["epoch"] == expected["feedback"]["epoch"]
    for part in ("bank", "predicted"):
        one, other = found["feedback"][part], expected["feedback"][part]
        assert one["ids"] == other["ids"]
        assert torch.equal(one["payload"], other["payload"])
        assert torch.equal(one["headers"], other["headers"])
    assert all(torch.equal(found["state_dict"][name], tensor) for name, tensor in expected["state_dict"].items())
