"""Nuclei one by one at native size: aggregated Jaccard index and panoptic quality.

True instances are those of the dataset's label maps; predicted ones are the connected components, of eight neighbours,
of the map thresholded at 0.5 (so nuclei that touch are one), or those of a label map. Outside the field of view, where
there is one, all is background. aji (Kumar et al., IEEE TMI 2017) is the sum of the intersections of each true nucleus
with the prediction of the highest IoU by the sum of their unions and of the predictions that no nucleus took. pq = dq x
sq (Kirillov et al., CVPR 2019): dq is the F1 of the pairs with an IoU above 0.5, sq the mean IoU of these pairs. All
four are of each image, averaged over images. pq ranks: its two factors say whether a net misses nuclei or draws them
badly, and each prediction counts once, while in aji a prediction that merges several nuclei counts with each of them.
"""

import numpy as np

from polybench.metrics.measures.instances import InstanceCounts, aggregated_jaccard, panoptic_quality
from polybench.metrics.protocols.protocol import Protocol, Values
from polybench.metrics.sufficient import Rows


def instance_values(rows: Rows) -> dict[str, Values]:
    """Compute AJI, PQ, DQ and SQ of each image, (n,).

    Example:
        >>> rows = Rows(["a"], ["a"], {"instances": np.array([[1, 1, 1, 2 / 3, 3, 5]])})
        >>> {name: round(float(value[0]), 4) for name, value in instance_values(rows).items()}
        {'aji': 0.6, 'pq': 0.3333, 'dq': 0.5, 'sq': 0.6667}
    """
    counts = [InstanceCounts(*row) for row in rows.numbers("instances")]
    pq, dq, sq = np.array([panoptic_quality(row) for row in counts]).T
    return {"aji": np.array([aggregated_jaccard(row) for row in counts]), "pq": pq, "dq": dq, "sq": sq}


INSTANCES = Protocol(
    name="instances",
    version=2,
    definition=__doc__,
    empty_masks="no true and no predicted instance, all are 1; only one of them, all are 0. Without pairs sq is 0.",
    columns=("instances",),
    directions={"aji": "higher", "pq": "higher", "dq": "higher", "sq": "higher"},
    headline="pq",
    shown=("dq", "sq", "aji"),
    compared=(("aji",), ("pq",)),
    values=instance_values,
)
