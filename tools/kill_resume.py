"""Kill a training with SIGKILL at random places, resume it, and compare what it ends with with the unbroken run's.

`python tools/kill_resume.py [--kills 10] [--workers 0 2] [--seed 0]`: trains a small net with batch normalisation,
dropout, AdamW and a plateau schedule on generated frames, shuffled and augmented, with a checkpoint every five batches,
and kills it after the first of them; exits with 1 if any resumed run ends with other weights than the unbroken one,
selects another epoch or other weights, records other numbers, or goes on from more than five batches before the kill.
Kills at every single event of the file system are those of `tools/break.py`.
"""

import argparse
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
import yaml
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor, nn

from polybench.data.loader import batches_done
from polybench.datasets import SyntheticPolypDataModule
from polybench.synth.clinicdb import write_clinicdb_like

EPOCHS, BATCHES = 3, 18
SAVE_EVERY = 5
MOMENTS = ("before the step", "after the batch", "in validation", "in the selection", "after the selection")
KILL = "KILL_RESUME"
"""Environment variable that says when to kill, since a run of another recipe doesn't resume this one."""
START = "Batches done at the start: "


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
    """Prints how many batches were done when training starts, and ends the process at the moment that `KILL` names.

    `KILL` is "<batch> <moment>": how many batches are to be done before, over all epochs, and which of `MOMENTS`, where
    "in validation" means the first after that batch, "in the selection" before the first checkpoint at the end of an
    epoch takes its place, and "after the selection" before `last.ckpt` does.
    """

    def __init__(self) -> None:
        batch, _, self.moment = os.environ.get(KILL, "0").partition(" ")
        self.batch = int(batch)
        self.selects = False
        if self.moment.endswith("the selection"):
            sys.addaudithook(self._audit)

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not (self.selects and event == "os.rename"):
            return
        if self.moment == "in the selection" or str(arguments[1]).endswith("last.ckpt"):
            os.kill(os.getpid(), signal.SIGKILL)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """The selection comes next."""
        self.selects = batches_done(trainer) >= self.batch

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """The checkpoint is loaded, if there is one."""
        print(f"{START}{batches_done(trainer)}", flush=True)

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
            "init_args": {
                "root": str(data),
                "size": [32, 32],
                "allow_missing": True,  # takes the small frames as they are
                "augment": "efen25",
                "num_workers": workers,
            },
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
        "trainer": {
            "max_epochs": EPOCHS,
            "accelerator": "cpu",
            "enable_progress_bar": False,
            "callbacks": [{"class_path": "kill_resume.Kill"}],
        },
    }


def fit(path: Path, run: Path, *options: str, kill: str | None = None) -> int:
    """Train in a process of its own.

    Args:
        path: The recipe.
        run: The run's folder.
        options: More words of the command line.
        kill: When the process ends itself; it must.

    Returns:
        How many batches were done before this process trained.
    """
    words = ["fit", "--config", str(path), "--trainer.default_root_dir", str(run), "--save_every", str(SAVE_EVERY)]
    words += ["--leaderboard", str(run / "board")]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent), "OMP_NUM_THREADS": "1"}
    environment |= {KILL: kill} if kill else {}
    command = [sys.executable, "-m", "polybench", *words, *options]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    expected = -signal.SIGKILL if kill else 0
    if ended.returncode != expected:
        outputs = f"{ended.stdout}{ended.stderr}"
        raise RuntimeError(f"The training ended with {ended.returncode} instead of {expected}:\n{outputs}")
    [start] = [line for line in ended.stdout.splitlines() if line.startswith(START)]
    return int(start.removeprefix(START))


class Outcome(NamedTuple):
    """What a run ends with.

    Attributes:
        last: Hash of the weights in its last checkpoint.
        best: The selected epoch, and the hash of the weights.
        records: The numbers of its records, by the file's name.
    """

    last: str
    best: str
    records: Mapping[str, Any]


def outcome(run: Path) -> Outcome:
    """Read what a run has ended with."""
    last, best = (torch.load(run / "checkpoints" / f"{name}.ckpt", weights_only=True) for name in ("last", "best"))
    records = {path.name: json.loads(path.read_text()) for path in (run / "board" / "records").rglob("*.json")}
    numbers = {name: [record[key] for key in ("metrics", "identity", "seed")] for name, record in records.items()}
    return Outcome(weights(last["state_dict"]), f"{best['epoch']} {weights(best['state_dict'])}", numbers)


def weights(state: Mapping[str, Tensor]) -> str:
    """Hash the weights of a checkpoint."""
    digest = hashlib.sha256()
    for name, tensor in sorted(state.items()):
        digest.update(name.encode() + tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()


def trial(path: Path, run: Path, batch: int, moment: str) -> tuple[Outcome, int]:
    """Kill a run once and resume it.

    Args:
        path: The recipe.
        run: The run's folder.
        batch: Batches that are done before it is killed.
        moment: Which of `MOMENTS`.

    Returns:
        What it ended with, and the batches that were done where it went on.
    """
    fit(path, run, kill=f"{batch} {moment}")
    start = fit(path, run, "--ckpt_path", "last")
    return outcome(run), start


def verdict(found: Outcome, reference: Outcome, start: int, batch: int) -> str:
    """Say how a trial ended: `equal`, or in capitals what is wrong.

    Args:
        found: What the resumed run ended with.
        reference: What the unbroken one did.
        start: Batches that were done where the run went on.
        batch: Those that were done when it was killed, at least.
    """
    if start < batch - SAVE_EVERY:
        return "LOST BATCHES"
    wrong = [name for name in Outcome._fields if getattr(found, name) != getattr(reference, name)]
    return f"DIFFERENT {', '.join(wrong)}" if wrong else "equal"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run all trials and print a line each.

    Returns:
        0, or 1 if anything went wrong.
    """
    parser = argparse.ArgumentParser(description="Kill and resume a training, and compare weights.")
    parser.add_argument("--kills", type=int, default=10, help="trials for each number of workers (%(default)s)")
    parser.add_argument("--workers", type=int, nargs="+", default=[0, 2], help="loader processes (0 2)")
    parser.add_argument("--seed", type=int, default=0, help="of the places to kill at (%(default)s)")
    options = parser.parse_args(arguments)
    chance = random.Random(options.seed)
    wrong = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_clinicdb_like(folder / SyntheticPolypDataModule.folder, frames_per_sequence=5, size=(72, 96))
        reference: Outcome | None = None
        for workers in options.workers:
            path = folder / f"workers{workers}.yaml"
            path.write_text(yaml.safe_dump(recipe(folder, workers)))
            unbroken = folder / f"unbroken{workers}"
            fit(path, unbroken)
            reference = reference or outcome(unbroken)
            print(f"{workers} workers, unbroken: {outcome(unbroken).last[:16]}", flush=True)
            wrong += outcome(unbroken) != reference
            for number in range(options.kills):
                batch, moment = chance.randrange(SAVE_EVERY + 1, EPOCHS * BATCHES), chance.choice(MOMENTS)
                found, start = trial(path, folder / f"run{workers}-{number}", batch, moment)
                judged = verdict(found, reference, start, batch)
                wrong += judged != "equal"
                place = f"killed {moment} {batch}, went on from {start}"
                print(f"{workers} workers, {place}: {found.last[:16]} {judged}", flush=True)
    print(f"{wrong} of {len(options.workers) * (options.kills + 1)} runs went wrong.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
