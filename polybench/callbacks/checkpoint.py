"""Checkpoints that are whole or absent, hold only tensors and plain values, and whose failure is loud.

Lightning's own writer reports success after a permission error; this one raises.
"""

import io
from pathlib import Path
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
            reason = str(error).splitlines()[0]
            raise ConfigError(f"'{path}' is not a checkpoint of tensors and plain values ({reason}).") from error

    def remove_checkpoint(self, path: Any) -> None:
        """Delete a checkpoint that was superseded."""
        Path(path).unlink(missing_ok=True)


class SigtermCallback(Callback):
    """On SIGTERM, saves `interrupted.ckpt` beside the other checkpoints; `--ckpt_path` goes on from it."""

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Save when the exception is Lightning's answer to SIGTERM and training was under way."""
        if not isinstance(exception, SIGTERMException) or trainer.state.fn != TrainerFn.FITTING:
            return
        checkpoint = trainer.checkpoint_callback
        folder = getattr(checkpoint, "dirpath", None) or trainer.default_root_dir
        path = Path(folder) / "interrupted.ckpt"
        trainer.save_checkpoint(path)
        if trainer.is_global_zero:
            print(f"SIGTERM: saved '{path}'; go on with --ckpt_path '{path}'.", flush=True)
