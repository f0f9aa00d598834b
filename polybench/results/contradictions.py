"""What in a record contradicts the rest of it: numbers that no table has, but that can't be true side by side."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from polybench.results.config import recorded_sha256
from polybench.results.facts import MetricValue, ProtocolScores
from polybench.results.table_columns import COUNTED, NO_MEANS

if TYPE_CHECKING:
    from polybench.results.record import Record

ROUNDING = 1e-9
"""How far a number may lie outside of its interval by rounding."""

BEYOND = 0.01
"""How far a share may lie outside of 0 to 1: the E-measure of n pixels reaches n / (n - 1)."""

_BUDGET_SIZE = re.compile(r"[1-9][0-9]* images of ([1-9][0-9]*)x([1-9][0-9]*)")


def contradictions(record: "Record") -> Iterator[str]:
    """Find what can't be true of a record, each as a clause such as "has the headline 'x', which it has no number of".

    They hold for records of all versions, so that nothing is asked for that an earlier version didn't write.
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
            yield f"names the metric '{metric}' under {key}, and has no number of it"
    shares = NO_MEANS.get(key.partition("@")[0], frozenset())  # those of a protocol that no table has are shares
    for metric, said in scores.values.items():
        if metric in shares and not -BEYOND <= said.value <= 1 + BEYOND:
            yield f"says {metric} {said.value:.6f} under {key}, which lies between 0 and 1"
        elif not _is_near(said):
            yield f"says {metric} {said.value:.6f} under {key}, far outside of its interval [{said.low}, {said.high}]"
    name, counted = key.partition("@")[0], (scores.empty_masks, scores.false_positives_on_empty)
    if name in NO_MEANS and name not in COUNTED and counted != (None, None):
        yield f"says {scores.empty_masks} empty masks under {key}, which counts none"


def _is_near(said: MetricValue) -> bool:
    """Whether a number lies in its interval, or not further outside than the interval is wide.

    A number that is no mean, such as an area under a curve, can be lower than in nearly all draws of its groups: a
    group that is drawn twice agrees with itself.
    """
    if said.low is None or said.high is None:
        return said.low is said.high
    slack = said.high - said.low + ROUNDING * max(1.0, abs(said.value))
    return said.low <= said.high and said.low - slack <= said.value <= said.high + slack


def _of_images(record: "Record") -> Iterator[str]:
    """Whole test sets are recorded, so that each of their images has been tested; patches are counted otherwise."""
    data = record.dataset
    if record.task != "segmentation" or data.patches_sha256 is not None:
        return
    for key, scores in record.metrics.items():
        if scores.n != data.counts.test:
            yield f"says {scores.n} {scores.what} under {key} where its dataset has {data.counts.test} to test"


def _of_training(record: "Record") -> Iterator[str]:
    run, best = (record.training.epochs_run, record.training.best_epoch) if record.training else (0, None)
    # Finished epochs are counted, and the best may be one that was cut short; earlier versions counted none where a run
    # was resumed after its end.
    if run > 0 and best is not None and not 1 <= best <= run + 1:
        yield f"says that epoch {best} was the best of {run}"
    budget = record.identity.budget_id if record.identity else None
    if budget is None:
        return
    found = _BUDGET_SIZE.fullmatch(budget)
    if found is None or (int(found[1]), int(found[2])) != record.dataset.size:
        size = "x".join(map(str, record.dataset.size or ()))
        yield f"has the budget_id '{budget[:80]}' where its net saw images of {size}"
