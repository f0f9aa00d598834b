"""The per-image tables of a row's seeds, and numbers of them with intervals that draw whole groups."""

import math
import statistics
from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from polybench.core.errors import DataError
from polybench.results.image_rows import AnyRows, ImageRows, Values
from polybench.results.recomputed import OTHER_DRAWS
from polybench.results.statistics.draws import DIGITS, ends_of, images_drawn, intervals_of_means
from polybench.results.statistics.spread import spread_of

Key = TypeVar("Key", bound=Hashable)
Found = TypeVar("Found")

Numbers = Callable[[Values], Mapping[str, Values]]
"""Sums over images (..., k, draws) -> name -> number, (..., draws)."""

_AT_ONCE = 16
"""Rows whose draws are in memory together."""


@dataclass(frozen=True)
class Estimate:
    """A number of the test images.

    Attributes:
        value: The mean over seeds.
        spread: The standard deviation over seeds; None with one seed.
        low: Lower end of the 95 % interval of the mean over seeds; None with a single group.
        high: Upper end.
        n: Images.
        groups: Groups.
    """

    value: float
    spread: float | None
    low: float | None
    high: float | None
    n: int
    groups: int


class Seeds:
    """Per-image tables of the same images, one for each seed.

    Args:
        tables: At least one; each has one row per image, with `id` and `group`, in the same order.

    Raises:
        DataError: If they have no images, or different ones.
    """

    def __init__(self, tables: Sequence[AnyRows]) -> None:
        self.tables = tuple(map(ImageRows.of, tables))
        ids = self.tables[0].ids
        if not ids or any(table.ids != ids for table in self.tables[1:]):
            raise DataError("The per-image tables of a row's seeds must have the same images, at least one.")

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of the images."""
        return self.tables[0].ids

    @property
    def groups(self) -> tuple[str, ...]:
        """The group of each image."""
        return self.tables[0].groups

    def have(self, names: Collection[str]) -> bool:
        """Whether every table has these columns."""
        return all(name in table.columns for table in self.tables for name in names)

    def only(self, kept: NDArray[np.bool_]) -> "Seeds":
        """The tables of some of the images.

        Args:
            kept: Which, (n,), at least one.
        """
        return Seeds([table[kept] for table in self.tables])

    def values(self, names: Sequence[str]) -> Values:
        """Columns of every seed, (seeds, k, n)."""
        return np.stack([table.block(names).T for table in self.tables])

    def mean(self, name: str) -> Estimate:
        """The mean over images of a column, as the ranked table has it."""
        [found] = means_of([name], [self.groups], [self.values([name])])
        return found[name]


def means_of(
    names: Sequence[Key], groups: Sequence[tuple[str, ...]], values: Sequence[Values]
) -> list[dict[Key, Estimate]]:
    """Means over images of numbers of many rows, as the ranked table has them.

    Rows of the same groups share their draws, so that the intervals are those of each row alone.

    Args:
        names: Names of the numbers.
        groups: For each row, the group of each image, (n,).
        values: For each row, the numbers, (seeds, k, n).
    """
    found: list[dict[Key, Estimate]] = [{} for _ in values]
    for shared, places in _alike(groups):
        means = np.concatenate([values[place].mean(axis=0) for place in places])
        intervals = iter(intervals_of_means(means, shared))
        for place in places:
            found[place] = {
                name: Estimate(one.value, _spread(values[place][:, k]), one.low, one.high, one.n, one.groups)
                for k, (name, one) in enumerate(zip(names, intervals, strict=False))
            }
    return found


def estimates_of(
    numbers: Numbers, groups: Sequence[tuple[str, ...]], parts: Sequence[Values]
) -> list[dict[str, Estimate]]:
    """Numbers of many rows that are no means over images, but follow from sums over images.

    Args:
        numbers: The numbers of such sums.
        groups: For each row, the group of each image, (n,).
        parts: For each row, what is summed, (seeds, k, n).
    """
    found: list[dict[str, Estimate]] = [{} for _ in parts]
    for shared, places in _alike(groups):
        several = len(set(shared)) > 1
        for start in range(0, len(places), _AT_ONCE):
            block = places[start : start + _AT_ONCE]
            ends = _ends(numbers, shared, [parts[place] for place in block]) if several else None
            for row, place in enumerate(block):
                once = numbers(parts[place].sum(axis=2, keepdims=True))
                found[place] = {
                    name: _estimate(of[:, 0], None if ends is None else ends[name][row], shared)
                    for name, of in once.items()
                }
    return found


def of_those_with(
    names: Collection[str], rows: Sequence[Seeds], numbers: Callable[[list[Seeds]], Sequence[Found]]
) -> list[Found | None]:
    """Numbers of the rows whose tables have some columns; None for the others.

    Args:
        names: The columns.
        rows: The rows.
        numbers: Rows -> their numbers.
    """
    having = [row.have(names) for row in rows]
    found = iter(numbers([row for row, has in zip(rows, having, strict=True) if has]))
    return [next(found) if has else None for has in having]


def _ends(numbers: Numbers, groups: tuple[str, ...], parts: Sequence[Values]) -> dict[str, list[list[float]]]:
    """Name -> ends of the intervals of the mean over seeds, (rows, 2)."""
    seeds, every = [len(part) for part in parts], np.concatenate(parts)
    drawn = every.reshape(-1, every.shape[2]) @ images_drawn(groups, OTHER_DRAWS).T
    found = numbers(drawn.reshape(*every.shape[:2], -1))
    stops = np.cumsum(seeds)
    return {
        name: ends_of(
            np.stack([of[stop - count : stop].mean(axis=0) for stop, count in zip(stops, seeds, strict=True)])
        ).T.tolist()
        for name, of in found.items()
    }


def _estimate(each: Values, ends: Sequence[float] | None, groups: tuple[str, ...]) -> Estimate:
    """A number from its value for each seed, (seeds,), and the ends of its interval."""
    values = each.round(DIGITS).tolist()
    low, high = ends or (None, None)
    return Estimate(statistics.fmean(values), spread_of(values), low, high, len(groups), len(set(groups)))


def _spread(values: Values) -> float | None:
    """The spread over seeds of the mean over images, of (seeds, n)."""
    return spread_of([math.fsum(one) / len(one) for one in values.tolist()]) if len(values) > 1 else None


def _alike(groups: Sequence[tuple[str, ...]]) -> list[tuple[tuple[str, ...], list[int]]]:
    """Groups, and the rows that have them."""
    found: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for place, one in enumerate(groups):
        found[one].append(place)
    return list(found.items())
