"""Deep supervision in two processes ends with the weights of one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from polybench.cli.main import run
from tests.conftest import REPOSITORY

RECORDER = "tests.methods.rendering.rendering_nets.WeightRecorder"


@pytest.mark.ddp
@pytest.mark.slow
def test_two_processes_end_with_the_weights_of_one(
    tmp_path: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = [
        *("fit", "--no_leaderboard", "--config", str(REPOSITORY / "conf/methods/iternet.yaml")),  # no batch norm
        *("--data", "ClinicDBDataModule", "--data.root", str(data_root), "--data.split", str(data_root / "split.csv")),
        *("--data.size", "[32, 32]", "--data.eval_batch_size", "2", "--model.net.width", "2"),
        *("--model.loss", "polybench.losses.StructureLoss"),  # a mean over images, and so the mean over processes
        *("--model.optimizer", "torch.optim.SGD", "--model.optimizer.lr", "0.01"),
        *("--trainer.max_epochs", "2", "--trainer.accelerator", "cpu", "--trainer.enable_progress_bar", "false"),
    ]

    def recorder(folder: str) -> list[str]:
        return [f"--trainer.callbacks+={RECORDER}", f"--trainer.callbacks.folder={folder}"]

    assert run([*words, *recorder("alone"), "--data.batch_size", "2"]) == 0
    together = ["--trainer.devices", "2", "--trainer.strategy", "ddp", "--data.batch_size", "1"]
    done = subprocess.run(
        [sys.executable, "-m", "polybench", *words, *recorder("together"), *together],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    alone, first, second = (
        torch.load(tmp_path / name, weights_only=True) for name in ("alone/0.pt", "together/0.pt", "together/1.pt")
    )
    assert any(name.endswith("heads.0.weight") for name in alone)
    for name, value in alone.items():
        torch.testing.assert_close(first[name], value, rtol=1e-4, atol=1e-6)
        assert torch.equal(first[name], second[name])
