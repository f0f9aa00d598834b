"""Columns of a record's per-image table: those of its protocols, and those stored for later numbers.

Records are read without the metrics that computed them, so that what polybench's own protocols leave out of their
tables is listed here; a user's own protocol lists its means in `ProtocolScores.means`.
"""

import re
from collections.abc import Collection, Mapping

from polybench.results.facts import ProtocolScores
from polybench.results.statistics.intervals import column

COUNTS = ("tp", "fp", "fn", "tn")
"""Counts of true positives, false positives, false negatives and true negatives."""

_CONFUSION = ("dice", "iou", "precision", "recall", "f2", "specificity", "accuracy")

NO_MEANS: Mapping[str, frozenset[str]] = {
    "per_image": frozenset(),
    "fanet": frozenset(),
    "keras_fcn": frozenset({"dice_of_mean_iou_0.2", "dice_of_mean_iou_0.5"}),
    "pooled": frozenset({*_CONFUSION, "background_iou", "miou", "auc"}),
    "efen": frozenset({"dice", "iou", "precision", "recall"}),
    "pranet": frozenset({"max_dice", "max_iou", "max_e"}),
    "fov": frozenset({"auc", "auc_tolerance"}),
    "sweep": frozenset(f"max_{name}" for name in ("dice", "iou", "f", "e", "network_dice", "network_iou")),
    "boundary": frozenset(),
    "objects": frozenset({"f1", "precision", "recall"}),
    "instances": frozenset(),
    "membranes": frozenset({"max_v_rand", "max_v_info"}),
    "uacanet": frozenset(),
    "patches": frozenset({"auc", "precision", "recall"}),
    "candidates": frozenset(
        {
            *("auc", "accuracy", "detector_sensitivity"),
            *(f"sensitivity_{rate}" for rate in ("0.01", "0.05", "0.1", "0.5", "1.0", "2.0")),
            *(f"true_positive_rate_{rate}" for rate in ("0.1", "0.15", "0.2")),
        }
    ),
    "classes": frozenset({"auc", "balanced_accuracy"}),
}
"""Protocol of polybench -> those of its metrics that are not means over images and have no column."""

COUNTED: Mapping[str, tuple[str, ...]] = {
    "per_image": COUNTS,
    "fanet": COUNTS,
    "pooled": COUNTS,
    "fov": COUNTS,
    "objects": COUNTS[:3],
}
"""Protocol of polybench -> its columns of counts."""

_STORED = re.compile(r"(calibration|surface|size|candidates)@[1-9][0-9]*/[a-z0-9_]+")
"""What `polybench.metrics.stored` adds for later numbers."""


def is_stored(name: str) -> bool:
    """Whether a column holds what is stored for later numbers, and no score."""
    return _STORED.fullmatch(name) is not None


def required_columns(metrics: Mapping[str, ProtocolScores]) -> dict[str, str]:
    """The columns that a table must have: name -> the metric that is read from it.

    Args:
        metrics: `protocol@version` -> scores.
    """
    found: dict[str, str] = {}
    for key, scores in metrics.items():
        name = key.partition("@")[0]
        found |= {column(key, count): f"the counts of {key}" for count in COUNTED.get(name, ())}
        for metric in scores.values:
            if metric not in NO_MEANS[name] if name in NO_MEANS else metric in scores.means:
                found[column(key, metric)] = f"{metric} of {key}"
    return found


def foreign_columns(names: Collection[str], metrics: Mapping[str, ProtocolScores]) -> list[str]:
    """Those columns of a table that belong to none of a record's protocols, and aren't stored for later numbers.

    Args:
        names: The columns, `id` and `group` left out.
        metrics: `protocol@version` -> scores.
    """
    known = set(required_columns(metrics))
    for key, scores in metrics.items():
        if key.partition("@")[0] not in NO_MEANS:  # a protocol of the user's own may have counts
            known |= {column(key, name) for name in (*COUNTS, *scores.values)}
    return [name for name in names if name not in known and not is_stored(name)]
