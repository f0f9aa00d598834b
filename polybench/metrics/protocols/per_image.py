"""Each image at its native size: the numbers that the leaderboards rank by.

Dice, IoU, precision, recall, F2, specificity and accuracy of each image at its native size (the probability map resized
bilinearly; at or above 0.5 is foreground), of all its pixels, averaged over images. Datasets with a field of view are
ranked by fov, which is the same inside it.
"""

from polybench.metrics.protocols.confusion import (
    CONFUSION_DIRECTIONS,
    CONFUSION_SHOWN,
    EMPTY_COUNTS_ONE,
    OVERLAP,
    per_image_values,
)
from polybench.metrics.protocols.protocol import Protocol

PER_IMAGE = Protocol(
    name="per_image",
    version=2,
    definition=__doc__,
    empty_masks=EMPTY_COUNTS_ONE,
    columns=("counts",),
    directions=CONFUSION_DIRECTIONS,
    headline="dice",
    shown=CONFUSION_SHOWN,
    compared=(OVERLAP,),
    values=lambda rows: per_image_values(rows.integers("counts")),
    counts="counts",
)
