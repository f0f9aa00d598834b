"""Objects found, invented and missed in the whole set: Table II of the FCN16s-Atrous paper, counted rightly.

The map at native size is foreground at or above 0.5; outside the field of view, where there is one, prediction and
truth are background. Objects are connected components of eight neighbours; a predicted and a true one match where their
bounding boxes, sides counted in pixels, have an IoU of at least 0.5, each with one partner at most, so that as many as
possible match. The counts of all images are added up to precision, recall and F1. The released code counts every
prediction once for each true object of its image, so that false positives multiply.
"""

import numpy as np

from polybench.metrics.protocols.confusion import per_image_values
from polybench.metrics.protocols.protocol import Protocol
from polybench.metrics.sufficient import Rows


def object_values(rows: Rows) -> dict[str, float]:
    """Compute precision, recall and F1 of the objects of all images together.

    Example:
        >>> rows = Rows(["a", "b"], ["a", "b"], {"objects": np.array([[2, 1, 0], [1, 0, 2]])})
        >>> {name: round(value, 4) for name, value in object_values(rows).items()}  # 3 tp, 1 fp, 2 fn
        {'f1': 0.6667, 'precision': 0.75, 'recall': 0.6}
    """
    total = np.append(rows.integers("objects").sum(axis=0), 0)[None]
    found = per_image_values(total)
    return {"f1": float(found["dice"][0])} | {name: float(found[name][0]) for name in ("precision", "recall")}


OBJECTS = Protocol(
    name="objects",
    version=2,
    definition=__doc__,
    empty_masks=(
        "every prediction on one is a false positive. A set without any object and any prediction scores 1; where "
        "there are only the ones or the others, all three are 0."
    ),
    columns=("objects",),
    directions={"f1": "higher", "precision": "higher", "recall": "higher"},
    headline="f1",
    shown=("precision", "recall"),
    aggregate=object_values,
    counts="objects",
)
