"""Metrics of a confusion matrix, with the rule for empty masks that polybench's own protocols share."""

from collections.abc import Mapping

import numpy as np

from polybench.metrics.protocols.protocol import Direction, Values, ratio
from polybench.metrics.sufficient import Counts

CONFUSION_DIRECTIONS: Mapping[str, Direction] = {
    "dice": "higher",
    "iou": "higher",
    "precision": "higher",
    "recall": "higher",
    "f2": "higher",
    "specificity": "higher",
    "accuracy": "higher",
}

CONFUSION_SHOWN = ("iou", "precision", "recall", "f2", "specificity", "accuracy")
"""Metrics that are shown beside Dice."""
OVERLAP = ("dice", "iou")
"""Metrics that are shown where protocols are compared."""

EMPTY_COUNTS_ONE = "an empty prediction of an empty mask scores 1, any prediction on an empty mask 0; both are counted."


def per_image_values(counts: Counts) -> dict[str, Values]:
    """Compute Dice, IoU, precision, recall, F2, specificity and accuracy of each image.

    Where mask and prediction are both empty, all are 1. Where only one of them is empty, Dice, IoU, precision, recall
    and F2 are 0. Specificity is 1 where there is no background.

    Args:
        counts: True positives, false positives, false negatives, true negatives, (n, 4).

    Returns:
        Metric name -> value of each image, (n,).

    Example:
        >>> values = per_image_values(np.array([[4, 1, 2, 3]]))
        >>> [round(float(value[0]), 4) for value in values.values()]
        [0.7273, 0.5714, 0.8, 0.6667, 0.6897, 0.75, 0.7]
    """
    tp, fp, fn, tn = counts.astype(np.float64).T
    nothing = (tp + fp + fn) == 0

    def share(numerator: Values, denominator: Values) -> Values:
        return np.where(nothing, 1.0, ratio(numerator, denominator, otherwise=0.0))

    return {
        "dice": share(2 * tp, 2 * tp + fp + fn),
        "iou": share(tp, tp + fp + fn),
        "precision": share(tp, tp + fp),
        "recall": share(tp, tp + fn),
        "f2": share(5 * tp, 5 * tp + fp + 4 * fn),
        "specificity": ratio(tn, tn + fp, otherwise=1.0),
        "accuracy": share(tp + tn, tp + fp + fn + tn),
    }
