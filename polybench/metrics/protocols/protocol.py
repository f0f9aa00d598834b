"""Protocols: the definition of a printed number, from the statistics of each image to a number for the set.

A protocol has a name, a version that is raised whenever its numbers could change, a definition and a rule for empty
masks. Its functions are pure, in float64, and read gathered rows only.
"""

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch

from polybench.core.wording import is_column, is_noun
from polybench.metrics.measures.histograms import roc_auc
from polybench.metrics.sufficient import Rows

Direction = Literal["higher", "lower"]
"""Whether a higher or a lower value of a metric is better."""

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Protocol:
    """A named and versioned computation of metrics from the statistics of images.

    Attributes:
        name: Name in tables.
        version: Increased whenever a number may change.
        definition: One paragraph for readers, such as a docstring.
        empty_masks: The rule for images without an object, in a sentence.
        columns: Names of the statistics that it reads, of `polybench.metrics.sufficient.COLUMNS`.
        directions: Metric name -> whether higher or lower is better, in the order of tables.
        headline: The metric that rows are ranked by.
        shown: Further metrics of a ranked table, in this order.
        values: Rows -> metric name -> value of each image (n,), for metrics that are a mean over images.
        aggregate: Reduced rows -> metric name -> number, for all other metrics.
        reduce: Rows -> the part of them that `aggregate` reads, computed once for all bootstrap resamples.
        intervals: Rows -> metric -> ends of its 95 % interval, for metrics with a better interval than the bootstrap.
        without_interval: Metrics for which a bootstrap over images is meaningless.
        counts: Name of the column of counts for the per-image table, None for none: true positives, false
            positives, false negatives and, of pixels, true negatives, (n, 3) or (n, 4).
        compared: Metrics that represent the protocol where several protocols are compared; metrics of one inner tuple
            share a column. The headline only by default.
        what: Noun for its rows, such as images, patches or slices.

    Raises:
        ValueError: If a metric has no direction, or a name that can't be the name of a column.
    """

    name: str
    version: int
    definition: str
    empty_masks: str
    columns: tuple[str, ...]
    directions: Mapping[str, Direction]
    headline: str
    shown: tuple[str, ...]
    values: Callable[[Rows], Mapping[str, Values]] = lambda rows: {}
    aggregate: Callable[[Rows], Mapping[str, float]] = lambda rows: {}
    reduce: Callable[[Rows], Rows] = lambda rows: rows
    intervals: Callable[[Rows], Mapping[str, tuple[float, float]]] = lambda rows: {}
    without_interval: frozenset[str] = frozenset()
    counts: str | None = None
    compared: tuple[tuple[str, ...], ...] = ()
    what: str = "images"

    def __post_init__(self) -> None:
        """Check that every metric has a direction and a name that a record can hold."""
        unknown = {self.headline, *self.shown, *(name for cell in self.compared for name in cell)} - set(
            self.directions
        )
        if unknown:
            raise ValueError(f"The protocol {self.name} has no direction for {', '.join(sorted(unknown))}.")
        if not all(map(is_column, (self.name, *self.directions))) or not is_noun(self.what):
            raise ValueError(
                f"The protocol {self.name} has a name with characters other than letters, digits and _.+:=%,-, or its "
                f"rows have a name of several words: {', '.join(self.directions)}; {self.what}."
            )

    @property
    def key(self) -> str:
        """Name and version, as records and pages print it."""
        return f"{self.name}@{self.version}"

    @property
    def compared_cells(self) -> tuple[tuple[str, ...], ...]:
        """Metrics that represent it where protocols are compared: `compared` or the headline."""
        return self.compared or ((self.headline,),)

    @property
    def paragraph(self) -> str:
        """The definition and the rule for empty masks on one line."""
        return " ".join(f"{inspect.cleandoc(self.definition)} Empty masks: {self.empty_masks}".split())

    def scores(self, rows: Rows) -> dict[str, float]:
        """Compute every metric of the set, in the order of `directions`, without those that the set doesn't define.

        Args:
            rows: At least one row.

        Example:
            >>> from polybench.metrics import PER_IMAGE
            >>> rows = Rows(["a", "b"], ["a", "b"], {"counts": np.array([[4, 1, 2, 3], [0, 0, 0, 10]])})
            >>> round(PER_IMAGE.scores(rows)["dice"], 4)  # the mean of 8/11 and, for an empty image left empty, 1
            0.8636
        """
        means = {name: math.fsum(values) / len(values) for name, values in self.values(rows).items()}
        numbers = {**means, **self.aggregate(self.reduce(rows))}
        return {name: float(numbers[name]) for name in self.directions if name in numbers}


def columns_of(protocols: Sequence[Protocol]) -> tuple[str, ...]:
    """Return the names of the statistics that protocols read, each once.

    Example:
        >>> from polybench.metrics import PER_IMAGE
        >>> columns_of([PER_IMAGE])
        ('counts',)
    """
    return tuple(dict.fromkeys(name for protocol in protocols for name in protocol.columns))


def ratio(numerator: Values, denominator: Values, otherwise: float) -> Values:
    """Divide element by element, arrays of one shape; `otherwise` where the denominator is 0.

    Example:
        >>> ratio(np.array([1.0, 0.0]), np.array([4.0, 0.0]), otherwise=1.0).tolist()
        [0.25, 1.0]
    """
    safe = np.where(denominator > 0, denominator, 1.0)
    result: Values = np.where(denominator > 0, numerator / safe, otherwise)
    return result


def maxima(rows: Rows) -> dict[str, float]:
    """Compute the maximum of the mean curve over images, from rows with curves (n, thresholds) as columns.

    Example:
        >>> maxima(Rows(["a", "b"], ["a", "b"], {"dice": np.array([[0.5, 1.0], [0.75, 0.5]])}))  # means 0.625 and 0.75
        {'max_dice': 0.75}
    """
    return {f"max_{name}": float(curve.mean(axis=0).max()) for name, curve in rows.columns.items()}


def pixel_auc(rows: Rows, column: str) -> dict[str, float]:
    """Compute the area under the ROC curve of the pixels of all images; empty where there is a single class.

    Args:
        rows: The rows.
        column: Name of the column of histograms of foreground and background, (n, 2, 256).

    Example:
        >>> counts = np.zeros((1, 2, 256), dtype=int)
        >>> counts[0, 0, [255, 51]] = 1
        >>> counts[0, 1, [128, 0]] = 1
        >>> pixel_auc(Rows(["a"], ["a"], {"histograms": counts}), "histograms")
        {'auc': 0.75}
    """
    foreground, background = torch.from_numpy(rows.integers(column).sum(axis=0))
    if not foreground.sum() or not background.sum():
        return {}
    return {"auc": float(roc_auc(foreground, background))}
