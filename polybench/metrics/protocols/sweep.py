"""Thresholds swept over the map as it is: what a better threshold than 0.5 would give.

The map, not stretched, is cut at the thresholds 1, 254/255, ..., 0, at or above: at native size inside the field of
view, and, as network_dice and network_iou, at network size over all pixels, where many papers evaluate. mean_ is the
mean over images and thresholds; max_ is the best of the curve of the means over images, a threshold chosen on the test
truth, which flatters. f is the F-measure with squared beta 0.3, as in salient object detection (Achanta et al., CVPR
2009), e the E-measure (Fan et al., IJCAI 2018).
"""

from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch import Tensor

from polybench.metrics.measures.histograms import Sweep, dice_curve, e_curve, f_curve, iou_curve, sweep
from polybench.metrics.protocols.protocol import Direction, Protocol, Values, maxima
from polybench.metrics.sufficient import Rows

Curve = Callable[[Sweep], Tensor]

MEASURES: Mapping[str, Curve] = {
    "dice": dice_curve,
    "iou": iou_curve,
    "f": partial(f_curve, beta2=0.3),
    "e": e_curve,
}
NETWORK_MEASURES: Mapping[str, Curve] = {"network_dice": dice_curve, "network_iou": iou_curve}
DIRECTIONS: dict[str, Direction] = dict.fromkeys(
    (f"{reading}_{name}" for name in (*MEASURES, *NETWORK_MEASURES) for reading in ("mean", "max")), "higher"
)


def curves(rows: Rows) -> dict[str, Values]:
    """Compute every measure of each image at each threshold, (n, 256)."""
    found: dict[str, Values] = {}
    for column, measures in (("histograms", MEASURES), ("network_histograms", NETWORK_MEASURES)):
        foreground, background = torch.from_numpy(rows.integers(column)).unbind(1)
        counts = sweep(foreground, background)
        found |= {name: measure(counts).numpy() for name, measure in measures.items()}
    return found


def means(rows: Rows) -> dict[str, Values]:
    """Compute the mean of every measure over the thresholds, (n,).

    Example:
        >>> import numpy as np
        >>> counts = np.zeros((1, 2, 256), dtype=int)
        >>> counts[0, 0, [255, 127]] = 1  # two pixels of the object
        >>> counts[0, 1, [51, 0]] = 1  # two of the background
        >>> values = means(Rows(["a"], ["a"], {"histograms": counts, "network_histograms": counts}))
        >>> round(float(values["mean_dice"][0]), 4), round(float(values["mean_network_dice"][0]), 4)
        (0.7922, 0.7922)
    """
    return {f"mean_{name}": curve.mean(axis=-1) for name, curve in curves(rows).items()}


SWEEP = Protocol(
    name="sweep",
    version=1,
    definition=__doc__,
    empty_masks=(
        "Dice, IoU and F are 0 whatever was predicted; the E-measure is the share of background that was left alone."
    ),
    columns=("histograms", "network_histograms"),
    directions=DIRECTIONS,
    headline="mean_dice",
    shown=("mean_iou", "max_dice", "max_iou", "mean_f", "max_f", "mean_e", "max_e"),
    compared=(("mean_dice", "mean_iou"), ("mean_e",), ("max_dice", "max_iou"), ("max_e",)),
    values=means,
    aggregate=maxima,
    reduce=lambda rows: rows._replace(columns=curves(rows)),
)
