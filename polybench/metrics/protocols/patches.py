"""Patches told apart: does one show an object, or none?

Each patch is called positive where its probability is at least 0.5. auc is the area under the ROC curve of all patches
of the subset, with DeLong's interval whose variance is summed over groups; accuracy is a mean over patches, precision
and recall are of all patches together. The patches are drawn alike in every run, so that only records of the same ones
are compared.
"""

import numpy as np

from polybench.metrics.measures.classification import Scored, roc_auc, threshold_values
from polybench.metrics.protocols.protocol import Protocol, Values
from polybench.metrics.sufficient import Rows

THRESHOLD = 0.5


def scored(rows: Rows) -> Scored:
    """Convert rows to the input of `polybench.metrics.measures.classification`.

    Example:
        >>> ids = ["a", "b", "c", "d", "e"]
        >>> columns = {"score": np.array([0.8, 0.6, 0.4, 0.7, 0.1]), "positive": np.array([1, 1, 1, 0, 0])}
        >>> {name: round(value, 4) for name, value in PATCHES.scores(Rows(ids, ids, columns)).items()}
        {'auc': 0.6667, 'accuracy': 0.6, 'precision': 0.6667, 'recall': 0.6667}
    """
    return Scored(rows.ids, rows.groups, rows.numbers("score"), rows.columns["positive"].astype(bool))


def _right(rows: Rows) -> dict[str, Values]:
    """Return whether each patch is classified correctly, 0 or 1, (n,)."""
    called = rows.numbers("score") >= THRESHOLD
    return {"accuracy": (called == rows.columns["positive"].astype(bool)).astype(np.float64)}


def _of_all(rows: Rows) -> dict[str, float]:
    """Compute precision and recall, and the AUC where there are both classes."""
    patches = scored(rows)
    found = threshold_values(patches, THRESHOLD)
    numbers = {name: found[name] for name in ("precision", "recall")}
    return {"auc": roc_auc(patches).value, **numbers} if _both_classes(patches) else numbers


def _interval(rows: Rows) -> dict[str, tuple[float, float]]:
    patches = scored(rows)
    if not _both_classes(patches):
        return {}
    area = roc_auc(patches)
    return {} if area.low is None or area.high is None else {"auc": (area.low, area.high)}


def _both_classes(patches: Scored) -> bool:
    return bool(patches.labels.any() and not patches.labels.all())


PATCHES = Protocol(
    name="patches",
    version=1,
    definition=__doc__,
    empty_masks=(
        "an image without an object gives negative patches only. Without any positive patch recall is 1 where nothing "
        "was called positive, else 0, and there is no area."
    ),
    columns=("score", "positive"),
    directions={"auc": "higher", "accuracy": "higher", "precision": "higher", "recall": "higher"},
    headline="auc",
    shown=("accuracy", "precision", "recall"),
    what="patches",
    values=_right,
    aggregate=_of_all,
    intervals=_interval,
)
