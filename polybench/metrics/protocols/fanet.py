"""FANet's released evaluation (Tomar et al., TNNLS 2022): each image at network size.

F1 (dice), IoU of the object (which the paper calls mIoU), precision, recall, F2, specificity and accuracy of each
image, averaged over images: of all pixels at network size, padding included, never brought back to native size, above
0.5 (of probabilities rounded to about 1e-6), numerator
and denominator smoothed with 1e-15. The mask is resized bilinearly; a share of one half is foreground.
"""

from polybench.metrics.protocols.confusion import CONFUSION_SHOWN, OVERLAP
from polybench.metrics.protocols.protocol import Direction, Protocol, Values, ratio
from polybench.metrics.sufficient import Rows

SMOOTHING = 1e-15


def fanet_values(rows: Rows) -> dict[str, Values]:
    """Compute the seven metrics of each image, (n,).

    Example:
        >>> import numpy as np
        >>> rows = Rows(["a"], ["a"], {"counts_network": np.array([[4, 1, 2, 3]])})
        >>> [round(float(value[0]), 4) for value in fanet_values(rows).values()]
        [0.7273, 0.5714, 0.8, 0.6667, 0.6897, 0.75, 0.7]
    """
    tp, fp, fn, tn = rows.numbers("counts_network").T

    def smooth(numerator: Values, denominator: Values) -> Values:
        smoothed: Values = (numerator + SMOOTHING) / (denominator + SMOOTHING)
        return smoothed

    precision, recall = smooth(tp, tp + fp), smooth(tp, tp + fn)
    return {
        "dice": smooth(2 * tp, 2 * tp + fp + fn),
        "iou": smooth(tp, tp + fp + fn),
        "precision": precision,
        "recall": recall,
        "f2": 5 * precision * recall / (4 * precision + recall + SMOOTHING),
        "specificity": ratio(tn, tn + fp, otherwise=1.0),
        "accuracy": (tp + tn) / (tp + fp + fn + tn),
    }


DIRECTIONS: dict[str, Direction] = dict.fromkeys(
    ("dice", "iou", "precision", "recall", "f2", "specificity", "accuracy"), "higher"
)

FANET = Protocol(
    name="fanet",
    version=2,
    definition=__doc__,
    empty_masks=(
        "an empty prediction scores 1, any other about 1e-15, but its recall is 1. An empty prediction of an object "
        "has a precision of 1. Where there is no background, specificity is 1 (the code divides 0 by 0)."
    ),
    columns=("counts_network",),
    directions=DIRECTIONS,
    headline="dice",
    shown=CONFUSION_SHOWN,
    compared=(OVERLAP,),
    values=fanet_values,
    counts="counts_network",
)
