"""Checks of the trainer's options against each other, the machine and the data, before the first step."""

import math
import os
import re
from collections.abc import Sequence
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.accelerators import CUDAAccelerator, MPSAccelerator
from lightning.pytorch.utilities import rank_zero_info, rank_zero_warn

from polybench.core.errors import ConfigError
from polybench.core.trainer import attributes_of
from polybench.core.wording import counted

_IDENTIFIER = re.compile(r"(GPU|MIG)-")
"""Beginnings of identifiers of GPUs and their parts."""


def refuse_contradictions(trainer: Any) -> None:
    """Refuse options under which nothing would be trained or selected, before any data is read.

    Args:
        trainer: The trainer's options, as parsed.

    Raises:
        ConfigError: If there is such an option.
    """
    if trainer.fast_dev_run:
        return
    if trainer.limit_val_batches == 0:
        raise ConfigError(
            "--trainer.limit_val_batches 0 leaves no validation, which selects the checkpoint: leave it out, or give "
            "at least 1."
        )
    if trainer.limit_train_batches == 0 or trainer.max_epochs == 0 or trainer.max_steps == 0:
        option = next(key for key in ("limit_train_batches", "max_epochs", "max_steps") if trainer[key] == 0)
        raise ConfigError(f"--trainer.{option} 0 would train nothing: `polybench test` evaluates a checkpoint.")
    if trainer.max_time is not None and not set("123456789") & set(str(trainer.max_time)):
        raise ConfigError(
            f"--trainer.max_time {trainer.max_time} would train nothing: give days:hours:minutes:seconds."
        )
    if trainer.gradient_clip_val is not None and trainer.gradient_clip_val <= 0:
        raise ConfigError(f"--trainer.gradient_clip_val {trainer.gradient_clip_val} clips nothing: leave it out.")
    epochs, every = trainer.max_epochs, trainer.check_val_every_n_epoch
    if epochs is not None and epochs > 0:
        if every is not None and every > epochs:
            raise ConfigError(
                f"--trainer.check_val_every_n_epoch {every} is more than max_epochs {epochs}, so that no validation "
                "would select a checkpoint: choose a smaller one."
            )
        if trainer.min_epochs is not None and trainer.min_epochs > epochs:
            raise ConfigError(f"--trainer.min_epochs {trainer.min_epochs} is more than max_epochs {epochs}.")


def refuse_barebones(trainer: Any) -> None:
    """Refuse a trainer without logs and checkpoints, before it is built.

    Args:
        trainer: The trainer's options, as parsed.

    Raises:
        ConfigError: If it is one.
    """
    if trainer.barebones:
        raise ConfigError(
            "--trainer.barebones leaves out checkpoints and logs, which a run needs: leave it out; `polybench profile` "
            "measures the speed of a step."
        )


def refuse_rate(optimizer: Any) -> None:
    """Refuse a learning rate that is no number to train with, before any data is read.

    Args:
        optimizer: The optimizer's options, as parsed; None where a task has none.

    Raises:
        ConfigError: If its rate is not a number, infinite or negative.
    """
    rate = optimizer.init_args.get("lr") if optimizer and optimizer.get("init_args") else None
    if isinstance(rate, int | float) and (not math.isfinite(rate) or rate < 0):
        raise ConfigError(f"--model.optimizer.lr {rate} is no learning rate: give a positive number, such as 1e-3.")


def refuse_absent_device(accelerator: Any) -> None:
    """Refuse an accelerator that this machine lacks.

    Args:
        accelerator: The trainer's option, a name or an object.

    Raises:
        ConfigError: If torch can't use one here.
    """
    cuda, mps = CUDAAccelerator.is_available(), MPSAccelerator.is_available()
    available = {"gpu": cuda or mps, "cuda": cuda, "mps": mps}
    if isinstance(accelerator, str) and not available.get(accelerator, True):
        what = "GPU" if accelerator == "gpu" else accelerator.upper() + " device"
        raise ConfigError(f"There is no {what} here that torch can use: give --trainer.accelerator cpu.")


def refuse_absent_gpus(devices: Sequence[str]) -> None:
    """Refuse GPUs, each for a run of its own, that this machine lacks.

    Args:
        devices: Their numbers, or identifiers such as `GPU-5d...`, as CUDA_VISIBLE_DEVICES has them.

    Raises:
        ConfigError: If one can't be used here.
    """
    if not devices:
        return
    count = torch.cuda.device_count()
    visible = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name] if count else []
    known = visible or [str(number) for number in range(count)]
    absent = [name for name in devices if name not in known and (name.isdecimal() or not _IDENTIFIER.match(name))]
    if absent or not count:
        found = f"{counted(count, 'GPU')} ({', '.join(known)})" if count else "no GPU"
        instead = (
            f"give --devices {','.join(known)}" if count else "leave out --devices (--jobs runs several cells at once)"
        )
        raise ConfigError(f"--devices {','.join(devices)}: torch finds {found} here: {instead}.")


class FitChecks(Callback):
    """Compares the trainer's options with the length of an epoch, before the first step.

    Attributes:
        counts_images: Whether the run's length is counted in images.
    """

    def __init__(self) -> None:
        self.counts_images = False

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Refuse options that have no effect, and warn of what an epoch leaves out.

        Raises:
            ConfigError: If more batches are accumulated than an epoch has, if steps of counted images would differ in
                size, or if no validation would take place.
        """
        if attributes_of(trainer).fast_dev_run or math.isinf(trainer.num_training_batches):
            return
        batches = int(trainer.num_training_batches)
        self._check_accumulation(trainer, batches)
        steps = trainer.estimated_stepping_batches
        every = trainer.val_check_interval
        if trainer.check_val_every_n_epoch is None and not math.isinf(steps) and isinstance(every, int):
            total = int(steps) * trainer.accumulate_grad_batches
            if every > total:
                raise ConfigError(
                    f"--trainer.val_check_interval {every} is more than the {total} batches of the run, so that no "
                    "validation would select a checkpoint: choose a smaller one."
                )
        self._refuse_short_run(trainer, batches)
        if every == 1 and isinstance(every, int) and batches > 1 and not self.counts_images:
            rank_zero_warn(
                "--trainer.val_check_interval 1 validates after every batch, since a whole number counts batches: give "
                "1.0 for once an epoch."
            )
        self._tell_of_rest(trainer)

    def _refuse_short_run(self, trainer: Trainer, batches: int) -> None:
        """Refuse a run that ends before its first validation.

        Raises:
            ConfigError: If `max_steps` ends it before.
        """
        steps, accumulated, within = trainer.max_steps, trainer.accumulate_grad_batches, trainer.val_check_batch
        if steps < 0 or not isinstance(within, int):
            return
        epochs = (trainer.check_val_every_n_epoch or 1) - 1
        if within > batches:  # counted over epochs
            epochs, within = epochs + within // batches, within % batches
        needed = epochs * math.ceil(batches / accumulated) + math.ceil(within / accumulated)
        if steps < needed:
            raise ConfigError(
                f"--trainer.max_steps {steps} ends the run before its first validation, so that no checkpoint would be "
                f"selected: give at least {needed}, or a smaller --trainer.val_check_interval."
            )

    def _check_accumulation(self, trainer: Trainer, batches: int) -> None:
        accumulated = trainer.accumulate_grad_batches
        limited = trainer.limit_train_batches != 1.0  # a try, which its record calls one
        if accumulated > batches and not limited:
            raise ConfigError(
                f"--trainer.accumulate_grad_batches {accumulated} is more than the {batches} batches of an epoch, "
                "after which a step is taken in any case: choose at most as many."
            )
        rest = batches % accumulated
        if rest and self.counts_images:
            raise ConfigError(
                f"images counts steps of {accumulated} batches, and the last step of an epoch of {batches} has {rest}: "
                f"choose --trainer.accumulate_grad_batches that divides {batches}."
            )
        if rest:
            rank_zero_warn(
                f"The last step of each epoch sees {rest} of {accumulated} accumulated batches, since an epoch has "
                f"{batches}."
            )

    def _tell_of_rest(self, trainer: Trainer) -> None:
        """Say how many images an epoch leaves out since they fill no batch."""
        loader: Any = trainer.train_dataloader
        size, samples = getattr(loader, "batch_size", None), getattr(loader, "sampler", None)
        if size is None or samples is None or not getattr(loader, "drop_last", False):
            return
        if rest := len(samples) % int(size):
            rank_zero_info(f"Each epoch leaves out {rest} of {len(samples)} training samples, which fill no batch.")
