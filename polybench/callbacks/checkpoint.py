"""Checkpoints that are whole or absent, hold only tensors and plain values, and whose failure is loud.

Lightning's own writer reports success after a permission error; this one raises.
"""

import io
import signal
import threading
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from lightning.fabric.plugins.io.checkpoint_io import CheckpointIO
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.trainer.states import TrainerFn
from lightning.pytorch.utilities.exceptions import SIGTERMException

from polybench.atomic import atomic_writer
from polybench.errors import ConfigError, UserError


class CheckpointError(UserError):
    """A checkpoint that can't be written, or holds what a safe reader refuses."""


class AtomicCheckpointIO(CheckpointIO):
    """Writes through a temporary file and a rename, and reads with `weights_only=True` alone."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None) -> None:
        """Write a checkpoint; after this returns, the file is whole and on disk.

        Raises:
            CheckpointError: If the disk refuses, or the checkpoint holds something that `weights_only=True` would not
                read back; nothing is left under `path` in either case.
        """
        target = Path(path)
        buffer = io.BytesIO()
        torch.save(checkpoint, buffer)
        buffer.seek(0)
        try:
            torch.load(buffer, map_location="meta", weights_only=True)
        except Exception as error:
            raise CheckpointError(
                f"The checkpoint '{target}' would hold more than tensors and plain values and is not written: {error}"
            ) from error
        try:
            with atomic_writer(target) as file:
                file.write(buffer.getbuffer())
        except OSError as error:
            raise CheckpointError(
                f"The checkpoint '{target}' can't be written ({error}): make room or fix the permissions."
            ) from error

    def load_checkpoint(self, path: Any, map_location: Any | None = None, weights_only: bool | None = None) -> Any:
        """Read a checkpoint onto the CPU or `map_location`; pickled objects are refused whatever `weights_only` says.

        Raises:
            ConfigError: If there is no such file, or it is no checkpoint of tensors and plain values.
        """
        if not Path(path).is_file():
            raise ConfigError(f"There is no checkpoint '{path}'.")
        try:
            return torch.load(path, map_location=map_location or "cpu", weights_only=True)
        except Exception as error:
            raise ConfigError(
                f"'{path}' is not a checkpoint of tensors and plain values ({type(error).__name__}): give a "
                "file that `polybench fit` wrote, such as best.ckpt."
            ) from error

    def remove_checkpoint(self, path: Any) -> None:
        """Delete a checkpoint that was superseded."""
        Path(path).unlink(missing_ok=True)


class SigtermCallback(Callback):
    """On SIGTERM, saves `interrupted.ckpt` beside the other checkpoints; `--ckpt_path` goes on from it, to the sample.

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
        folder = getattr(trainer.checkpoint_callback, "dirpath", None) or trainer.default_root_dir
        path = Path(folder) / "interrupted.ckpt"
        trainer.save_checkpoint(path)
        if trainer.is_global_zero:
            print(f"SIGTERM: saved '{path}'; go on with --ckpt_path '{path}'.", flush=True)

    def _stop_together(self, trainer: Trainer) -> None:
        if trainer.strategy.reduce_boolean_decision(self._received, all=False):
            raise SIGTERMException

    def _restore(self) -> None:
        if self._previous is not None:
            signal.signal(signal.SIGTERM, self._previous)
            self._previous = None


def selection_of(trainer):  # WIP
    return trainer.checkpoint_callback
