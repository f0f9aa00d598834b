"""The per-image tables of a row's seeds, and numbers of them with intervals that draw whole groups."""

import math
import statistics
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from polybench.core.errors import DataError
from polybench.results.recomputed import OTHER_DRAWS, Sample, Values, every_image_once, groups_drawn
from polybench.results.statistics.intervals import interval_of_mean

if TYPE_CHECKING:
    import pandas as pd

Numbers = Callable[[Sample], Mapping[str, Values]]
"""A sample -> name -> number in each of its draws, (draws,)."""

_DIGITS = 12
"""Numbers are rounded, since the last bits of a sum depend on the processor."""


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

    def __init__(self, tables: Sequence["pd.DataFrame"]) -> None:
        self.tables = tuple(tables)
        ids = self.tables[0]["id"].tolist()
        if not ids or any(table["id"].tolist() != ids for table in self.tables[1:]):
            raise DataError("The per-image tables of a row's seeds must have the same images, at least one.")

    @property
    def ids(self) -> list[str]:
        """Ids of the images."""
        return list(self.tables[0]["id"])

    @property
    def groups(self) -> list[str]:
        """The group of each image."""
        return list(self.tables[0]["group"])

    def have(self, names: Collection[str]) -> bool:
        """Whether every table has these columns."""
        return all(set(names) <= set(table.columns) for table in self.tables)

    def only(self, kept: NDArray[np.bool_]) -> "Seeds":
        """The tables of some of the images.

        Args:
            kept: Which, (n,), at least one.
        """
        return Seeds([table[kept] for table in self.tables])

    def values(self, name: str) -> Values:
        """A column's mean over seeds, (n,)."""
        return self.values_of(lambda table: table[name].to_numpy(dtype=np.float64))

    def values_of(self, number: Callable[["pd.DataFrame"], Values]) -> Values:
        """A number of each image, its mean over seeds, (n,)."""
        mean: Values = np.mean([number(table) for table in self.tables], axis=0)
        return mean

    def mean(self, number: "str | Callable[[pd.DataFrame], Values]") -> Estimate:
        """The mean over images of a column, or of a number of each image (n,), as the ranked table has it."""
        if isinstance(number, str):
            name = number
            return self.mean(lambda table: table[name].to_numpy(dtype=np.float64))
        interval = interval_of_mean(self.values_of(number), self.groups)
        spread = _spread([math.fsum(number(table).tolist()) / len(table) for table in self.tables])
        return Estimate(interval.value, spread, interval.low, interval.high, interval.n, interval.groups)

    def estimates(self, numbers: Callable[["pd.DataFrame"], Numbers]) -> dict[str, Estimate]:
        """Numbers that are no means over images, such as those of sums over images.

        Args:
            numbers: A table -> the numbers of its samples.
        """
        groups = len(set(self.groups))
        of_table = [numbers(table) for table in self.tables]
        once = [of(every_image_once(table)) for of, table in zip(of_table, self.tables, strict=True)]
        drawn: list[Mapping[str, Values]] = []
        if groups > 1:
            drawn = [of(groups_drawn(table, OTHER_DRAWS)) for of, table in zip(of_table, self.tables, strict=True)]
        return {name: _estimate(name, once, drawn, len(self.ids), groups) for name in once[0]}


def _estimate(
    name: str, once: Sequence[Mapping[str, Values]], drawn: Sequence[Mapping[str, Values]], n: int, groups: int
) -> Estimate:
    """A number from its value for each seed, and from its values in the same draws for each."""
    values = [round(float(of[name][0]), _DIGITS) for of in once]
    low = high = None
    if drawn:
        mean = np.mean([of[name] for of in drawn], axis=0)
        low, high = (round(float(end), _DIGITS) for end in np.quantile(mean, [0.025, 0.975]))
    return Estimate(statistics.fmean(values), _spread(values), low, high, n, groups)


def _spread(values: Sequence[float]) -> float | None:
    return statistics.stdev(values) if len(values) > 1 else None
