"""Cells between membranes at native size: V_rand and V_info, foreground-restricted, as the ISBI 2012 challenge ranks.

Arganda-Carreras et al., Frontiers in Neuroanatomy 2015. The foreground is the cell interior. Predicted cells are the
components, of four neighbours, of the map above a threshold, grown until the membranes between them are a pixel wide;
true cells are the components of the true interior, whose membrane pixels are ignored. v_rand and v_info are F-scores of
the pairs of pixels and of the information that both divisions share; their precision falls with merged cells, their
recall with split ones. They are of each slice at threshold 0.5, averaged over slices. max_v_rand and max_v_info are
those of the best of the thresholds 0, 0.1, ..., 1 for the mean over slices, as the challenge reports: chosen on the
test truth, which flatters. The challenge ranks by V_rand at that best threshold; here v_rand ranks, at the threshold
that every other number has, since nobody knows the best one before the truth is known.
"""

from polybench.metrics.measures.membranes import THRESHOLDS, MembraneScores, best_threshold
from polybench.metrics.prepare import THRESHOLD
from polybench.metrics.protocols.protocol import Direction, Protocol, Values
from polybench.metrics.sufficient import Rows

DIRECTIONS: dict[str, Direction] = dict.fromkeys((*MembraneScores._fields, "max_v_rand", "max_v_info"), "higher")


def membrane_values(rows: Rows) -> dict[str, Values]:
    """Return V_rand and V_info with their parts, of each slice at threshold 0.5, (n,).

    Example:
        >>> import numpy as np
        >>> scores = np.zeros((1, 11, 6))
        >>> scores[0, 5] = [0.8, 0.7, 0.9, 0.4, 0.3, 0.6]  # at threshold 0.5
        >>> membrane_values(Rows(["a"], ["a"], {"membranes": scores}))["v_rand"].tolist()
        [0.8]
    """
    middle = rows.numbers("membranes")[:, THRESHOLDS.index(THRESHOLD)]
    return dict(zip(MembraneScores._fields, middle.T, strict=True))


def maxima(rows: Rows) -> dict[str, float]:
    """Compute the mean over slices of V_rand and V_info, each at its best threshold.

    Example:
        >>> import numpy as np
        >>> scores = np.zeros((2, 11, 6))
        >>> scores[:, 3, 0], scores[:, 5, 0] = [0.9, 0.5], [0.8, 0.8]  # V_rand of two slices at thresholds 0.3 and 0.5
        >>> maxima(Rows(["a", "b"], ["a", "b"], {"membranes": scores}))["max_v_rand"]
        0.8
    """
    best = best_threshold(rows.numbers("membranes"))
    return {"max_v_rand": best.v_rand, "max_v_info": best.v_info}


MEMBRANES = Protocol(
    name="membranes",
    version=2,
    definition=__doc__,
    empty_masks=(
        "no true and no predicted cell, all are 1; only one of them, all are 0. Where the truth is a single cell and "
        "the prediction is not, v_info is 0."
    ),
    columns=("membranes",),
    directions=DIRECTIONS,
    headline="v_rand",
    shown=("v_rand_precision", "v_rand_recall", "v_info", "max_v_rand", "max_v_info"),
    compared=(("v_rand",), ("v_info",), ("max_v_rand",), ("max_v_info",)),
    what="slices",
    values=membrane_values,
    aggregate=maxima,
)
