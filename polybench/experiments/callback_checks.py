"""Checks of callbacks before training: those that change what the record states, or watch what nothing logs."""

from collections.abc import Sequence

from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import (
    BackboneFinetuning,
    BaseFinetuning,
    BatchSizeFinder,
    EarlyStopping,
    GradientAccumulationScheduler,
    LearningRateFinder,
    ModelCheckpoint,
)
from lightning.pytorch.cli import ReduceLROnPlateau

from polybench.core.errors import ConfigError
from polybench.core.trainer import attributes_of
from polybench.metrics import Protocol
from polybench.tasks.base import Task
from polybench.tasks.monitors import refuse_unknown, refuse_worst, validation_names
from polybench.tasks.segmentation import SegmentationTask

CHANGING: dict[type[Callback], str] = {
    LearningRateFinder: "LearningRateFinder changes the learning rate, and the record would state another one: leave "
    "it out, and give a rate with --model.optimizer.lr, such as the best of some short runs by validation.",
    BatchSizeFinder: "BatchSizeFinder changes the batch size, and the record would state another one: leave it out, "
    "and give --data.batch_size (`polybench profile` prints the memory of one).",
    GradientAccumulationScheduler: "GradientAccumulationScheduler changes how many images a step sees, and the record "
    "would state another number: leave it out, and give --trainer.accumulate_grad_batches.",
    BackboneFinetuning: "BackboneFinetuning needs a task with a backbone, and frees layers while training: leave it "
    "out, and give --model.parameter_groups, which has frozen layers and learning rates by layer.",
}
"""Callback -> why it is refused, and what to type instead."""

OURS = ("polybench.", "lightning.")
"""Packages with classes that log no further names."""

OF_TRAINING = frozenset({"train/loss", "train/loss_step", "train/loss_epoch", "epoch", "step"})
"""What training logs, beside the terms of a loss."""


def refuse_callbacks(callbacks: Sequence[Callback], processes: int) -> None:
    """Refuse callbacks that change the training behind the record's back.

    Args:
        callbacks: All of a trainer.
        processes: How many processes train.

    Raises:
        ConfigError: If there is one.
    """
    for callback in callbacks:
        for changing, sentence in CHANGING.items():
            if isinstance(callback, changing):
                raise ConfigError(sentence)
        if isinstance(callback, BaseFinetuning) and processes > 1:
            raise ConfigError(
                f"{type(callback).__name__} frees layers while training, after which the weights of {processes} "
                "processes differ: train in one (--trainer.devices 1), or give --model.parameter_groups."
            )


def refuse_blind(trainer: Trainer, task: Task, ranked: Protocol) -> None:
    """Refuse callbacks that watch what nothing logs, or wait for a value to get worse.

    Args:
        trainer: The trainer.
        task: What is trained.
        ranked: The protocol that the leaderboard ranks by.

    Raises:
        ConfigError: If there is one. A name is refused only where all names are known: a loss of named terms, a task
            or a callback of the user's own may log others.
    """
    callbacks: list[Callback] = attributes_of(trainer).callbacks
    has_terms = isinstance(task, SegmentationTask) and task.loss_form == "terms"
    known = not has_terms and all(type(one).__module__.startswith(OURS) for one in [task, *callbacks])
    logged = validation_names(ranked)
    if (plateau := _plateau_of(task)) is not None:
        if known:
            refuse_unknown("ReduceLROnPlateau", str(plateau.monitor), logged)
        refuse_worst("ReduceLROnPlateau", str(plateau.monitor), plateau.mode)
    for callback in callbacks:
        if not isinstance(callback, EarlyStopping | ModelCheckpoint) or callback.monitor is None:
            continue
        name, monitor = type(callback).__name__, callback.monitor
        name = "checkpoint" if name == "BestCheckpoint" else name
        if known and not monitor.startswith("lr-") and monitor not in OF_TRAINING:
            refuse_unknown(name, monitor, logged)
        if isinstance(callback, EarlyStopping):
            refuse_worst(name, monitor, callback.mode)


def _plateau_of(task: Task) -> ReduceLROnPlateau | None:
    """The schedule that waits for a plateau, if there is one."""
    made = task.configure_optimizers()  # thrown away
    schedule = made.get("lr_scheduler") if isinstance(made, dict) else None
    scheduler = schedule.get("scheduler") if isinstance(schedule, dict) else None
    return scheduler if isinstance(scheduler, ReduceLROnPlateau) else None
