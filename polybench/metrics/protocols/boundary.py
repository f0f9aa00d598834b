"""Outlines at native size: how far apart they are in pixels, and how much of their inner bands overlaps.

The map at native size is foreground at or above 0.5; outside the field of view, where there is one, prediction and
truth are background. hd95 (95 % Hausdorff distance: the larger of both directed 95th percentiles) and assd (average
symmetric surface distance: the mean over the outline pixels of both masks) are distances in native pixels; an outline
pixel has background or the image's edge as one of its four neighbours. boundary_iou is the IoU of the masks' inner
bands of 2 % of the image's diagonal. All three are of each image, averaged over images.
"""

from polybench.metrics.protocols.protocol import Protocol, Values
from polybench.metrics.sufficient import Rows

METRICS = ("hd95", "assd", "boundary_iou")


def boundary_values(rows: Rows) -> dict[str, Values]:
    """Return both distances and the boundary IoU of each image, (n,).

    Example:
        >>> import numpy as np
        >>> rows = Rows(["a"], ["a"], {"boundary": np.array([[1.9, 0.75, 0.5]])})
        >>> BOUNDARY.scores(rows)
        {'hd95': 1.9, 'assd': 0.75, 'boundary_iou': 0.5}
    """
    return dict(zip(METRICS, rows.numbers("boundary").T, strict=True))


BOUNDARY = Protocol(
    name="boundary",
    version=2,
    definition=__doc__,
    empty_masks=(
        "an empty prediction of an empty mask has distance 0 and boundary IoU 1. Where only one of them is empty, both "
        "distances are the image's diagonal, which no distance in the image reaches, and the boundary IoU is 0: no "
        "image is left out."
    ),
    columns=("boundary",),
    directions={"hd95": "lower", "assd": "lower", "boundary_iou": "higher"},
    headline="hd95",
    shown=("assd", "boundary_iou"),
    values=boundary_values,
)
