"""Whole images, or frames by their sub-crops, in K classes.

The probabilities of an image are the means over its crops. accuracy is the share of the images whose most probable
class is their own (the first of equal ones), balanced_accuracy the mean over classes of the same share, and auc the
area under the ROC curve of the probability of any class but the first, which is the background: of two classes that of
the second. Its interval is DeLong's, whose variance is summed over groups.

Paper: Tajbakhsh et al., "Convolutional Neural Networks for Medical Image Analysis: Full Training or Fine Tuning?", IEEE
TMI 2016, which merges its two interface classes so.
"""

import numpy as np

from polybench.metrics.measures.classification import Scored, roc_auc
from polybench.metrics.protocols.protocol import Protocol, Values
from polybench.metrics.sufficient import Rows


def _scored(rows: Rows) -> Scored:
    return Scored(rows.ids, rows.groups, rows.numbers("score"), rows.columns["positive"].astype(bool))


def _right(rows: Rows) -> dict[str, Values]:
    """Whether each image is classified correctly, 0 or 1, (n,).

    Example:
        >>> columns = {"label": np.array([0, 1, 1, 2]), "chosen": np.array([0, 1, 2, 2])}
        >>> columns |= {"score": np.array([0.2, 0.9, 0.7, 0.8]), "positive": np.array([False, True, True, True])}
        >>> rows = Rows(list("abcd"), list("abcd"), columns)
        >>> {name: round(value, 4) for name, value in CLASSES.scores(rows).items()}
        {'auc': 1.0, 'accuracy': 0.75, 'balanced_accuracy': 0.8333}
    """
    return {"accuracy": (rows.integers("label") == rows.integers("chosen")).astype(np.float64)}


def _of_all(rows: Rows) -> dict[str, float]:
    label, found = rows.integers("label"), _scored(rows)
    shares = [float((rows.integers("chosen")[label == one] == one).mean()) for one in np.unique(label)]
    both = bool(found.labels.any() and not found.labels.all())
    return {**({"auc": roc_auc(found).value} if both else {}), "balanced_accuracy": sum(shares) / len(shares)}


def _interval(rows: Rows) -> dict[str, tuple[float, float]]:
    found = _scored(rows)
    if not found.labels.any() or found.labels.all():
        return {}
    area = roc_auc(found)
    return {} if area.low is None or area.high is None else {"auc": (area.low, area.high)}


CLASSES = Protocol(
    name="classes",
    version=1,
    definition=__doc__,
    empty_masks="there are no masks; without images of the first class, or of others, there is no area.",
    columns=("score", "positive", "label", "chosen"),
    directions={"auc": "higher", "accuracy": "higher", "balanced_accuracy": "higher"},
    headline="auc",
    shown=("accuracy", "balanced_accuracy"),
    what="images",
    values=_right,
    aggregate=_of_all,
    intervals=_interval,
)
