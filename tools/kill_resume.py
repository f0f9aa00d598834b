"""Kill a training with SIGKILL at random places, resume it, and compare its last weights with the unbroken run's.

`python tools/kill_resume.py [--kills 10] [--workers 0 2] [--seed 0]`: trains a small net with batch normalisation,
dropout, AdamW and a plateau schedule on generated frames, shuffled and augmented, with a checkpoint every five batches;
exits with 1 if any resumed run ends with other weights than the unbroken one.
"""

import argparse
import hashlib
import os
import random
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import yaml
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor, nn

from polybench.data.loader import batches_done
from polybench.datasets import SyntheticPolypDataModule

EPOCHS, BATCHES = 3, 18
MOMENTS = ("before the step", "after the batch", "in validation")


class SmallNet(nn.Sequential):
    """Three convolutions with batch normalisation and dropout: (N, 3, H, W) -> (N, 1, H, W)."""

    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(3, 8, 3, padding=1),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.Dropout2d(0.2),
            nn.Conv2d(8, 8, 3, padding=1),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.Conv2d(8, 1, 1),
        )


class Kill(Callback):
    """Ends the process with SIGKILL at one moment of training.

    Args:
        batch: Batches that are to be done before, over all epochs.
        moment: Which of `MOMENTS`; in validation means the first after that batch.
    """

    def __init__(self, batch: int, moment: str) -> None:
        self.batch, self.moment = batch, moment

    def _maybe(self, trainer: Trainer, moment: str) -> None:
        if moment == self.moment and batches_done(trainer) >= self.batch:
            os.kill(os.getpid(), signal.SIGKILL)

    def on_before_optimizer_step(
        self, trainer: Trainer, pl_module: LightningModule, optimizer: torch.optim.Optimizer
    ) -> None:
        """Gradients are there, the weights are the old ones."""
        self._maybe(trainer, "before the step")

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """The step is done."""
        self._maybe(trainer, "after the batch")

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Part of the validation is done."""
        self._maybe(trainer, "in validation")


def recipe(data: Path, workers: int) -> dict[str, Any]:
    """The recipe of the small training; its 29 training sequences give 145 frames, 18 batches of 8."""
    return {
        "name": "kill_resume",
        "budget": "smoke",
        "data": {
            "class_path": "SyntheticPolypDataModule",
            "init_args": {"root": str(data), "size": [32, 32], "augment": "efen25", "num_workers": workers},
        },
        "model": {
            "class_path": "SegmentationTask",
            "init_args": {
                "net": {"class_path": "kill_resume.SmallNet"},
                "loss": "polybench.losses.BCEDiceLoss",
                "optimizer": {"class_path": "torch.optim.AdamW", "init_args": {"lr": 0.01}},
                "lr_scheduler": {
                    "class_path": "lightning.pytorch.cli.ReduceLROnPlateau",
                    "init_args": {"monitor": "val/loss", "patience": 0},
                },
            },
        },
        "trainer": {"max_epochs": EPOCHS, "accelerator": "cpu", "enable_progress_bar": False},
    }


def fit(path: Path, run: Path, *options: str) -> int:
    """Train in a process of its own, and return its exit code."""
    words = ["fit", "--config", str(path), "--trainer.default_root_dir", str(run), "--save_every", "5"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "polybench", *words, "--no_leaderboard", *options]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if ended.returncode not in {0, -signal.SIGKILL}:
        raise RuntimeError(f"The training ended with {ended.returncode}:\n{ended.stdout}{ended.stderr}")
    return ended.returncode


def weights(run: Path) -> str:
    """Hash of the weights in a run's last checkpoint."""
    state: dict[str, Tensor] = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
    digest = hashlib.sha256()
    for name, tensor in sorted(state.items()):
        digest.update(name.encode() + tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()


def trial(path: Path, run: Path, kill: tuple[int, str]) -> str:
    """Kill a run once, resume it (or start again if nothing was saved yet), and hash its last weights."""
    batch, moment = kill
    killer = ["--trainer.callbacks+=kill_resume.Kill", f"--trainer.callbacks.batch={batch}"]
    code = fit(path, run, *killer, f"--trainer.callbacks.moment={moment}")
    if code != -signal.SIGKILL:
        raise RuntimeError(f"The run was to be killed but ended with {code}.")
    saved = (run / "checkpoints" / "last.ckpt").is_file()
    fit(path, run, *(["--ckpt_path", "last"] if saved else []))
    return weights(run)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run all trials and print a line each.

    Returns:
        0, or 1 if any pair of weights differs.
    """
    parser = argparse.ArgumentParser(description="Kill and resume a training, and compare weights.")
    parser.add_argument("--kills", type=int, default=10, help="trials for each number of workers (%(default)s)")
    parser.add_argument("--workers", type=int, nargs="+", default=[0, 2], help="loader processes (0 2)")
    parser.add_argument("--seed", type=int, default=0, help="of the places to kill at (%(default)s)")
    options = parser.parse_args(arguments)
    chance = random.Random(options.seed)
    different = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        SyntheticPolypDataModule(root=str(folder)).prepare_data()
        reference: str | None = None
        for workers in options.workers:
            path = folder / f"workers{workers}.yaml"
            path.write_text(yaml.safe_dump(recipe(folder, workers)))
            unbroken = folder / f"unbroken{workers}"
            fit(path, unbroken)
            reference = reference or weights(unbroken)
            print(f"{workers} workers, unbroken: {weights(unbroken)[:16]}", flush=True)
            different += weights(unbroken) != reference
            for number in range(options.kills):
                kill = chance.randrange(EPOCHS * BATCHES), chance.choice(MOMENTS)
                found = trial(path, folder / f"run{workers}-{number}", kill)
                different += found != reference
                verdict = "equal" if found == reference else "DIFFERENT"
                print(f"{workers} workers, killed {kill[1]} {kill[0]}: {found[:16]} {verdict}", flush=True)
    print(f"{different} of {len(options.workers) * (options.kills + 1)} runs ended with other weights.")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
