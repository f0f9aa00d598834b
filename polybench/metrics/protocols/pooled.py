"""One confusion matrix for the whole set.

All pixels of all images at native size, foreground at or above 0.5, make one confusion matrix, as in segmentation
toolboxes (MMSegmentation) and in the code behind the DRIVE numbers that FANet copies; miou is the mean of the IoU of
object and background, auc the area under the ROC curve of all pixels, from 256 levels of probability. Large images and
large objects weigh more than small ones.
"""

from polybench.metrics.protocols.confusion import CONFUSION_DIRECTIONS, CONFUSION_SHOWN, OVERLAP, per_image_values
from polybench.metrics.protocols.protocol import Protocol, pixel_auc
from polybench.metrics.sufficient import Rows


def pooled_values(rows: Rows) -> dict[str, float]:
    """Compute the metrics of the summed confusion matrix, the two-class IoU and the AUC.

    Example:
        >>> import numpy as np
        >>> counts = np.array([[3, 1, 1, 5], [1, 0, 1, 8]])  # summed: 4, 1, 2, 13
        >>> columns = {"counts": counts, "histograms_everywhere": np.zeros((2, 2, 256), dtype=int)}
        >>> values = pooled_values(Rows(["a", "b"], ["a", "b"], columns))
        >>> round(values["dice"], 4), round(values["iou"], 4), values["background_iou"], round(values["miou"], 4)
        (0.7273, 0.5714, 0.8125, 0.692)
    """
    total = rows.integers("counts").sum(axis=0, keepdims=True)
    found = {name: float(value[0]) for name, value in per_image_values(total).items()}
    background = float(per_image_values(total[:, [3, 2, 1, 0]])["iou"][0])
    area = pixel_auc(rows, "histograms_everywhere")
    return {**found, "background_iou": background, "miou": (found["iou"] + background) / 2, **area}


POOLED = Protocol(
    name="pooled",
    version=2,
    definition=__doc__,
    empty_masks="they only add false positives and true negatives; a set without any object or prediction scores 1.",
    columns=("counts", "histograms_everywhere"),
    directions={**CONFUSION_DIRECTIONS, "background_iou": "higher", "miou": "higher", "auc": "higher"},
    headline="dice",
    shown=(*CONFUSION_SHOWN, "miou", "auc"),
    compared=(OVERLAP, ("auc",)),
    aggregate=pooled_values,
    counts="counts",
)
