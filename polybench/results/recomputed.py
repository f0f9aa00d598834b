"""Numbers of a record that its per-image table determines, computed again from the table alone.

Means of columns; what follows from sums of counts over images (one confusion matrix, objects, patches); and the
intervals of both, from the same draws. Numbers of histograms or of soft sums, which no table holds, can't be computed
again: `auc` of pixels, `max_*`, and Dice and IoU of `efen`.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

import numpy as np

from polybench.results.facts import ProtocolScores
from polybench.results.image_rows import AnyRows, Values, groups_of_rows
from polybench.results.statistics.draws import images_drawn
from polybench.results.statistics.intervals import column
from polybench.results.table_columns import COUNTS, NO_MEANS

Number = Callable[["Sample"], Values]

MEAN_DRAWS, OTHER_DRAWS = 2000, 1000
"""How often groups are drawn anew for the interval of a mean, and of another number."""


class Sample:
    """A table's images, each counted a number of times, in several draws at once.

    Args:
        rows: The table, (n,) rows.
        times: How often each image counts in each draw, (draws, n).
    """

    def __init__(self, rows: AnyRows, times: Values) -> None:
        self._rows, self._times = rows, times

    def total(self, values: Values) -> Values:
        """Sum of values (n,) or (n, k) over images, (draws,) or (draws, k)."""
        total: Values = self._times @ values
        return total

    def sum(self, name: str) -> Values:
        """Sum of a column, (draws,)."""
        return self.total(self.column(name))

    def mean(self, name: str) -> Values:
        """Mean of a column, (draws,)."""
        mean: Values = self.sum(name) / self.images
        return mean

    @cached_property
    def images(self) -> Values:
        """Images of each draw, (draws,)."""
        images: Values = self._times.sum(axis=1)
        return images

    def column(self, name: str) -> Values:
        """A column, (n,)."""
        values: Values = np.asarray(self._rows[name], dtype=np.float64)
        return values


def every_image_once(rows: AnyRows) -> Sample:
    """A single draw, that of the images themselves."""
    return Sample(rows, np.ones((1, len(rows))))


def groups_drawn(rows: AnyRows, draws: int) -> Sample:
    """Whole groups drawn with replacement, the draws of `polybench.results.statistics.intervals`."""
    return Sample(rows, images_drawn(groups_of_rows(rows), draws))


def numbers_of(metrics: Mapping[str, ProtocolScores], rows: AnyRows) -> dict[tuple[str, str], Number]:
    """What can be computed again: `protocol@version` and metric -> the number as a function of a sample.

    Args:
        metrics: `protocol@version` -> scores.
        rows: The table, which has the required columns.
    """
    found: dict[tuple[str, str], Number] = {}
    for key, scores in metrics.items():
        derived = _derived(key, metrics, rows)
        for metric in scores.values:
            if metric in derived:
                found[key, metric] = derived[metric]
            elif column(key, metric) in rows.columns:
                found[key, metric] = _mean_of(column(key, metric))
    return found


def is_mean(key: str, metric: str) -> bool:
    """Whether a metric is a mean over images."""
    return metric not in NO_MEANS.get(key.partition("@")[0], frozenset())


def confusion(counts: Sequence[Values]) -> dict[str, Values]:
    """Metrics of true positives, false positives, false negatives and true negatives; all 1 where nothing is there."""
    tp, fp, fn, tn = counts
    nothing = tp + fp + fn == 0

    def share(part: Values, whole: Values, otherwise: float = 0.0) -> Values:
        return np.where(whole > 0, part / np.where(whole > 0, whole, 1.0), otherwise)

    shares = {
        "dice": share(2 * tp, 2 * tp + fp + fn),
        "iou": share(tp, tp + fp + fn),
        "precision": share(tp, tp + fp),
        "recall": share(tp, tp + fn),
        "f2": share(5 * tp, 5 * tp + fp + 4 * fn),
        "accuracy": share(tp + tn, tp + fp + fn + tn),
    }
    return {name: np.where(nothing, 1.0, one) for name, one in shares.items()} | {
        "specificity": share(tn, tn + fp, 1.0)
    }


def _mean_of(name: str) -> Number:
    return lambda sample: sample.mean(name)


def _derived(key: str, metrics: Mapping[str, ProtocolScores], rows: AnyRows) -> dict[str, Number]:
    """Metric -> number, of those metrics of a protocol that are no means but follow from the table."""
    if key == "pooled@2":
        return {name: _pooled(key, name) for name in ("background_iou", "miou", *_CONFUSION)}
    if key == "objects@2":
        return {name: _of_objects(key, name) for name in ("f1", "precision", "recall")}
    if key == "keras_fcn@2":
        return {f"dice_of_mean_iou_{at}": _dice_of_iou(column(key, f"iou_{at}")) for at in ("0.2", "0.5")}
    if key == "efen@2" and "fanet@2" in metrics:  # both count pixels at network size
        return {name: _of_network(name) for name in ("precision", "recall")}
    if key == "patches@1" and POSITIVE in rows.columns:
        return {name: _of_patches(key, name) for name in ("precision", "recall")}
    return {}


_CONFUSION = ("dice", "iou", "precision", "recall", "f2", "accuracy", "specificity")
POSITIVE = "calibration@1/positive"


def _sums(sample: Sample, key: str) -> list[Values]:
    return [sample.sum(column(key, count)) for count in COUNTS]


def _pooled(key: str, metric: str) -> Number:
    def number(sample: Sample) -> Values:
        tp, fp, fn, tn = _sums(sample, key)
        found, background = confusion((tp, fp, fn, tn)), confusion((tn, fn, fp, tp))["iou"]
        return {**found, "background_iou": background, "miou": (found["iou"] + background) / 2}[metric]

    return number


def _of_objects(key: str, metric: str) -> Number:
    def number(sample: Sample) -> Values:
        tp, fp, fn = (sample.sum(column(key, count)) for count in COUNTS[:3])
        return confusion((tp, fp, fn, np.zeros_like(tp)))["dice" if metric == "f1" else metric]

    return number


def _dice_of_iou(name: str) -> Number:
    return lambda sample: 2 * sample.mean(name) / (1 + sample.mean(name))


def _of_network(metric: str) -> Number:
    def number(sample: Sample) -> Values:
        tp, fp, fn, _ = _sums(sample, "fanet@2")
        whole = tp + (fp if metric == "precision" else fn)
        return np.where(whole > 0, tp / np.where(whole > 0, whole, 1.0), 0.0)

    return number


def _of_patches(key: str, metric: str) -> Number:
    def number(sample: Sample) -> Values:
        positive, right = sample.column(POSITIVE) > 0, sample.column(column(key, "accuracy")) > 0
        tp, fp, fn = positive & right, ~positive & ~right, positive & ~right
        counts = [sample.total(one.astype(np.float64)) for one in (tp, fp, fn)]
        return confusion((*counts, np.zeros_like(counts[0])))[metric]

    return number
