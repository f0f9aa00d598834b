"""The length of a run in images that go through the net, from which its optimizer steps and validations follow.

A run with `images` takes as many whole optimizer steps as they pay for, in `validations` equal parts with a validation
after each, so that the last one is at the end. Runs of other batch sizes, epochs and numbers of processes then see
equally many images, up to a step a part.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from lightning.pytorch import Trainer

from polybench.core.errors import ConfigError
from polybench.experiments.argv import has

VALIDATIONS = 5
"""Validations of a run whose length is counted in images, by default."""

LENGTHS: Mapping[str, tuple[Any, ...]] = {
    "max_epochs": (None, -1),
    "max_steps": (-1, None),
    "min_epochs": (None,),
    "min_steps": (None,),
    "val_check_interval": (None,),
    "check_val_every_n_epoch": (1, None),
}
"""Options of the trainer for what follows from `images` -> their values that say nothing, the default first."""


class Length(NamedTuple):
    """The length of a run.

    Attributes:
        parts: Validations, one after each part.
        steps: Optimizer steps of a part.
        batch: Images of a step, those of all processes and accumulated batches.
    """

    parts: int
    steps: int
    batch: int

    @property
    def images(self) -> int:
        """Images that go through the net."""
        return self.parts * self.steps * self.batch

    def note(self, wanted: int) -> str | None:
        """What is left of a budget that isn't a whole number of parts; None where nothing is."""
        if self.images == wanted:
            return None
        parts = f"{self.parts} parts of {self.steps} steps of {self.batch} images"
        return f"images: {wanted} pays for {self.images}, {parts} and a validation after each; the rest is left out."


def length_of(images: int, batch: int, parts: int) -> Length:
    """Divide a budget into steps.

    Args:
        images: Images that may go through the net.
        batch: Images of an optimizer step, those of all processes and accumulated batches.
        parts: Validations.

    Raises:
        ConfigError: If they don't pay for a step before each validation.
    """
    steps = images // (parts * batch)
    if steps < 1:
        raise ConfigError(
            f"images: {images} is too few for {parts} validations with a step of {batch} images before each: give at "
            f"least {parts * batch}, smaller batches, or fewer --validations."
        )
    return Length(parts, steps, batch)


def settle_length(config: Any, args: Sequence[str]) -> list[str]:
    """Let `images` take the place of the trainer's own options for the length of a run.

    Args:
        config: The parsed configuration, which is changed.
        args: The words of the command line.

    Returns:
        A sentence for each option of a file that is left out.

    Raises:
        ConfigError: If a number is out of bounds, or the command line states the length in another way too.
    """
    images = config.get("images")
    if not isinstance(images, int):  # `predict` has a folder of that name
        return []
    if images < 1 or config.validations < 1:
        name, value = ("images", images) if images < 1 else ("validations", config.validations)
        raise ConfigError(f"--{name} must be at least 1, not {value}.")
    notes = []
    for option, nothing in LENGTHS.items():
        value = config.trainer.get(option)
        if value in nothing:
            continue
        if has(args, f"--trainer.{option}"):
            raise ConfigError(
                f"--trainer.{option} {value} contradicts images: {images}, from which the run's length and its "
                "validations follow: leave out one of them (--images null)."
            )
        notes.append(f"trainer.{option} {value} is left out: images: {images} says how long the run is.")
        config.trainer[option] = nothing[0]
    return notes


def set_length(trainer: Trainer, length: Length) -> None:
    """Let a trainer end, and validate, as a length says, however long its epochs are.

    Args:
        trainer: The trainer, before it runs.
        length: The length.
    """
    trainer.fit_loop.max_epochs = -1
    trainer.fit_loop.epoch_loop.max_steps = length.parts * length.steps
    trainer.check_val_every_n_epoch = None
    trainer.val_check_interval = length.steps * trainer.accumulate_grad_batches
