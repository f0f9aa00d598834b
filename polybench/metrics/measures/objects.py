"""Objects found, missed and invented: connected components of prediction and truth, matched one to one.

Table II of the FCN16s-Atrous paper counts polyps this way: components of 8 neighbours, a hit where the bounding boxes
have an IoU of at least 0.5, box sides counted in pixels (last - first + 1). Its released code counts every prediction
once for each true object of the image, so that false positives multiply; here every prediction and every true object is
counted once. Where several pairings are possible the one with the most hits is taken, so that no order enters.

Empty masks: nothing to find and nothing found is (0, 0, 0); with one of them empty all objects of the other are false
positives or false negatives. Counts of images add up.
"""

from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

from polybench.metrics.measures.labels import Counts, Mask, components, objects_of

MATCH_IOU = 0.5
"""Least IoU of a hit, included."""


class ObjectCounts(NamedTuple):
    """Objects found, invented and missed.

    Attributes:
        tp: Pairs of a predicted and a true object.
        fp: Predicted objects without a partner.
        fn: True objects without a partner.
    """

    tp: int
    fp: int
    fn: int


def count_objects(prediction: Mask, truth: Mask) -> ObjectCounts:
    """Count the objects of an image.

    Args:
        prediction: Mask (H, W).
        truth: Mask (H, W).
    """
    return match_objects(*(objects_of(components(mask, 8)).boxes for mask in (prediction, truth)))


def match_objects(predicted: Counts, true: Counts) -> ObjectCounts:
    """Count the objects of an image by their boxes, first and one past the last row, then column, (4, n)."""
    predictions, truths = predicted.shape[1], true.shape[1]
    pairs = _matching(predicted, true)
    graph = csr_array((np.ones(len(pairs[0]), dtype=np.int8), pairs), shape=(truths, predictions))
    hits = int((maximum_bipartite_matching(graph, perm_type="column") >= 0).sum())
    return ObjectCounts(hits, predictions - hits, truths - hits)


def _matching(predicted: Counts, true: Counts) -> tuple[Counts, Counts]:
    """Pairs (true, predicted) of bounding boxes (4, n) that overlap enough; one true box at a time, to save memory."""
    hits = [_overlapping(box, predicted) for box in true.T]
    rows = np.repeat(np.arange(len(hits)), [len(found) for found in hits])
    return rows, np.concatenate([np.zeros(0, np.int64), *hits])


def _overlapping(box: Counts, others: Counts) -> Counts:
    """Places of those of several boxes (4, n) that overlap one box (4,) enough."""
    top, bottom, left, right = box
    height = np.minimum(bottom, others[1]) - np.maximum(top, others[0])
    width = np.minimum(right, others[3]) - np.maximum(left, others[2])
    shared = height.clip(min=0) * width.clip(min=0)
    areas = (bottom - top) * (right - left) + (others[1] - others[0]) * (others[3] - others[2])
    return np.flatnonzero(shared >= MATCH_IOU * (areas - shared))
