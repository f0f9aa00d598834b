"""What makes an interrupted run end with the weights of the unbroken one, to the bit."""

from pathlib import Path
from typing import Any, NamedTuple

import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from polybench.callbacks.checkpoint import KEY, AtomicCheckpointIO, checkpoint_folder, find_selection
from polybench.callbacks.checkpoint import LAST as LAST_STEM
from polybench.data.loader import batches_done
from polybench.errors import ConfigError
from polybench.randomness import generator
from polybench.tasks.base import data_of

LAST = f"{LAST_STEM}.ckpt"


class RunMark(NamedTuple):
    """Which run a checkpoint belongs to; runs of equal marks end with the same weights.

    Attributes:
        recipe: Hash of the configuration without its length, and the seed.
        length: How long the run trains.
        processes: How many processes share a batch.
    """

    recipe: str
    length: str
    processes: int


class ResumeCallback(Callback):
    """Seeds every step, leaves checkpoints between validations, and marks each with the run that it belongs to.

    A net's own randomness (dropout, stochastic depth) reads torch's global generator. Seeding that before each batch
    from (seed, epoch, batch, process) makes it a pure function of the place in training, so that no generator's state
    has to be saved. The order of samples and their augmentation are pure functions already.

    Attributes:
        every: Batches between two checkpoints `last.ckpt`; 0 leaves one after each epoch alone. Where gradients are
            accumulated, the checkpoint waits for the optimizer's step, since they are not in it.
        run: The run, written into each checkpoint.
        origin: What is trained: `task`, `dataset` and `stage` (the recipe), for those who begin with its weights.
        built_from: What the task is built from: `model` (its portable configuration as JSON), `size` (height and width
            of its input) and `margin` (that of the patches, as `PatchDataModule` has it; 0 for whole images), for those
            who use it without its recipe.
    """

    def __init__(self) -> None:
        self.every = 0
        self.run: RunMark | None = None
        self.origin: dict[str, str] = {}
        self.built_from: dict[str, Any] = {}
        self._due = False
        self._batches_before: int | None = None

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Remember how many batches an epoch had."""
        self._batches_before = checkpoint.get(KEY, {}).get("batches_per_epoch")

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Refuse to go on in the middle of an epoch that has changed.

        Raises:
            ConfigError: If the training images are no longer as many as they were.
        """
        before, now = self._batches_before, trainer.num_training_batches
        self._batches_before = None
        if before not in (None, now):
            raise ConfigError(
                f"The checkpoint is of a run with {before} batches in an epoch, and there are {now} now, so that it "
                "can't go on where it stood: bring back the images that it was trained on, or start anew."
            )

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Seed the batch's own randomness."""
        key = generator("step", int(data_of(trainer).seed), trainer.current_epoch, batch_idx, trainer.global_rank)
        torch.manual_seed(key.initial_seed())

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Save where the run stands, every so many batches; after an epoch's last batch its validation comes first."""
        self._due = self._due or (self.every > 0 and batches_done(trainer) % self.every == 0)
        if self._due and (batch_idx + 1) % trainer.accumulate_grad_batches == 0 and not trainer.is_last_batch:
            self._due = False
            _save(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save where the run stands after each epoch and its validation; Lightning does so for the best ones only."""
        if find_selection(trainer) is not None and not trainer.fast_dev_run:  # type: ignore[attr-defined]
            self._due = False
            _save(trainer)

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Write down which run this is."""
        if self.run is not None:
            batches = trainer.num_training_batches
            said = {"batches_per_epoch": batches, "origin": self.origin, **self.built_from}
            checkpoint[KEY] = {**self.run._asdict(), **said}


def _save(trainer: Trainer) -> None:
    """Save where the run stands, and what was logged so far."""
    trainer.save_checkpoint(checkpoint_folder(trainer) / LAST)
    for logger in trainer.loggers if trainer.is_global_zero else []:
        logger.save()


def run_of(checkpoint: Path) -> RunMark | None:
    """The run that a checkpoint belongs to; None if it doesn't say.

    Raises:
        ConfigError: If the file is no checkpoint of tensors and plain values.
    """
    saved: dict[str, Any] = AtomicCheckpointIO().load_checkpoint(checkpoint, map_location="meta")
    mark = saved.get(KEY)
    return RunMark(*(mark[name] for name in RunMark._fields)) if isinstance(mark, dict) else None
