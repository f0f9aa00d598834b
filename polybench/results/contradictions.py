"""Contradictions inside a record, which its per-image table can't reveal."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from polybench.results.config import recorded_sha256
from polybench.results.facts import MetricValue, ProtocolScores
from polybench.results.table_columns import COUNTED, NO_MEANS

if TYPE_CHECKING:
    from polybench.results.record import Record

ROUNDING = 1e-9
"""Distance of a number from its interval that rounding explains."""

BEYOND = 0.01
"""Distance of a share from the range 0 to 1: the E-measure of n pixels reaches n / (n - 1)."""

_BUDGET_SIZE = re.compile(r"[1-9][0-9]* images of ([1-9][0-9]*)x([1-9][0-9]*)")


def contradictions(record: "Record") -> Iterator[str]:
    """Find contradictions, each as a clause such as "names the metric 'x' under y, and has no value of it".

    Records of all versions are checked alike: nothing is required that an earlier version didn't write.
    """
    for key, scores in record.metrics.items():
        yield from _of_protocol(key, scores)
    yield from _of_images(record)
    yield from _of_training(record)
    if record.config_sha256 != recorded_sha256(record.config):
        yield "has the config_sha256 of another configuration than its own"


def _of_protocol(key: str, scores: ProtocolScores) -> Iterator[str]:
    named = [*scores.shown, *scores.means, *(name for cell in scores.compared for name in cell)]
    for metric in [*named, *([scores.headline] if scores.headline is not None else [])]:
        if metric not in scores.values:
            yield f"names the metric '{metric}' under {key}, and has no value of it"
    shares = NO_MEANS.get(key.partition("@")[0], frozenset())  # those of a protocol that no table has are shares
    for metric, stated in scores.values.items():
        if metric in shares and not -BEYOND <= stated.value <= 1 + BEYOND:
            yield f"gives {metric} {stated.value:.6f} under {key}, which must be between 0 and 1"
        elif not _is_near(stated):
            ends = f"[{stated.low}, {stated.high}]"
            yield f"gives {metric} {stated.value:.6f} under {key}, far outside of its interval {ends}"
    name, counted = key.partition("@")[0], (scores.empty_masks, scores.false_positives_on_empty)
    if name in NO_MEANS and name not in COUNTED and counted != (None, None):
        yield f"gives {scores.empty_masks} empty masks under {key}, which counts none"


def _is_near(stated: MetricValue) -> bool:
    """Whether a number is in its interval, or no further outside than the interval is wide.

    A number that is not a mean, such as an area under a curve, can be lower than in nearly all draws of its groups: a
    group that is drawn twice agrees with itself.
    """
    if stated.low is None or stated.high is None:
        return stated.low is stated.high
    slack = stated.high - stated.low + ROUNDING * max(1.0, abs(stated.value))
    return stated.low <= stated.high and stated.low - slack <= stated.value <= stated.high + slack


def _of_images(record: "Record") -> Iterator[str]:
    """Whole test sets are recorded, so that each of their images has been tested; patches are counted otherwise."""
    data = record.dataset
    if record.task != "segmentation" or data.patches_sha256 is not None:
        return
    for key, scores in record.metrics.items():
        if scores.n != data.counts.test:
            yield f"gives {scores.n} {scores.what} under {key} where its dataset has {data.counts.test} to test"


def _of_training(record: "Record") -> Iterator[str]:
    run, best = (record.training.epochs_run, record.training.best_epoch) if record.training else (0, None)
    # Finished epochs are counted, and the best may be one that was cut short; earlier versions counted none where a run
    # was resumed after its end.
    if run > 0 and best is not None and not 1 <= best <= run + 1:
        yield f"states that epoch {best} was the best of {run}"
    budget = record.identity.budget_id if record.identity else None
    if budget is None:
        return
    found = _BUDGET_SIZE.fullmatch(budget)
    if found is None or (int(found[1]), int(found[2])) != record.dataset.size:
        size = "x".join(map(str, record.dataset.size or ()))
        yield f"has the budget_id '{budget[:80]}' where its net saw images of {size}"
