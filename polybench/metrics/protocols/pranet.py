"""PraNet's toolbox (Fan et al., MICCAI 2020), as the polyp field reports: 256 thresholds of the stretched map.

The map at native size is stretched to 0 to 1 by its own minimum and maximum and cut at the thresholds 1, 254/255,
..., 0, at or above. mean_dice and mean_iou are means over images and over thresholds, which is not the Dice at 0.5;
max_dice and max_iou are the best of the curve of the means over images. With them stand the S-measure, the weighted
F-measure (beta 1), mean and maximum of the E-measure's curve (a perfect map of N pixels scores N / (N - 1)) and the
mean absolute error of the stretched map. Maps are brought to native size bilinearly, where the toolbox does it
bicubically from 8-bit files.
"""

import torch

from polybench.metrics.measures.histograms import dice_curve, e_curve, iou_curve, sweep
from polybench.metrics.protocols.protocol import Protocol, Values, maxima
from polybench.metrics.sufficient import Rows


def curves(rows: Rows) -> dict[str, Values]:
    """Compute Dice, IoU and E-measure of each image at each threshold, (n, 256).

    Example:
        >>> import numpy as np
        >>> counts = np.zeros((1, 2, 256), dtype=int)
        >>> counts[0, 0, [255, 127]] = 1  # two pixels of the object
        >>> counts[0, 1, [51, 0]] = 1  # two of the background
        >>> rows = Rows(["a"], ["a"], {"stretched_histograms": counts})
        >>> curves(rows)["dice"][0, [0, 128, 204, 255]].round(4).tolist()
        [0.6667, 1.0, 0.8, 0.6667]
    """
    foreground, background = torch.from_numpy(rows.integers("stretched_histograms")).unbind(1)
    counts = sweep(foreground, background)
    measures = {"dice": dice_curve, "iou": iou_curve, "e": e_curve}
    return {name: measure(counts).numpy() for name, measure in measures.items()}


def pranet_values(rows: Rows) -> dict[str, Values]:
    """Compute the values of each image: the means of its curves and the structure measures, (n,).

    Example:
        >>> import numpy as np
        >>> counts = np.zeros((1, 2, 256), dtype=int)
        >>> counts[0, 0, [255, 127]] = 1
        >>> counts[0, 1, [51, 0]] = 1
        >>> rows = Rows(["a"], ["a"], {"stretched_histograms": counts, "structure": np.array([[0.9, 0.8, 0.1]])})
        >>> values = pranet_values(rows)  # Dice 2/3 at 128 thresholds, 1 at 76, 4/5 at 51, 2/3 at 1
        >>> round(float(values["mean_dice"][0]), 4), float(values["s_measure"][0]), float(values["mae"][0])
        (0.7922, 0.9, 0.1)
    """
    structure, weighted, error = rows.numbers("structure").T
    means = {f"mean_{name}": curve.mean(axis=-1) for name, curve in curves(rows).items()}
    return {**means, "s_measure": structure, "weighted_f": weighted, "mae": error}


PRANET = Protocol(
    name="pranet",
    version=2,
    definition=__doc__,
    empty_masks=(
        "Dice, IoU and weighted F are 0 whatever was predicted; the S-measure is 1 minus the mean of the map, the "
        "E-measure the share of background that was left alone."
    ),
    columns=("stretched_histograms", "structure"),
    directions={
        "mean_dice": "higher",
        "max_dice": "higher",
        "mean_iou": "higher",
        "max_iou": "higher",
        "s_measure": "higher",
        "weighted_f": "higher",
        "mean_e": "higher",
        "max_e": "higher",
        "mae": "lower",
    },
    headline="mean_dice",
    shown=("mean_iou", "weighted_f", "s_measure", "mean_e", "max_e", "mae", "max_dice", "max_iou"),
    compared=(
        ("mean_dice", "mean_iou"),
        ("mean_e",),
        ("max_dice", "max_iou"),
        ("max_e",),
        ("s_measure",),
        ("weighted_f",),
        ("mae",),
    ),
    values=pranet_values,
    aggregate=maxima,
    reduce=lambda rows: rows._replace(columns=curves(rows)),
)
