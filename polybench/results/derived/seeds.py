"""The per-image tables of a row's seeds, and numbers of them with intervals that draw whole groups."""

import math
import statistics
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from polybench.core.errors import DataError
from polybench.results.image_rows import AnyRows, ImageRows, Values
from polybench.results.recomputed import OTHER_DRAWS, Sample, every_image_once, groups_drawn
from polybench.results.statistics.draws import DIGITS, ends_of, intervals_of_means
from polybench.results.statistics.spread import spread_of

Key = TypeVar("Key", int, str)

Numbers = Callable[[Sample], Mapping[str, Values]]
"""A sample -> name -> number in each of its draws, (draws,)."""


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

    def values(self, name: str) -> Values:
        """A column's mean over seeds, (n,)."""
        mean: Values = np.mean([table[name] for table in self.tables], axis=0)
        return mean

    def mean(self, name: str) -> Estimate:
        """The mean over images of a column, as the ranked table has it."""
        return self.means({name: lambda table: table[name]})[name]

    def means(self, numbers: Mapping[Key, Callable[[ImageRows], Values]]) -> dict[Key, Estimate]:
        """Means over images, as the ranked table has them.

        Args:
            numbers: Name -> a number of each image, (n,), from a table.
        """
        values = [np.stack([number(table) for number in numbers.values()]) for table in self.tables]
        intervals = intervals_of_means(np.mean(values, axis=0), self.groups)
        spreads = [spread_of([math.fsum(one) / len(one) for one in of]) for of in np.stack(values, axis=1).tolist()]
        return {
            name: Estimate(found.value, spread, found.low, found.high, found.n, found.groups)
            for name, found, spread in zip(numbers, intervals, spreads, strict=True)
        }

    def estimates(self, numbers: Callable[[ImageRows], Numbers]) -> dict[str, Estimate]:
        """Numbers that are no means over images, such as those of sums over images.

        Args:
            numbers: A table -> the numbers of its samples.
        """
        groups = len(set(self.groups))
        of_table = [numbers(table) for table in self.tables]
        once = [of(every_image_once(table)) for of, table in zip(of_table, self.tables, strict=True)]
        ends: Mapping[str, Sequence[float | None]] = dict.fromkeys(once[0], (None, None))
        if groups > 1:
            drawn = [of(groups_drawn(table, OTHER_DRAWS)) for of, table in zip(of_table, self.tables, strict=True)]
            mean = np.mean([np.stack([of[name] for name in once[0]]) for of in drawn], axis=0)
            ends = dict(zip(once[0], ends_of(mean).T.tolist(), strict=True))
        return {name: _estimate(name, once, ends[name], len(self.ids), groups) for name in once[0]}


def _estimate(
    name: str, once: Sequence[Mapping[str, Values]], ends: Sequence[float | None], n: int, groups: int
) -> Estimate:
    """A number from its value for each seed, and the ends of its interval."""
    values = [round(float(of[name][0]), DIGITS) for of in once]
    return Estimate(statistics.fmean(values), spread_of(values), ends[0], ends[1], n, groups)
