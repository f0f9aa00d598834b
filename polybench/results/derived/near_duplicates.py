"""The score without those test images that have a near-duplicate in training."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from polybench.results.derived.seeds import Estimate, Seeds, means_of, of_those_with


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
    return without_duplicates_of([seeds], metric, duplicates)[0]


def without_duplicates_of(
    rows: Sequence[Seeds], metric: str, duplicates: Collection[str]
) -> list[WithoutDuplicates | None]:
    """The same of many rows at once."""
    return of_those_with([metric], rows, lambda known: _without_duplicates(known, metric, duplicates))


def _without_duplicates(rows: Sequence[Seeds], metric: str, duplicates: Collection[str]) -> list[WithoutDuplicates]:
    values = [row.values([metric]) for row in rows]
    kept = [[place for place, image_id in enumerate(row.ids) if image_id not in duplicates] for row in rows]
    left = [place for place, images in enumerate(kept) if images]
    every = means_of([metric], [row.groups for row in rows], values)
    groups = [tuple(rows[place].groups[image] for image in kept[place]) for place in left]
    means = means_of([metric], groups, [values[place][:, :, kept[place]] for place in left])
    rest = {place: mean[metric] for place, mean in zip(left, means, strict=True)}
    return [
        WithoutDuplicates(mean[metric], rest.get(place), len(images))
        for place, (mean, images) in enumerate(zip(every, kept, strict=True))
    ]
