"""Attributes of a Lightning trainer that its class does not declare, typed."""

from pathlib import Path
from typing import Any, Protocol, cast

from lightning.pytorch import Callback, Trainer


class TrainerAttributes(Protocol):
    """What a built trainer holds beside its declared attributes."""

    callbacks: list[Callback]
    datamodule: Any
    fast_dev_run: bool | int
    profiler: object


def attributes_of(trainer: Trainer) -> TrainerAttributes:
    """View a trainer through the attributes that its class does not declare."""
    return cast(TrainerAttributes, trainer)


def written_folder(trainer: Trainer) -> Path | None:
    """The run's folder, wherever its loggers write; None in a try of a few batches, which writes nothing."""
    return None if attributes_of(trainer).fast_dev_run else Path(trainer.default_root_dir)
