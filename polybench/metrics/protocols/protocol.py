"""A protocol: what a printed number means, from the statistics of each image to a number for the set.

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
"""Which way a metric is better."""

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Protocol:
    """A named way to turn the statistics of images into numbers.

    Attributes:
        name: The name in tables.
        version: Raised whenever a number could change.
        definition: One paragraph for people, as a docstring has it.
        empty_masks: What an image without an object scores, in a sentence.
        columns: Names of the statistics that it reads, of `polybench.metrics.sufficient.COLUMNS`.
        directions: Metric name -> which way is better, in the order of tables.
        headline: The metric that rows are ranked by.
        shown: Metrics that stand beside it in a ranked table, in this order.
        values: Rows -> metric name -> value of each image (n,), for metrics that are a mean over images.
        aggregate: Reduced rows -> metric name -> number, for metrics that are not.
        reduce: Rows -> what `aggregate` reads of each image, made once where images are drawn anew many times.
        intervals: Rows -> metric -> ends of its 95 % interval, for metrics with a better one than drawing groups anew.
        without_interval: Metrics for which images drawn anew tell nothing about their uncertainty.
        counts: Name of the counts that belong beside its values, where there is one such column: true positives, false
            positives, false negatives and, of pixels, true negatives, (n, 3) or (n, 4).
        compared: Metrics that stand for the protocol where several protocols are compared; those of one inner tuple
            share a column. The headline alone if left out.
        what: What its rows are, such as images, patches or slices.

    Raises:
        ValueError: If a metric is named that has no direction, or by what can't head a column.
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
        """Check that every metric that is named has a direction, and that a record can hold its name."""
        unknown = {self.headline, *self.shown, *(name for cell in self.compared for name in cell)} - set(
            self.directions
        )
        if unknown:
            raise ValueError(f"The protocol {self.name} has no direction for {', '.join(sorted(unknown))}.")
        if not all(map(is_column, (self.name, *self.directions))) or not is_noun(self.what):
            raise ValueError(
                f"The protocol {self.name} names a metric by more than letters, digits and _.+:=%,- or its rows by "
                f"more than a word: {', '.join(self.directions)}; {self.what}."
            )

    @property
    def key(self) -> str:
        """Name and version, as records and pages print it."""
        return f"{self.name}@{self.version}"

    @property
    def compared_cells(self) -> tuple[tuple[str, ...], ...]:
        """What stands for it where protocols are compared, `compared` or the headline."""
        return self.compared or ((self.headline,),)

    @property
    def paragraph(self) -> str:
        """The definition and the rule for empty masks on one line."""
        return " ".join(f"{inspect.cleandoc(self.definition)} Empty masks: {self.empty_masks}".split())

    def scores(self, rows: Rows) -> dict[str, float]:
        """Every metric of the set, in the order of `directions`; one that the set doesn't define is left out.

        Args:
            rows: At least one row.
        """
        means = {name: math.fsum(values) / len(values) for name, values in self.values(rows).items()}
        numbers = {**means, **self.aggregate(self.reduce(rows))}
        return {name: float(numbers[name]) for name in self.directions if name in numbers}


def columns_of(protocols: Sequence[Protocol]) -> tuple[str, ...]:
    """Names of the statistics that protocols read, each once."""
    return tuple(dict.fromkeys(name for protocol in protocols for name in protocol.columns))


def ratio(numerator: Values, denominator: Values, otherwise: float) -> Values:
    """Divide element by element, arrays of one shape; `otherwise` where the denominator is 0."""
    safe = np.where(denominator > 0, denominator, 1.0)
    result: Values = np.where(denominator > 0, numerator / safe, otherwise)
    return result


def maxima(rows: Rows) -> dict[str, float]:
    """The best threshold's mean over images, of each curve, from rows whose columns are curves (n, thresholds)."""
    return {f"max_{name}": float(curve.mean(axis=0).max()) for name, curve in rows.columns.items()}


def pixel_auc(rows: Rows, column: str) -> dict[str, float]:
    """Area under the ROC curve of the pixels of all images together; nothing where there is one class only.

    Args:
        rows: The rows.
        column: Their histograms of foreground and background, (n, 2, 256).
    """
    foreground, background = torch.from_numpy(rows.integers(column).sum(axis=0))
    if not foreground.sum() or not background.sum():
        return {}
    return {"auc": float(roc_auc(foreground, background))}
