"""Object counts: connected components of prediction and truth, matched one to one.

Table II of the FCN16s-Atrous paper counts polyps this way: components of 8 neighbours, a hit where the bounding boxes
have an IoU of at least 0.5, box sides counted in pixels (last - first + 1). Its released code counts every prediction
once for each true object of the image, so that false positives multiply; here every prediction and every true object is
counted once. Of several possible pairings the one with the most hits counts, so that the order doesn't matter.

Empty masks: nothing to find and nothing found is (0, 0, 0); with one of them empty all objects of the other are false
positives or false negatives. Counts of images can be summed.
"""

from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

from polybench.metrics.measures.labels import Counts, Mask, components, objects_of

MATCH_IOU = 0.5
"""Least IoU of a hit, inclusive."""


class ObjectCounts(NamedTuple):
    """Numbers of true positive, false positive and false negative objects.

    Attributes:
        tp: Matched pairs of a predicted and a true object.
        fp: Predicted objects without a match.
        fn: True objects without a match.
    """

    tp: int
    fp: int
    fn: int


def count_objects(prediction: Mask, truth: Mask) -> ObjectCounts:
    """Count the objects of an image.

    Args:
        prediction: Mask (H, W).
        truth: Mask (H, W).

    Example:
        >>> prediction = np.array([[True, True, False, False, True]])
        >>> truth = np.array([[True, True, True, False, False]])
        >>> count_objects(prediction, truth)  # boxes of 2 and 3 pixels match with an IoU of 2 / 3
        ObjectCounts(tp=1, fp=1, fn=0)
    """
    return match_objects(*(objects_of(components(mask, 8)).boxes for mask in (prediction, truth)))


def match_objects(predicted: Counts, true: Counts) -> ObjectCounts:
    """Count the objects of an image from their boxes (4, n), see `labels.Objects`.

    Example:
        >>> boxes = np.array([[0], [1], [0], [2]])  # rows 0 to 1, columns 0 to 2
        >>> match_objects(boxes, boxes)
        ObjectCounts(tp=1, fp=0, fn=0)
    """
    predictions, truths = predicted.shape[1], true.shape[1]
    pairs = _matching(predicted, true)
    graph = csr_array((np.ones(len(pairs[0]), dtype=np.int8), pairs), shape=(truths, predictions))
    hits = int((maximum_bipartite_matching(graph, perm_type="column") >= 0).sum())
    return ObjectCounts(hits, predictions - hits, truths - hits)


def _matching(predicted: Counts, true: Counts) -> tuple[Counts, Counts]:
    """Find pairs (true, predicted) of bounding boxes (4, n) with enough overlap, one true box at a time."""
    hits = [_overlapping(box, predicted) for box in true.T]
    rows = np.repeat(np.arange(len(hits)), [len(found) for found in hits])
    return rows, np.concatenate([np.zeros(0, np.int64), *hits])


def _overlapping(box: Counts, others: Counts) -> Counts:
    """Find the indices of boxes (4, n) with enough overlap with one box (4,)."""
    top, bottom, left, right = box
    height = np.minimum(bottom, others[1]) - np.maximum(top, others[0])
    width = np.minimum(right, others[3]) - np.maximum(left, others[2])
    shared = height.clip(min=0) * width.clip(min=0)
    areas = (bottom - top) * (right - left) + (others[1] - others[0]) * (others[3] - others[2])
    return np.flatnonzero(shared >= MATCH_IOU * (areas - shared))
