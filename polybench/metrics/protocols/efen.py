"""Soft Dice and IoU over batches, as the Keras code of the family of EFEN computes them.

Dice and IoU are soft, without a threshold, of the summed pixels of 8 images at network size, padding included, smoothed
with 1e-15, then averaged over such batches, each alike, also the last, smaller one. Batches are made of the images in
order of their ids, so that they do not depend on how the evaluation was run. Precision and recall beside them are of
all pixels of all images above 0.5: this is not one averaging, and the F-measure of the two is not the Dice. The Keras
code sums over a second output map too, which nets here lack. Dice and IoU have no interval: images that are drawn again
make other batches, whose mean is another number.
"""

import numpy as np

from polybench.metrics.prepare import STEPS
from polybench.metrics.protocols.protocol import Protocol
from polybench.metrics.sufficient import Rows

BATCH = 8
SMOOTHING = 1e-15


def efen_values(rows: Rows) -> dict[str, float]:
    """Compute soft Dice and IoU over virtual batches, and pooled precision and recall, 0 where they divide by 0.

    Example:
        >>> sums = np.array([[3, 4, 4]]) * STEPS // 2  # overlap 1.5, predicted 2, true 2
        >>> rows = Rows(["a"], ["a"], {"soft_sums": sums, "counts_network": np.array([[2, 1, 0, 1]])})
        >>> {name: round(value, 4) for name, value in efen_values(rows).items()}
        {'dice': 0.75, 'iou': 0.6, 'precision': 0.6667, 'recall': 1.0}
    """
    sums = rows.integers("soft_sums")
    starts = np.arange(0, len(sums), BATCH)
    overlap, predicted, true = (np.add.reduceat(sums, starts, axis=0) / STEPS).T
    tp, fp, fn, _ = (float(count) for count in rows.integers("counts_network").sum(axis=0))
    return {
        "dice": float(np.mean((2 * overlap + SMOOTHING) / (predicted + true + SMOOTHING))),
        "iou": float(np.mean((overlap + SMOOTHING) / (predicted + true - overlap + SMOOTHING))),
        "precision": tp / (tp + fp) if tp + fp else 0.0,
        "recall": tp / (tp + fn) if tp + fn else 0.0,
    }


EFEN = Protocol(
    name="efen",
    version=2,
    definition=__doc__,
    empty_masks="an image without object only adds its probabilities to the batch; a batch without any counts 1.",
    columns=("soft_sums", "counts_network"),
    directions={"dice": "higher", "iou": "higher", "precision": "higher", "recall": "higher"},
    headline="dice",
    shown=("iou", "precision", "recall"),
    compared=(("dice", "iou"),),
    aggregate=efen_values,
    without_interval=frozenset({"dice", "iou"}),
)
