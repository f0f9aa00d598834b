"""Selection by validation: `best.ckpt`, and after it `last.ckpt`, which knows what has been selected."""

from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar, Literal

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import (
    ModelCheckpoint,
    OnExceptionCheckpoint,
    StochasticWeightAveraging,
    WeightAveraging,
)
from lightning.pytorch.trainer.states import TrainerFn
from torch import Tensor

from polybench.callbacks.selected_file import take_up
from polybench.core.errors import ConfigError, DivergedError
from polybench.core.finite import not_finite
from polybench.core.trainer import attributes_of
from polybench.tasks.checkpoint import BEST, LAST, RunMark
from polybench.tasks.monitors import better_mode
from polybench.tasks.weights import bit_sums


class BestCheckpoint(ModelCheckpoint):
    """Keeps the checkpoint with the best validation as `best.ckpt`.

    A record is of this checkpoint alone. After each epoch `last.ckpt` is written, after the selection that it holds: a
    run that was killed anywhere resumes from an earlier one and selects once more, or from one that knows `best.ckpt`.

    Args:
        dirpath: Folder of the checkpoints; by default that of the run.
        filename: `best`, under which every command looks for it.
        monitor: What is compared, a value that validation logs.
        verbose: Say when a better one is kept.
        save_last: Keep the last one too, as `last.ckpt`.
        save_top_k: 1; there is one best checkpoint.
        save_on_exception: False; what was not validated is not selected.
        save_weights_only: False; a checkpoint names its run.
        mode: Whether the largest (`max`) or the smallest (`min`) value is best.
        auto_insert_metric_name: Write the names of metrics into the file's name.
        every_n_train_steps: None; selection is by validations.
        train_time_interval: None; for the same reason.
        every_n_epochs: 1; every validation counts.
        save_on_train_epoch_end: False; selection is by validations.
        enable_version_counter: False; a better one replaces the earlier.

    Attributes:
        run: The run that is trained; None where it has no mark.

    Raises:
        ConfigError: If an option would select something else than the best validation.
    """

    version: ClassVar[int] = 1

    def __init__(
        self,
        dirpath: str | Path | None = None,
        filename: str | None = BEST,
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
        by_validation = "selection is by the value of each validation"
        _refuse("filename", filename, (BEST,), "every command looks for best.ckpt")
        _refuse("save_last", save_last, (True, False, None), "last.ckpt is a file of its own")
        _refuse("save_top_k", save_top_k, (1,), "one checkpoint is selected")
        _refuse("save_on_exception", save_on_exception, (False,), by_validation)
        _refuse("save_weights_only", save_weights_only, (False,), "a checkpoint must name its run")
        _refuse("every_n_train_steps", every_n_train_steps, (None, 0), by_validation)
        _refuse("train_time_interval", train_time_interval, (None,), by_validation)
        _refuse("every_n_epochs", every_n_epochs, (None, 1), by_validation)
        _refuse("save_on_train_epoch_end", save_on_train_epoch_end, (None, False), by_validation)
        _refuse("enable_version_counter", enable_version_counter, (False,), "one checkpoint is selected")
        _refuse_direction(monitor, mode)
        super().__init__(
            dirpath=dirpath,
            filename=filename,
            monitor=monitor,
            verbose=verbose,
            save_last=save_last,
            mode=mode,
            auto_insert_metric_name=auto_insert_metric_name,
            enable_version_counter=False,
        )
        self.run: RunMark | None = None
        self._validated: Tensor | None = None
        self._selecting = False

    @property
    def keys(self) -> tuple[str, str]:
        """Keys of this callback's state in a checkpoint: its own, and the one of Lightning's callback."""
        return self.state_key, self.state_key.replace(type(self).__name__, "ModelCheckpoint", 1)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Refuse to validate, in a fit, what has diverged.

        Raises:
            DivergedError: If the weights are no finite numbers.
        """
        if trainer.state.fn == TrainerFn.FITTING and (wrong := not_finite(pl_module.state_dict())):
            raise DivergedError(
                f"The training diverged in epoch {trainer.current_epoch + 1}: {len(wrong)} tensors of the net hold NaN "
                f"or infinity ('{wrong[0]}' first). Lower the learning rate, or clip gradients with "
                "--trainer.gradient_clip_val 1."
            )

    def on_validation_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """Remember which weights are validated."""
        if batch_idx == 0 and trainer.state.fn == TrainerFn.FITTING:
            self._validated = bit_sums(pl_module.parameters())

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Select after a validation within an epoch."""
        self._selecting = True
        super().on_validation_end(trainer, pl_module)
        self._selecting = False

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Select by the epoch's validation, then save the state of the run."""
        self._selecting = True
        super().on_train_epoch_end(trainer, pl_module)
        self._selecting = False
        if self.save_last and not attributes_of(trainer).fast_dev_run:
            save_last(trainer)

    def _save_last_checkpoint(self, trainer: Trainer, monitor_candidates: dict[str, Tensor]) -> None:
        """Nothing: `last.ckpt` is written once, after the selection."""

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Give the loggers this callback's checkpoint, not a later one of another callback."""
        if trainer.is_global_zero and self.best_model_path:
            for logger in trainer.loggers:
                logger.after_save_checkpoint(self)

    def check_monitor_top_k(self, trainer: Trainer, current: Tensor | None = None) -> bool:
        """Whether a value is better than any before.

        Raises:
            DivergedError: If it is NaN, which is neither better nor worse.
        """
        if current is not None and bool(torch.isnan(current)):
            raise DivergedError(
                f"{self.monitor} is NaN in epoch {trainer.current_epoch + 1}, so that nothing can be selected by it: "
                "give another --checkpoint.monitor, or validation images on which it is defined."
            )
        return bool(super().check_monitor_top_k(trainer, current))

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Make sure that the selected weights are those that were validated.

        Raises:
            ConfigError: If a callback has changed them in between.
        """
        if not self._selecting or self._validated is None:
            return
        state = checkpoint["state_dict"]
        saved = bit_sums(state[name] for name, _ in pl_module.named_parameters() if name in state)
        if not torch.equal(saved, self._validated):
            raise ConfigError(
                "The weights to be saved as best.ckpt are not those that were validated, since a callback changes them "
                "between the validation and the end of its epoch: leave it out, or let it average after steps."
            )

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Restore the selection of an interrupted run, also one made by Lightning's own callback.

        Raises:
            ConfigError: If the selected checkpoint is gone, or another file has taken its place.
        """
        states: dict[str, Any] = checkpoint.get("callbacks") or {}
        own, former = self.keys
        state = states.pop(own, None) or states.pop(former, None)
        if state is None or trainer.state.fn != TrainerFn.FITTING:
            return  # the test of the selected checkpoint changes nothing of the selection
        folder = Path(self.dirpath or trainer.default_root_dir)
        states[own] = take_up(state, self.keys, checkpoint, trainer, folder, self.run)


def save_last(trainer: Trainer) -> None:
    """Save what was logged so far, and the state of the run."""
    for logger in trainer.loggers if trainer.is_global_zero else []:
        logger.save()
    trainer.save_checkpoint(checkpoint_folder(trainer) / f"{LAST}.ckpt")


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
    better = better_mode(monitor) or mode
    if mode != better:
        raise ConfigError(f"checkpoint.mode {mode} would select the worst {monitor}: use {better}.")


def find_selection(trainer: Trainer) -> BestCheckpoint | None:
    """The callback that selects; None where a trainer has none."""
    callbacks: list[Callback] = attributes_of(trainer).callbacks
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


def set_apart(callbacks: list[Callback], folder: Path) -> None:
    """Keep selection to polybench's own callback, which comes last, and its files to a folder that is its own.

    A user's own `ModelCheckpoint`s get a folder beside it, so that they replace none of its files.

    Args:
        callbacks: All callbacks of a trainer, which are put in order.
        folder: The folder of polybench's checkpoints.

    Raises:
        ConfigError: If a callback names that very folder, selects as well, resumes from another file than
            `--ckpt_path`, or makes weights that are never validated.
    """
    for callback in callbacks:
        _refuse_rival(callback)
        if not isinstance(callback, ModelCheckpoint) or isinstance(callback, BestCheckpoint):
            continue
        if callback.dirpath is None:
            callback.dirpath = str(folder / "further")
        elif Path(callback.dirpath).resolve() == folder.resolve():
            raise ConfigError(
                f"A ModelCheckpoint would write into '{folder}', where the selected checkpoint lies: give it another "
                "dirpath, or none."
            )
    own = [callback for callback in callbacks if isinstance(callback, BestCheckpoint)]
    if len(own) > 1:
        raise ConfigError(
            "polybench's BestCheckpoint selects already: leave out that in trainer.callbacks, and set options such as "
            "--checkpoint.monitor instead."
        )
    callbacks[:] = [*(callback for callback in callbacks if callback not in own), *own]


def leave_out_averages(callbacks: list[Callback]) -> None:
    """Take averages of weights out of an evaluation: a checkpoint holds the averaged weights, which are to be used.

    Left in, Lightning's callback brings back the weights of the last step after a fit.

    Args:
        callbacks: All callbacks of a trainer.
    """
    callbacks[:] = [callback for callback in callbacks if not isinstance(callback, WeightAveraging)]


def _refuse_rival(callback: Callback) -> None:
    if isinstance(callback, StochasticWeightAveraging):
        raise ConfigError(
            "StochasticWeightAveraging averages after the last validation, so that its weights are never validated, "
            "selected or tested: use EMAWeightAveraging, whose weights are, or leave it out."
        )
    if isinstance(callback, OnExceptionCheckpoint):
        raise ConfigError(
            "OnExceptionCheckpoint would let a fit resume from any checkpoint in its folder: leave it out, "
            "since last.ckpt is saved after each epoch and, with --save_every, more often."
        )


def checkpoint_folder(trainer: Trainer) -> Path:
    """Where a run's checkpoints lie."""
    selection = find_selection(trainer)
    return Path((selection and selection.dirpath) or trainer.default_root_dir)
