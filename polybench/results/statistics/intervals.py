"""Means over images, and other numbers of a set, with intervals that respect groups, such as the frames of one video.

Percentile bootstrap over groups (Efron & Tibshirani, An Introduction to the Bootstrap, 1993, ch. 13), of means and of
what follows from sums over images: bootstrap intervals of a median fail badly on segmentation scores.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from polybench.core.errors import DataError
from polybench.results.facts import Direction, MetricValue, ProtocolScores

if TYPE_CHECKING:
    import pandas as pd

FEW_IMAGES = 50
FEW_GROUPS = 50
"""In simulations of skewed Dice values the 95 % interval covers the truth in 79 % of cases with 10 groups, in 82 % with
20, in 92 % with 50 and in 95 % with 100."""


@dataclass(frozen=True)
class Interval:
    """A mean over images and its confidence interval.

    Attributes:
        value: The mean over all images.
        low: Lower end; None with a single group, from which nothing follows for other groups.
        high: Upper end; None with a single group.
        n: Images.
        groups: Groups.
    """

    value: float
    low: float | None
    high: float | None
    n: int
    groups: int


def column(protocol: str, metric: str) -> str:
    """Name of a per-image column, such as `per_image@1/dice`; counts are called `tp`, `fp`, `fn`, `tn`."""
    return f"{protocol}/{metric}"


def interval_of_mean(
    values: Sequence[float] | NDArray[np.float64],
    groups: Sequence[str],
    *,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """Bootstrap the mean over images by drawing whole groups.

    A resample draws as many groups as there are, with replacement; its statistic is the sum of its values over the
    number of its images. The order of the images doesn't matter, to the last bit.

    Args:
        values: One number per image.
        groups: The group of each image.
        confidence: Share of resamples inside the interval.
        resamples: How many.
        seed: Of the draws.

    Raises:
        DataError: If there are no values, one is not finite, or the lengths differ.
    """
    numbers = np.asarray(values, dtype=np.float64)
    if numbers.size == 0 or len(numbers) != len(groups) or not np.isfinite(numbers).all():
        raise DataError("An interval needs at least one image, a finite value and a group for each.")
    members: dict[str, list[float]] = {}
    for group, number in zip(groups, numbers.tolist(), strict=True):
        members.setdefault(group, []).append(number)
    value = math.fsum(numbers.tolist()) / len(numbers)
    if len(members) == 1:
        return Interval(value, None, None, len(numbers), 1)
    if numbers.min() == numbers.max():
        value = float(numbers[0])
        return Interval(value, value, value, len(numbers), len(members))
    sums, counts = np.array([(math.fsum(members[name]), float(len(members[name]))) for name in sorted(members)]).T
    bounds = stats.bootstrap(
        (sums, counts),
        _pooled_mean,
        paired=True,
        n_resamples=resamples,
        confidence_level=confidence,
        method="percentile",
        random_state=np.random.default_rng(seed),
    ).confidence_interval
    return Interval(value, float(bounds.low), float(bounds.high), len(numbers), len(members))


def intervals_of(
    numbers_of: Callable[[NDArray[np.intp]], Mapping[str, float]],
    groups: Sequence[str],
    *,
    confidence: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> dict[str, tuple[float, float]]:
    """Bootstrap numbers that are not means over images, by drawing whole groups.

    Args:
        numbers_of: Positions of the images drawn, rising, repeated where a group was drawn again -> metric -> number;
            a metric that those images don't define may be left out.
        groups: The group of each image.
        confidence: Share of resamples inside the interval.
        resamples: How many.
        seed: Of the draws.

    Returns:
        Metric -> ends of its interval; empty with a single group, from which nothing follows for other groups.
    """
    names, membership = np.unique(np.asarray(groups, dtype=object), return_inverse=True)
    if len(names) == 1:
        return {}
    draws = np.random.default_rng(seed).integers(0, len(names), (resamples, len(names)))
    found: dict[str, list[float]] = {}
    for draw, alike in zip(*np.unique(np.sort(draws, axis=1), axis=0, return_counts=True), strict=True):
        times = np.bincount(draw, minlength=len(names))[membership]
        for metric, number in numbers_of(np.repeat(np.arange(len(groups)), times)).items():
            found.setdefault(metric, []).extend([number] * alike)
    tails = [(1 - confidence) / 2, (1 + confidence) / 2]
    ends = {metric: np.quantile(numbers, tails) for metric, numbers in found.items()}
    return {metric: (float(low), float(high)) for metric, (low, high) in ends.items()}


def summarise(rows: "pd.DataFrame", protocol: str, directions: Mapping[str, Direction]) -> ProtocolScores:
    """Aggregate the per-image columns of one protocol.

    Args:
        rows: One row per test image: `group`, and `column(protocol, metric)` for each metric. Images with an empty
            mask are counted when the columns of `tp`, `fp` and `fn` are there.
        protocol: `name@version`.
        directions: Metric -> which way is better.

    Returns:
        Means with 95 % intervals, and the counts of images, groups and empty masks.

    Raises:
        DataError: If a column is missing, or a value is.
    """
    values = {}
    for metric, direction in directions.items():
        interval = interval_of_mean(values_of(rows, protocol, metric), rows["group"].tolist())
        values[metric] = MetricValue(interval.value, interval.low, interval.high, direction)
    empty, false_positives = _count_empty(rows, protocol)
    return ProtocolScores(len(rows), rows["group"].nunique(), empty, false_positives, values)


def values_of(rows: "pd.DataFrame", protocol: str, metric: str) -> NDArray[np.float64]:
    """One per-image column as an array of shape (images,).

    Raises:
        DataError: If the table lacks it.
    """
    name = column(protocol, metric)
    if name not in rows.columns:
        raise DataError(f"The per-image table has no column '{name}'.")
    values: NDArray[np.float64] = rows[name].to_numpy(dtype=np.float64)
    return values


def caution(n: int, groups: int, what: str = "images") -> str | None:
    """A sentence for the reader when intervals rest on little, else None.

    Args:
        n: How many there are.
        groups: In how many groups.
        what: What they are.
    """
    if n >= FEW_IMAGES and groups >= FEW_GROUPS:
        return None
    if groups == 1:
        return f"The {n} {what} belong to one group: no interval can be given."
    images = f"{n} {what}" + (f" in {groups} groups" if groups < n else "")
    return f"Only {images}: the intervals are rough, and more likely too narrow than too wide."


def _count_empty(rows: "pd.DataFrame", protocol: str) -> tuple[int | None, int | None]:
    """Images with an empty mask, and those of them with a prediction."""
    if not {column(protocol, name) for name in ("tp", "fp", "fn")} <= set(rows.columns):
        return None, None
    tp, fp, fn = (values_of(rows, protocol, name) for name in ("tp", "fp", "fn"))
    empty = tp + fn == 0
    return int(empty.sum()), int((empty & (fp > 0)).sum())


def _pooled_mean(sums: NDArray[np.float64], counts: NDArray[np.float64], axis: int = -1) -> NDArray[np.float64]:
    """Sum of group sums over sum of group counts, along `axis`."""
    ratio: NDArray[np.float64] = sums.sum(axis) / counts.sum(axis)
    return ratio
