"""A per-image metric by strata: classes of images, such as sizes of objects or the centres of a table."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from polybench.core.errors import DataError
from polybench.core.wording import some
from polybench.results.derived.seeds import Estimate, Seeds
from polybench.results.facts import Direction


@dataclass(frozen=True)
class GroupMean:
    """The mean over the images of a group.

    Attributes:
        name: The group.
        value: The mean over its images in the stratum, and over seeds.
        n: These images.
    """

    name: str
    value: float
    n: int


@dataclass(frozen=True)
class Stratum:
    """Some of the images.

    Attributes:
        name: What they have in common.
        mean: The metric's mean over them, with their number and that of their groups.
        worst: The group with the worst mean; the first by name of several.
    """

    name: str
    mean: Estimate
    worst: GroupMean


def strata(
    seeds: Seeds,
    metric: str,
    labels: Mapping[str, str],
    *,
    order: Sequence[str] = (),
    direction: Direction = "higher",
) -> tuple[Stratum, ...]:
    """Compute a metric in each stratum.

    Args:
        seeds: The tables of a row.
        metric: Column of the metric, such as `per_image@2/dice`.
        labels: Image id -> name of its stratum, for every image.
        order: Strata in the order of the result; others follow by name. Those without an image are left out.
        direction: Which way the metric is better.

    Raises:
        DataError: If an image has no stratum.
    """
    if lacking := [image_id for image_id in seeds.ids if image_id not in labels]:
        raise DataError(f"{len(lacking)} image(s) belong to no stratum: {some(lacking)}.")
    of_image = np.array([labels[image_id] for image_id in seeds.ids], dtype=object)
    found = set(of_image.tolist())
    names = [*(name for name in order if name in found), *sorted(found - set(order))]
    return tuple(_stratum(name, seeds.only(of_image == name), metric, direction) for name in names)


def worst_stratum(found: Sequence[Stratum], direction: Direction = "higher") -> Stratum:
    """The stratum with the worst mean; the first of several."""
    return min(found, key=lambda stratum: _goodness(stratum.mean.value, direction))


def _stratum(name: str, seeds: Seeds, metric: str, direction: Direction) -> Stratum:
    members: dict[str, list[float]] = {}
    for group, value in zip(seeds.groups, seeds.values(metric).tolist(), strict=True):
        members.setdefault(group, []).append(value)
    means = [GroupMean(name, math.fsum(values) / len(values), len(values)) for name, values in sorted(members.items())]
    return Stratum(name, seeds.mean(metric), min(means, key=lambda group: _goodness(group.value, direction)))


def _goodness(value: float, direction: Direction) -> float:
    return value if direction == "higher" else -value
