"""What makes an interrupted run end with the weights of the unbroken one, to the bit."""

from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from polybench.callbacks.checkpoint import AtomicCheckpointIO
from polybench.data.loader import batches_done
from polybench.randomness import generator

KEY = "polybench_run"
LAST = "last.ckpt"


class ResumeCallback(Callback):
    """Seeds every step, leaves checkpoints between validations, and marks each with the run that it belongs to.

    A net's own randomness (dropout, stochastic depth) reads torch's global generator. Seeding that before each batch
    from (seed, epoch, batch, process) makes it a pure function of the place in training, so that no generator's state
    has to be saved. The order of samples and their augmentation are pure functions already.

    Attributes:
        every: Batches between two checkpoints `last.ckpt`; 0 leaves them to the ends of epochs.
        run: Hash of the run's configuration with its seed, written into each checkpoint.
    """

    def __init__(self) -> None:
        self.every = 0
        self.run = ""

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Seed the batch's own randomness."""
        seed = int(trainer.datamodule.seed)  # type: ignore[attr-defined]
        key = generator("step", seed, trainer.current_epoch, batch_idx, trainer.global_rank)
        torch.manual_seed(key.initial_seed())

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Save where the run stands, every so many batches."""
        if self.every and batches_done(trainer) % self.every == 0:
            folder = getattr(trainer.checkpoint_callback, "dirpath", None) or trainer.default_root_dir
            trainer.save_checkpoint(Path(folder) / LAST)

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Write down which run this is."""
        checkpoint[KEY] = self.run


def run_of(checkpoint: Path) -> str | None:
    """The run that a checkpoint belongs to; None if it doesn't say.

    Raises:
        ConfigError: If the file is no checkpoint of tensors and plain values.
    """
    saved: dict[str, Any] = AtomicCheckpointIO().load_checkpoint(checkpoint, map_location="meta")
    return saved.get(KEY)
