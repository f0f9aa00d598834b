"""Exact resume: an interrupted run ends with the weights of the unbroken one, to the bit."""

from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.trainer.states import TrainerFn

from polybench.callbacks.epoch_sums import KEY as EPOCH
from polybench.callbacks.epoch_sums import EpochSums
from polybench.callbacks.selection import save_last
from polybench.core.errors import ConfigError
from polybench.core.randomness import generator
from polybench.core.start_anew import start_anew
from polybench.data.loader import batches_done
from polybench.tasks.base import data_of
from polybench.tasks.checkpoint import KEY, RunMark, run_entry


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
            of its input), `margin` (that of the patches, as `PatchDataModule` has it; 0 for whole images) and, for a
            net that is trained on crops, `crop` (the arguments of `Crop`, and `tiles_together`), for those who use it
            without its recipe.
    """

    def __init__(self) -> None:
        self.every = 0
        self.run: RunMark | None = None
        self.origin: dict[str, str] = {}
        self.built_from: dict[str, Any] = {}
        self._due = False
        self._batches_before: int | None = None
        self._stopped = False
        self._sums = EpochSums()

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Remember how many batches an epoch had, what it had logged, and whether the training had been stopped."""
        self._sums.load(checkpoint.get(EPOCH, {}) if trainer.state.fn == TrainerFn.FITTING else {})
        said = run_entry(checkpoint)
        self._batches_before, self._stopped = said.get("batches_per_epoch"), bool(said.get("stopped"))

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Refuse to resume in the middle of an epoch that has changed; keep a run stopped that had stopped early.

        Lightning counts the batch that a checkpoint came before twice, over all epochs, so that validations every so
        many batches (`check_val_every_n_epoch` null) would come late.

        Raises:
            ConfigError: If the training images are no longer as many as they were.
        """
        before, now = self._batches_before, trainer.num_training_batches
        self._batches_before = None
        if before not in (None, now):
            raise ConfigError(
                f"The checkpoint is of a run with {before} batches in an epoch, and there are {now} now, so that it "
                f"can't be resumed: restore its training images, or {start_anew()}."
            )
        batches = trainer.fit_loop.epoch_loop.batch_progress.total
        batches.ready = batches_done(trainer)
        _begin_next_epoch(trainer)
        trainer.should_stop = trainer.should_stop or self._stopped
        self._stopped = False
        self._sums.begin(trainer, pl_module)

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Save the state of the run where that is due, and seed the randomness of the batch.

        A validation after the batch before has come, and its selection; the gradients of that batch are in the weights.
        """
        if self._due and batch_idx % trainer.accumulate_grad_batches == 0:
            self._due = False
            save_last(trainer)
        key = generator("step", int(data_of(trainer).seed), trainer.current_epoch, batch_idx, trainer.global_rank)
        torch.manual_seed(key.initial_seed())

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Count the batches: every so many, a checkpoint is due before the next."""
        self._sums.add(trainer, batch_idx)
        self._due = self._due or (self.every > 0 and batches_done(trainer) % self.every == 0)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """The checkpoint after the epoch, which the selection leaves, comes next."""
        self._due = False

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Write down which run this is, and what its epoch has logged so far."""
        checkpoint[EPOCH] = self._sums.state(trainer)
        if self.run is not None:
            batches = trainer.num_training_batches
            stopped = bool(trainer.should_stop)
            said = {"batches_per_epoch": batches, "stopped": stopped, "origin": self.origin, **self.built_from}
            checkpoint[KEY] = {**self.run._asdict(), **said}


def _begin_next_epoch(trainer: Trainer) -> None:
    """Leave an epoch that was over when the checkpoint was saved.

    Lightning does so where a run's length is counted in epochs. Where it is counted in steps, it goes back into that
    epoch, and trains on a batch too many unless the epoch ended with a validation.
    """
    loop = trainer.fit_loop
    if loop.restarted_on_epoch_end:
        loop.epoch_progress.increment_completed()
        loop.reset_restart_stage()
        loop._restarting = False
        loop.epoch_loop.restarting = False
