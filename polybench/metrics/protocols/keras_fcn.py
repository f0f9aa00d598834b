"""The released evaluation of FCN16s-Atrous: thresholds 0.2 and 0.5 on 8-bit maps at native size.

The probability is cut to 8 bits at network size, padding is cut off, the rest brought to native size bilinearly in 8
bits; foreground is at or above 0.2 (51 of 255), as released, and at or above 0.5 (128). IoU of polyp and of background,
their mean (miou) and pixel accuracy of each image are averaged over images. The code has no Dice: the paper's equals 2I
/ (1 + I) of the mean polyp IoU (dice_of_mean_iou), which is more than the mean of the images' own Dice (dice).
"""

from polybench.metrics.protocols.protocol import Direction, Protocol, Values, ratio
from polybench.metrics.sufficient import Rows

THRESHOLDS = ("0.2", "0.5")
METRICS = ("iou", "background_iou", "miou", "accuracy", "dice", "dice_of_mean_iou")
DIRECTIONS: dict[str, Direction] = dict.fromkeys(
    (f"{metric}_{threshold}" for threshold in THRESHOLDS for metric in METRICS), "higher"
)


def keras_fcn_values(rows: Rows) -> dict[str, Values]:
    """Compute IoU of both classes, their mean, accuracy and Dice of each image at both thresholds, (n,).

    Example:
        >>> import numpy as np
        >>> rows = Rows(["a"], ["a"], {"counts_eight_bit": np.array([[[4, 4, 0, 2], [4, 1, 2, 3]]])})
        >>> values = keras_fcn_values(rows)
        >>> [round(float(values[name][0]), 4) for name in ("iou_0.2", "miou_0.2", "iou_0.5", "dice_0.5")]
        [0.5, 0.4167, 0.5714, 0.7273]
    """
    found: dict[str, Values] = {}
    counts = rows.numbers("counts_eight_bit")
    for place, threshold in enumerate(THRESHOLDS):
        tp, fp, fn, tn = counts[:, place].T
        polyp = ratio(tp, tp + fp + fn, otherwise=1.0)
        background = ratio(tn, tn + fp + fn, otherwise=1.0)
        found[f"iou_{threshold}"] = polyp
        found[f"background_iou_{threshold}"] = background
        found[f"miou_{threshold}"] = (polyp + background) / 2
        found[f"accuracy_{threshold}"] = (tp + tn) / (tp + fp + fn + tn)
        found[f"dice_{threshold}"] = ratio(2 * tp, 2 * tp + fp + fn, otherwise=1.0)
    return found


def dice_of_mean_iou(rows: Rows) -> dict[str, float]:
    """Compute 2I / (1 + I) of the mean polyp IoU at both thresholds, from rows of `keras_fcn_values`.

    Example:
        >>> import numpy as np
        >>> rows = Rows(["a", "b"], ["a", "b"], {"iou_0.2": np.array([0.5, 1.0]), "iou_0.5": np.array([0.5, 0.5])})
        >>> {name: round(value, 4) for name, value in dice_of_mean_iou(rows).items()}
        {'dice_of_mean_iou_0.2': 0.8571, 'dice_of_mean_iou_0.5': 0.6667}
    """
    means = {threshold: float(rows.numbers(f"iou_{threshold}").mean()) for threshold in THRESHOLDS}
    return {f"dice_of_mean_iou_{threshold}": 2 * mean / (1 + mean) for threshold, mean in means.items()}


KERAS_FCN = Protocol(
    name="keras_fcn",
    version=2,
    definition=__doc__,
    empty_masks=(
        "an empty prediction scores 1 (the code divides 0 by 0; the polyp sets have no empty mask), any other 0."
    ),
    columns=("counts_eight_bit",),
    directions=DIRECTIONS,
    headline="iou_0.2",
    shown=("miou_0.2", "accuracy_0.2", "dice_of_mean_iou_0.2", "iou_0.5", "miou_0.5", "accuracy_0.5"),
    compared=tuple((f"dice_{threshold}", f"iou_{threshold}") for threshold in THRESHOLDS),
    values=keras_fcn_values,
    aggregate=dice_of_mean_iou,
    reduce=lambda rows: rows._replace(columns=keras_fcn_values(rows)),
)
