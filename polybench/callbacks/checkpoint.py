"""Checkpoints that are whole or absent, hold only tensors and plain values, and whose failure is loud.

Lightning's own writer reports success after a permission error; this one raises.
"""

import io
import signal
import threading
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import Any, ClassVar, Literal

import torch
from lightning.fabric.plugins.io.checkpoint_io import CheckpointIO
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.trainer.states import TrainerFn
from lightning.pytorch.utilities.exceptions import SIGTERMException

from polybench.atomic import atomic_writer
from polybench.errors import ConfigError, UserError
from polybench.metrics import PER_IMAGE, PROTOCOLS
from polybench.metrics.protocols import PATCHES

KEY = "polybench_run"
"""Of what a checkpoint says of its run."""

BEST, LAST = "best", "last"
"""Stems of the files of the selected and of the last checkpoint."""


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
        if KEY in checkpoint:
            checkpoint[KEY]["file"] = target.stem
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


class BestCheckpoint(ModelCheckpoint):
    """Selects: keeps the checkpoint of the epoch whose validation was best, as `best.ckpt`.

    A record is of this checkpoint, whatever other `ModelCheckpoint`s a trainer has.

    Args:
        dirpath: Folder of the checkpoints; by default that of the run.
        filename: Name of the file, without `.ckpt`.
        monitor: What is compared, a value that validation logs.
        verbose: Say when a better one is kept.
        save_last: Keep the last one too, as `last.ckpt`.
        save_top_k: 1; there is one best checkpoint.
        save_on_exception: Keep one when training fails.
        save_weights_only: False; a checkpoint says which run it is of.
        mode: Whether the largest (`max`) or the smallest (`min`) value is best.
        auto_insert_metric_name: Write the names of metrics into the file's name.
        every_n_train_steps: None; selection is by validations.
        train_time_interval: None; for the same reason.
        every_n_epochs: 1; every validation counts.
        save_on_train_epoch_end: False; selection is by validations.
        enable_version_counter: Number files of one name instead of replacing the earlier.

    Raises:
        ConfigError: If an option would select something else than the best validation.
    """

    version: ClassVar[int] = 1

    def __init__(
        self,
        dirpath: str | Path | None = None,
        filename: str | None = "best",
        monitor: str | None = "val/dice",
        verbose: bool = False,
        save_last: bool | Literal["link"] | None = True,
        save_top_k: int = 1,
        save_on_exception: bool = False,
        save_weights_only: bool = False,
        mode: str = "max",
        auto_insert_metric_name: bool = False,
        every_n_train_steps: int | None = None,
        train_time_interval: timedelta | None = None,
        every_n_epochs: int | None = None,
        save_on_train_epoch_end: bool | None = None,
        enable_version_counter: bool = False,
    ) -> None:
        _refuse("save_top_k", save_top_k, (1,), "one checkpoint is selected")
        _refuse("save_weights_only", save_weights_only, (False,), "a checkpoint must say which run it is of")
        by_validation = "selection is by the value of each validation"
        _refuse("every_n_train_steps", every_n_train_steps, (None, 0), by_validation)
        _refuse("train_time_interval", train_time_interval, (None,), by_validation)
        _refuse("every_n_epochs", every_n_epochs, (None, 1), by_validation)
        _refuse("save_on_train_epoch_end", save_on_train_epoch_end, (None, False), by_validation)
        _refuse_direction(monitor, mode)
        super().__init__(
            dirpath=dirpath,
            filename=filename,
            monitor=monitor,
            verbose=verbose,
            save_last=save_last,
            save_on_exception=save_on_exception,
            mode=mode,
            auto_insert_metric_name=auto_insert_metric_name,
            enable_version_counter=enable_version_counter,
        )

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Take up what was selected before a run was interrupted, also where Lightning's own callback selected."""
        states: dict[str, Any] = checkpoint.get("callbacks") or {}
        former = self.state_key.replace(type(self).__name__, "ModelCheckpoint", 1)
        if self.state_key not in states and former in states:
            states[self.state_key] = states.pop(former)


def _refuse(option: str, value: object, allowed: tuple[object, ...], reason: str) -> None:
    if value not in allowed:
        raise ConfigError(f"checkpoint.{option} can't be {value}, since {reason}: leave it out.")


def _refuse_direction(monitor: str | None, mode: str) -> None:
    """Refuse to select the worst.

    Raises:
        ConfigError: If nothing is monitored that validation logs, or the mode is the other one.
    """
    if monitor is None or not monitor.startswith("val/"):
        raise ConfigError(f"checkpoint.monitor must be what validation logs, such as val/dice, not {monitor}.")
    if mode not in ("min", "max"):
        raise ConfigError(f"checkpoint.mode must be min or max, not {mode}.")
    name = monitor.removeprefix("val/")
    known = {f"{one.name}/{metric}": way for one in PROTOCOLS for metric, way in one.directions.items()}
    known |= {**PATCHES.directions, **PER_IMAGE.directions, "loss": "lower"}
    better = {"lower": "min", "higher": "max", None: mode}[known.get(name)]
    if mode != better:
        raise ConfigError(f"checkpoint.mode {mode} would select the worst {monitor}: use {better}.")


def find_selection(trainer: Trainer) -> BestCheckpoint | None:
    """The callback that selects; None where a trainer has none."""
    callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]
    return next((callback for callback in callbacks if isinstance(callback, BestCheckpoint)), None)


def selection_of(trainer: Trainer) -> BestCheckpoint:
    """The callback that selects.

    Raises:
        ConfigError: If the trainer has none.
    """
    found = find_selection(trainer)
    if found is None:
        raise ConfigError("Nothing is selected: add polybench.callbacks.BestCheckpoint to the trainer.")
    return found


def set_apart(callbacks: Sequence[Callback], folder: Path) -> None:
    """Give a user's own `ModelCheckpoint`s a folder beside polybench's, so that they replace none of its files.

    Args:
        callbacks: All callbacks of a trainer.
        folder: The folder of polybench's checkpoints.

    Raises:
        ConfigError: If one of them names that very folder.
    """
    for callback in callbacks:
        if not isinstance(callback, ModelCheckpoint) or isinstance(callback, BestCheckpoint):
            continue
        if callback.dirpath is None:
            callback.dirpath = str(folder / "further")
        elif Path(callback.dirpath).resolve() == folder.resolve():
            raise ConfigError(
                f"A ModelCheckpoint would write into '{folder}', where the selected checkpoint lies: give it another "
                "dirpath, or none."
            )


def checkpoint_folder(trainer: Trainer) -> Path:
    """Where a run's checkpoints lie."""
    selection = find_selection(trainer)
    return Path((selection and selection.dirpath) or trainer.default_root_dir)


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
        path = checkpoint_folder(trainer) / "interrupted.ckpt"
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
