"""Nuclei as instances: aggregated Jaccard index and panoptic quality, from label maps.

AJI: Kumar et al., IEEE TMI 2017, algorithm 1: every true nucleus takes the prediction of the highest IoU, which may
serve several; predictions that serve none are added to the union. A true nucleus that no prediction touches adds its
own area to the union (the paper's argmax is undefined there). PQ = DQ x SQ: Kirillov et al., CVPR 2019: pairs with an
IoU above 0.5, of which each segment can have only one.

Instances of a binary map are its connected components of 8 neighbours: nuclei that touch are then one instance, in the
prediction as in a truth that was given as one binary map, and both numbers say less than from true instances.

Empty masks: no true and no predicted instance, all are 1. Only one of them, all are 0. SQ is 0 where no pair matches.
Counts of images add up, so that both ways to average, over images and pooled, can be had from them.
"""

from typing import NamedTuple

import numpy as np

from polybench.metrics.measures.labels import LabelMap, Overlaps, overlaps


class InstanceCounts(NamedTuple):
    """What AJI and PQ are made of, in one image or summed over several.

    Attributes:
        tp: Pairs of a predicted and a true instance with an IoU above 0.5.
        fp: Predicted instances without such a pair.
        fn: True instances without such a pair.
        iou: Sum of the IoU of the pairs.
        intersection: Pixels of AJI's numerator.
        union: Pixels of AJI's denominator.
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
    """Compare the instances of an image.

    Args:
        prediction: Predicted instances (H, W), 0 is background; of a binary map `labels.components(map, 8)`.
        truth: True instances (H, W), likewise.
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
    """AJI of an image, or of several whose counts were summed."""
    return counts.intersection / counts.union if counts.union else 1.0


def panoptic_quality(counts: InstanceCounts) -> PanopticQuality:
    """PQ, DQ and SQ of an image, or of several whose counts were summed."""
    if counts.tp + counts.fp + counts.fn == 0:
        return PanopticQuality(1.0, 1.0, 1.0)
    dq = counts.tp / (counts.tp + 0.5 * counts.fp + 0.5 * counts.fn)
    sq = counts.iou / counts.tp if counts.tp else 0.0
    return PanopticQuality(dq * sq, dq, sq)


def _aggregated(found: Overlaps) -> tuple[int, int]:
    """Numerator and denominator of AJI; of equal IoU the larger overlap, then the lower label."""
    order = np.lexsort((-found.prediction, found.pixels, found.iou(), found.truth))
    best = order[np.diff(found.truth[order], append=-1) != 0]
    untouched = np.delete(found.truth_areas, found.truth[best])
    unused = np.delete(found.prediction_areas, np.unique(found.prediction[best]))
    union = found.unions()[best].sum() + untouched.sum() + unused.sum()
    return int(found.pixels[best].sum()), int(union)
