"""A per-image metric by strata: classes of images, such as sizes of objects or the centres of a table."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from polybench.core.errors import DataError
from polybench.core.wording import some
from polybench.results.derived.seeds import Estimate, Seeds, means_of
from polybench.results.facts import Direction
from polybench.results.image_rows import Values


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
    return strata_of([seeds], metric, [labels], order=order, direction=direction)[0]


def strata_of(
    rows: Sequence[Seeds],
    metric: str,
    labels: Sequence[Mapping[str, str]],
    *,
    order: Sequence[str] = (),
    direction: Direction = "higher",
) -> list[tuple[Stratum, ...]]:
    """The same of many rows at once, each with labels of its own."""
    parts = [_parts(row, metric, of, order) for row, of in zip(rows, labels, strict=True)]
    every = [part for of_row in parts for part in of_row]
    means = iter(means_of([metric], [part.groups for part in every], [part.values for part in every]))
    return [tuple(_stratum(part, next(means)[metric], direction) for part in of_row) for of_row in parts]


def worst_group(groups: Sequence[str], values: Values, direction: Direction) -> GroupMean:
    """The group with the worst mean; the first by name of several.

    Args:
        groups: The group of each image, (n,).
        values: A metric of each image, (n,).
        direction: Which way it is better.
    """
    members: dict[str, list[float]] = {}
    for group, value in zip(groups, values.tolist(), strict=True):
        members.setdefault(group, []).append(value)
    means = [(math.fsum(of) / len(of), name, len(of)) for name, of in members.items()]
    value, name, n = min(means, key=lambda one: (_goodness(one[0], direction), one[1]))
    return GroupMean(name, value, n)


def worst_stratum(found: Sequence[Stratum], direction: Direction = "higher") -> Stratum:
    """The stratum with the worst mean; the first of several."""
    return min(found, key=lambda stratum: _goodness(stratum.mean.value, direction))


class _Part(NamedTuple):
    """The images of a stratum of a row: their groups, and values (seeds, 1, n)."""

    name: str
    groups: tuple[str, ...]
    values: Values


def _parts(seeds: Seeds, metric: str, labels: Mapping[str, str], order: Sequence[str]) -> list[_Part]:
    if lacking := [image_id for image_id in seeds.ids if image_id not in labels]:
        raise DataError(f"{len(lacking)} image(s) belong to no stratum: {some(lacking)}.")
    members: dict[str, list[int]] = {}
    for place, image_id in enumerate(seeds.ids):
        members.setdefault(labels[image_id], []).append(place)
    names = [*(name for name in order if name in members), *sorted(members.keys() - set(order))]
    values = seeds.values([metric])
    return [
        _Part(name, tuple(seeds.groups[place] for place in members[name]), values[:, :, members[name]])
        for name in names
    ]


def _stratum(part: _Part, mean: Estimate, direction: Direction) -> Stratum:
    return Stratum(part.name, mean, worst_group(part.groups, part.values.mean(axis=(0, 1)), direction))


def _goodness(value: float, direction: Direction) -> float:
    return value if direction == "higher" else -value
