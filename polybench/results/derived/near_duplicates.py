"""The score without those test images that have a near-duplicate in training."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from polybench.results.derived.seeds import Estimate, Seeds


@dataclass(frozen=True)
class WithoutDuplicates:
    """A score with and without near-duplicates.

    Attributes:
        every: The mean over all test images.
        rest: The mean over those without a near-duplicate in training; None where no image is left.
        left: How many these are.
    """

    every: Estimate
    rest: Estimate | None
    left: int


def without_duplicates(seeds: Seeds, metric: str, duplicates: Collection[str]) -> WithoutDuplicates | None:
    """Compute a metric over the other images.

    Args:
        seeds: The tables of a row.
        metric: Column of the metric, such as `per_image@2/dice`.
        duplicates: Ids of images with a near-duplicate in training; they need not be in the tables.

    Returns:
        The two means; None where the tables don't have the column.
    """
    if not seeds.have([metric]):
        return None
    kept = np.array([image_id not in duplicates for image_id in seeds.ids])
    rest = seeds.only(kept).mean(metric) if kept.any() else None
    return WithoutDuplicates(seeds.mean(metric), rest, int(kept.sum()))
