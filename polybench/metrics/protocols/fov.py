"""Inside the field of view: what papers on retinal vessels rank by.

The metrics of per_image, of the pixels inside the field of view alone, and the area under the ROC curve of those
pixels of all images together, from 256 levels of probability. Pixels of one level count as ties, so that the area
lies at most auc_tolerance from that of the probabilities themselves. Without a field of view all pixels count, and the
other metrics are those of per_image.
"""

from polybench.metrics.protocols.confusion import (
    CONFUSION_DIRECTIONS,
    CONFUSION_SHOWN,
    EMPTY_COUNTS_ONE,
    OVERLAP,
    per_image_values,
)
from polybench.metrics.protocols.protocol import Protocol, pixel_auc
from polybench.metrics.sufficient import Rows


def areas(rows: Rows) -> dict[str, float]:
    """Compute the area under the ROC curve of all pixels and its tolerance; empty when there is a single class.

    Example:
        >>> import numpy as np
        >>> counts = np.zeros((1, 2, 256), dtype=int)
        >>> counts[0, 0, [255, 51]] = 1  # two pixels of the object
        >>> counts[0, 1, [128, 0]] = 1  # two of the background; 3 of 4 pairs are ranked correctly
        >>> areas(Rows(["a"], ["a"], {"histograms": counts}))
        {'auc': 0.75, 'auc_tolerance': 0.0}
    """
    area = pixel_auc(rows, "histograms")
    if not area:
        return {}
    foreground, background = rows.numbers("histograms").sum(axis=0)
    pairs = foreground.sum() * background.sum()
    return {**area, "auc_tolerance": float((foreground * background).sum() / pairs / 2)}


FOV = Protocol(
    name="fov",
    version=2,
    definition=__doc__,
    empty_masks=EMPTY_COUNTS_ONE + " Without any foreground in the whole set there is no area.",
    columns=("counts_in_view", "histograms"),
    directions={**CONFUSION_DIRECTIONS, "auc": "higher", "auc_tolerance": "lower"},
    headline="dice",
    shown=(*CONFUSION_SHOWN, "auc"),
    compared=(OVERLAP, ("auc",)),
    values=lambda rows: per_image_values(rows.integers("counts_in_view")),
    aggregate=areas,
    without_interval=frozenset({"auc_tolerance"}),
    counts="counts_in_view",
)
