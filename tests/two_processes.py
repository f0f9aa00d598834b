"""A training by one process, and the same by two: the weights that they end with."""

import os
import subprocess
import sys
from pathlib import Path

import torch
from torch import Tensor

from polybench.cli.main import run
from tests.conftest import REPOSITORY

RECORDER = "tests.methods.rendering.rendering_nets.WeightRecorder"

Weights = dict[str, Tensor]


def weights_of_one_and_of_two(words: list[str], folder: Path) -> tuple[Weights, Weights, Weights]:
    """Train with batches of two images in this process, and in two processes of their own that share each batch.

    Args:
        words: The words of the command, without batch size and devices.
        folder: The current folder.

    Returns:
        The weights of the one process, of the first and of the second of two.
    """

    def recorder(name: str) -> list[str]:
        return [f"--trainer.callbacks+={RECORDER}", f"--trainer.callbacks.folder={name}"]

    assert run([*words, *recorder("alone"), "--data.batch_size", "2"]) == 0
    together = ["--trainer.devices", "2", "--trainer.strategy", "ddp", "--data.batch_size", "2"]
    done = subprocess.run(
        [sys.executable, "-m", "polybench", *words, *recorder("together"), *together],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    alone, first, second = (
        torch.load(folder / name, weights_only=True) for name in ("alone/0.pt", "together/0.pt", "together/1.pt")
    )
    return alone, first, second


def assert_in_step(alone: Weights, first: Weights, second: Weights, rtol: float) -> None:
    """Both of two processes have equal weights, and those of one up to rounding."""
    for name, value in alone.items():
        torch.testing.assert_close(first[name], value, rtol=rtol, atol=1e-6)
        assert torch.equal(first[name], second[name])
