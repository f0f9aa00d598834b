"""Protocols: what a printed number means, from the per-image counts to the mean over images.

A protocol has a name, a version that is raised whenever its numbers could change, and a rule for empty masks. They are
pure functions of the counts, in float64.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.int64]
"""Per image true positives, false positives, false negatives, true negatives: (n, 4)."""

Direction = Literal["higher", "lower"]
"""Which way a metric is better."""

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Protocol:
    """A named way to turn counts into numbers.

    Attributes:
        name: The name in tables.
        version: Raised whenever a number could change.
        definition: One paragraph for people.
        values: Counts (n, 4) -> metric name -> value of each image (n,).
        directions: Metric name -> "higher" or "lower" is better.
    """

    name: str
    version: int
    definition: str
    values: Callable[[Counts], Mapping[str, Values]]
    directions: Mapping[str, Direction]

    @property
    def key(self) -> str:
        """Name and version, as records and pages print it."""
        return f"{self.name}@{self.version}"


def per_image_values(counts: Counts) -> dict[str, Values]:
    """Dice, IoU, precision, recall, F2, specificity and accuracy of each image.

    Where mask and prediction are both empty, all are 1. Where only one of them is, Dice, IoU, precision, recall and F2
    are 0. Specificity is 1 where there is no background.

    Args:
        counts: True positives, false positives, false negatives, true negatives, (n, 4).

    Returns:
        Metric name -> value of each image, (n,).
    """
    tp, fp, fn, tn = counts.astype(np.float64).T
    nothing = (tp + fp + fn) == 0

    def ratio(numerator: Values, denominator: Values) -> Values:
        safe = np.where(denominator > 0, denominator, 1.0)
        return np.where(nothing, 1.0, np.where(denominator > 0, numerator / safe, 0.0))

    return {
        "dice": ratio(2 * tp, 2 * tp + fp + fn),
        "iou": ratio(tp, tp + fp + fn),
        "precision": ratio(tp, tp + fp),
        "recall": ratio(tp, tp + fn),
        "f2": ratio(5 * tp, 5 * tp + fp + 4 * fn),
        "specificity": np.where(tn + fp > 0, tn / np.where(tn + fp > 0, tn + fp, 1.0), 1.0),
        "accuracy": (tp + tn) / (tp + fp + fn + tn),
    }


PER_IMAGE = Protocol(
    name="per_image",
    version=1,
    definition=(
        "Dice, IoU, precision, recall, F2, specificity and accuracy of each image at its native size (the probability "
        "map resized bilinearly, then thresholded at 0.5), averaged over images. An empty prediction of an empty mask "
        "scores 1, any prediction on an empty mask 0; both kinds are counted."
    ),
    values=per_image_values,
    directions={
        "dice": "higher",
        "iou": "higher",
        "precision": "higher",
        "recall": "higher",
        "f2": "higher",
        "specificity": "higher",
        "accuracy": "higher",
    },
)
