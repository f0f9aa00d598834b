"""Saves the state of a training on SIGTERM and stops it."""

import signal
import threading
from types import FrameType
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.trainer.states import TrainerFn
from lightning.pytorch.utilities.exceptions import SIGTERMException

from polybench.callbacks.selection import checkpoint_folder


class SigtermCallback(Callback):
    """On SIGTERM, saves `interrupted.ckpt` beside the other checkpoints; `--ckpt_path` resumes from it, to the sample.

    The signal only sets a flag. The processes agree on it before a batch, where none of them waits in another
    collective operation, and then stop together; Lightning's own handler talks to the other processes from inside the
    signal and can leave them waiting.
    """

    def __init__(self) -> None:
        self._received = False
        self._previous: Any = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Listen, in the main thread."""
        if threading.current_thread() is not threading.main_thread():
            return

        def receive(number: int, frame: FrameType | None) -> None:
            self._received = True

        self._received = False
        self._previous = signal.signal(signal.SIGTERM, receive)

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Stop before this batch if any process was told to, unless gradients wait for it: they are not saved."""
        if batch_idx % trainer.accumulate_grad_batches == 0:
            self._stop_together(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stop before the test if the signal came during the last validation."""
        self._stop_together(trainer)
        self._restore()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Save when it was the signal that ended training."""
        self._restore()
        if not isinstance(exception, SIGTERMException) or trainer.state.fn != TrainerFn.FITTING:
            return
        path = checkpoint_folder(trainer) / "interrupted.ckpt"
        trainer.save_checkpoint(path)
        if trainer.is_global_zero:
            print(f"SIGTERM: saved '{path}'; resume with --ckpt_path '{path}'.", flush=True)

    def _stop_together(self, trainer: Trainer) -> None:
        if trainer.strategy.reduce_boolean_decision(self._received, all=False):
            raise SIGTERMException

    def _restore(self) -> None:
        if self._previous is not None:
            signal.signal(signal.SIGTERM, self._previous)
            self._previous = None
