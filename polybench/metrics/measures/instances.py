"""Instance measures of label maps: aggregated Jaccard index (AJI) and panoptic quality (PQ).

AJI: Kumar et al., IEEE TMI 2017, algorithm 1: every true nucleus is matched to the prediction of the highest IoU,
which may be matched several times; unmatched predictions are added to the union. A true nucleus that no prediction
touches adds its own area to the union (the paper's argmax is undefined there). PQ = DQ x SQ: Kirillov et al., CVPR
2019: pairs with an IoU above 0.5, of which each segment can have only one.

Instances of a binary map are its connected components of 8 neighbours: touching nuclei are then one instance, in
the prediction and in a truth given as one binary map, and both numbers are less informative than from true instances.

Empty masks: no true and no predicted instance, all are 1. Only one of them, all are 0. SQ is 0 where no pair matches.
Counts of images can be summed, for averages over images and for pooled numbers.
"""

from typing import NamedTuple

import numpy as np

from polybench.metrics.measures.labels import LabelMap, Overlaps, overlaps


class InstanceCounts(NamedTuple):
    """Sufficient counts for AJI and PQ, of one image or summed over several.

    Attributes:
        tp: Pairs of a predicted and a true instance with an IoU above 0.5.
        fp: Predicted instances without such a pair.
        fn: True instances without such a pair.
        iou: Sum of the IoU of the pairs.
        intersection: Pixels in the numerator of AJI.
        union: Pixels in the denominator of AJI.
    """

    tp: int
    fp: int
    fn: int
    iou: float
    intersection: int
    union: int


class PanopticQuality(NamedTuple):
    """Panoptic quality and its two factors.

    Attributes:
        pq: Their product.
        dq: Detection quality, the F1 of the instances.
        sq: Segmentation quality, the mean IoU of the pairs.
    """

    pq: float
    dq: float
    sq: float


def instance_counts(prediction: LabelMap, truth: LabelMap) -> InstanceCounts:
    """Count the matches of predicted and true instances of an image.

    Args:
        prediction: Predicted instances (H, W), 0 is background; of a binary map `labels.components(map, 8)`.
        truth: True instances (H, W), likewise.

    Example:
        >>> counts = instance_counts(np.array([[1, 1, 0, 2, 2]], np.int32), np.array([[1, 1, 1, 0, 2]], np.int32))
        >>> counts.tp, counts.fp, counts.fn, round(counts.iou, 4), counts.intersection, counts.union
        (1, 1, 1, 0.6667, 3, 5)
    """
    found = overlaps(prediction, truth)
    iou = found.iou()
    pairs = iou > 0.5
    tp = int(pairs.sum())
    intersection, union = _aggregated(found)
    return InstanceCounts(
        tp=tp,
        fp=len(found.prediction_areas) - tp,
        fn=len(found.truth_areas) - tp,
        iou=float(iou[pairs].sum()),
        intersection=intersection,
        union=union,
    )


def aggregated_jaccard(counts: InstanceCounts) -> float:
    """Compute the aggregated Jaccard index from the counts of an image, or from summed counts.

    Example:
        >>> counts = instance_counts(np.array([[1, 1, 0, 2, 2]], np.int32), np.array([[1, 1, 1, 0, 2]], np.int32))
        >>> aggregated_jaccard(counts)  # (2 + 1) / (3 + 2)
        0.6
    """
    return counts.intersection / counts.union if counts.union else 1.0


def panoptic_quality(counts: InstanceCounts) -> PanopticQuality:
    """Compute PQ, DQ and SQ from the counts of an image, or from summed counts.

    Example:
        >>> counts = instance_counts(np.array([[1, 1, 0, 2, 2]], np.int32), np.array([[1, 1, 1, 0, 2]], np.int32))
        >>> [round(value, 4) for value in panoptic_quality(counts)]  # one pair of IoU 2/3, one fp, one fn
        [0.3333, 0.5, 0.6667]
    """
    if counts.tp + counts.fp + counts.fn == 0:
        return PanopticQuality(1.0, 1.0, 1.0)
    dq = counts.tp / (counts.tp + 0.5 * counts.fp + 0.5 * counts.fn)
    sq = counts.iou / counts.tp if counts.tp else 0.0
    return PanopticQuality(dq * sq, dq, sq)


def _aggregated(found: Overlaps) -> tuple[int, int]:
    """Compute numerator and denominator of AJI; ties of IoU go to the larger overlap, then to the lower label."""
    order = np.lexsort((-found.prediction, found.pixels, found.iou(), found.truth))
    best = order[np.diff(found.truth[order], append=-1) != 0]
    untouched = np.delete(found.truth_areas, found.truth[best])
    unused = np.delete(found.prediction_areas, np.unique(found.prediction[best]))
    union = found.unions()[best].sum() + untouched.sum() + unused.sum()
    return int(found.pixels[best].sum()), int(union)
