"""The masks of a net with mask feedback after each of its iterations, to be drawn side by side."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from polybench.core.errors import ConfigError
from polybench.data.images import UInt8Array
from polybench.data.module import SegmentationDataModule
from polybench.experiments.loading import load
from polybench.experiments.mask_sources import MasksOf, MaskSource, masks_of
from polybench.metrics import THRESHOLD
from polybench.metrics.measures.labels import Mask
from polybench.tasks.iterated import IteratedTask


@dataclass(frozen=True)
class Columns:
    """What the pictures show of a net.

    Attributes:
        titles: What each of its masks is called.
        masks: Makes them, in this order.
        recorded: The place of the mask that its record has scored; None where that is none of them.
    """

    titles: tuple[str, ...]
    masks: MasksOf
    recorded: int | None


def one_column(source: MaskSource, data: SegmentationDataModule) -> Columns:
    """Show one mask of each image.

    Args:
        source: The net.
        data: The dataset.

    Raises:
        UserError: As `masks_of`.
    """
    mask = masks_of(source, data)
    return Columns((source.title,), lambda image_id, image: (mask(image_id, image),), 0)


def iteration_columns(source: MaskSource, wanted: Sequence[int], *, alone: bool) -> Columns:
    """Show the masks of a net's iterations.

    Args:
        source: The net.
        wanted: Numbers of iterations, 0 for the mask that the first one is shown; none for all.
        alone: Leave the net's name out of the titles, since it is the only one.

    Raises:
        ConfigError: If it has no iterations, or not so many.
    """
    if source.path.is_dir():
        raise ConfigError(
            f"--iterations: '{source.path}' is a folder of masks, one of each image: leave one of both out."
        )
    task = load(source.path)
    if not isinstance(task, IteratedTask):
        raise ConfigError(
            f"--iterations: '{source.title}' is of a {type(task).__name__}, which predicts an image once: name nets "
            "with mask feedback alone, or leave the option out."
        )
    numbers = tuple(wanted) or tuple(range(task.iterations + 1))
    if outside := [number for number in numbers if not 0 <= number <= task.iterations]:
        raise ConfigError(f"--iterations: '{source.title}' has iterations 0 to {task.iterations}, not {outside[0]}.")
    names = [f"Iteration {number}" if number else task.start for number in numbers]

    def masks(image_id: str, image: UInt8Array) -> tuple[Mask, ...]:
        found = task.predict_iterations(image)
        return tuple(np.asarray(found[number] >= THRESHOLD) for number in numbers)

    titles = names if alone else [f"{source.title}: {name}" for name in names]
    return Columns(tuple(titles), masks, numbers.index(task.counted) if task.counted in numbers else None)
