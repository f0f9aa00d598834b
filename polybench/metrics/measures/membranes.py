"""V_rand and V_info of cells between membranes, foreground-restricted, as the ISBI 2012 challenge ranks them.

Arganda-Carreras et al., Frontiers in Neuroanatomy 2015, and the challenge's Fiji script (Trainable_Segmentation).
Segments of the truth are the components, of 4 neighbours, of the cell interior; its membrane pixels are ignored. A
pixel of a true cell that is predicted as membrane is a segment of its own. With p the share of pixels in each pair
of a predicted and a true segment, s and t the shares of the predicted and true segments:
V_rand = 2 sum p^2 / (sum s^2 + sum t^2), of which precision, sum p^2 / sum s^2, falls with mergers and recall,
sum p^2 / sum t^2, with splits. scikit-image's `adapted_rand_error` (0.25) names the two the other way round: its
precision divides by the pairs of the true segments, and is our recall, its recall is our precision. It also leaves out
pairs of a pixel with itself, so that its numbers are lower, the more so the smaller the segments.
V_info = 2 I(S; T) / (H(S) + H(T)), with precision I / H(T) and recall I / H(S).

Border thinning: the script floods the predicted membranes from the predicted cells by a watershed of 4 neighbours
until a line of one pixel is left, so that thick membranes are not penalised. Ours grows all cells a pixel at a time; a
pixel that two of them reach at once stays membrane, and where two then touch, the pixel of the higher label becomes
membrane again. The script breaks such ties by the order of its scan, so lines can lie a pixel apart.

The script tries the thresholds 0, 0.1, ..., 1 (above, not at) and reports the best mean over the slices: a choice made
on the test truth, which is optimistic. `threshold_sweep` and `best_threshold` do the same; at 0.5 nothing is chosen.

Empty masks: no true and no predicted cell, all six are 1; only one of them, all are 0 (the script floods an empty
prediction into a single cell). Where truth and prediction are a single cell, entropies are 0 and V_info is 1 (the
script: 0); where only the truth is, precision is 1, where only the prediction is, recall is 1, and V_info is 0.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from polybench.metrics.bands import bands
from polybench.metrics.measures.labels import LabelMap, Mask, components, overlaps

THRESHOLDS = tuple(step / 10 for step in range(11))
"""The challenge's thresholds on the probability of cell interior."""

Values = npt.NDArray[np.float64]
Labels = Mask | LabelMap


class MembraneScores(NamedTuple):
    """V_rand and V_info with their parts, from 0 to 1, higher is better."""

    v_rand: float
    v_rand_precision: float
    v_rand_recall: float
    v_info: float
    v_info_precision: float
    v_info_recall: float


def membrane_scores(prediction: LabelMap, interior: Mask) -> MembraneScores:
    """Compute V_rand and V_info of predicted cells.

    Args:
        prediction: Predicted cells (H, W), membranes 0: `thin_borders(map)` as in the challenge, or
            `labels.components(map, 4)` without thinning.
        interior: True interior of the cells (H, W).

    Example:
        >>> interior = np.array([[True, True, False, True, True]])
        >>> merged = np.ones((1, 5), np.int32)  # one predicted cell over two true cells of equal size
        >>> [round(value, 4) for value in membrane_scores(merged, interior)]
        [0.6667, 0.5, 1.0, 0.0, 0.0, 1.0]
    """
    return _scores(prediction, components(interior, 4))


def _scores(prediction: LabelMap, cells: LabelMap) -> MembraneScores:
    """Compute V_rand and V_info of predicted and true cells (H, W), with membranes 0."""
    found = overlaps(prediction, cells)
    if not len(found.truth_areas) or not len(found.prediction_areas):
        return MembraneScores(*[float(len(found.truth_areas) == len(found.prediction_areas))] * 6)
    true = found.truth_areas.astype(np.float64)
    alone = int(found.truth_areas.sum() - found.pixels.sum())
    segments: Values = np.bincount(found.prediction, weights=found.pixels).astype(np.float64)
    joint, predicted = found.pixels.astype(np.float64), segments[segments > 0]
    return MembraneScores(*_rand(joint, predicted, true, alone), *_information(joint, predicted, true, alone))


def thin_borders(interior: Mask) -> LabelMap:
    """Grow the components of a predicted interior until the membranes between them are a pixel wide.

    Args:
        interior: Predicted interior of the cells (H, W).

    Returns:
        Cells (H, W) numbered from 1, remaining membrane 0; all 0 where there is no cell.

    Example:
        >>> thin_borders(np.array([[True, False, False, False, True]])).tolist()
        [[1, 1, 0, 2, 2]]
    """
    labels = np.pad(components(interior, 4), 1)
    flat, width = labels.ravel(), labels.shape[1]
    free = np.pad(~interior, 1)
    around = np.array([-width, -1, 1, width])
    reached = np.flatnonzero(free & _dilated(np.pad(interior, 1)))
    free = free.ravel()
    while reached.size:
        free[reached] = False
        low, high = _extremes(flat[reached[:, None] + around])
        grown = reached[low == high]
        flat[grown] = high[low == high]
        reached = (grown[:, None] + around).ravel()
        reached = np.unique(reached[free[reached]])
    labels[_yielding(labels)] = 0
    return labels[1:-1, 1:-1]


def _neighbours(padded: Labels, rows: slice) -> tuple[Labels, ...]:
    """Return the neighbours above, left, right and below of some rows of a map (H, W) that is padded by one pixel."""
    above, here, below = (padded[rows.start + down : rows.stop + down] for down in range(3))
    return above[:, 1:-1], here[:, :-2], here[:, 2:], below[:, 1:-1]


def _dilated(padded: Mask) -> Mask:
    """Dilate a mask (H, W) that is padded by one pixel, by 4 neighbours; the result is padded too."""
    beside = np.zeros_like(padded)
    for neighbour in _neighbours(padded, slice(0, len(padded) - 2)):
        beside[1:-1, 1:-1] |= neighbour > 0
    return beside


def _yielding(padded: LabelMap) -> Mask:
    """Find the pixels of a label map (H, W), padded by one pixel, that touch a lower label, padded too."""
    yielding = np.zeros(padded.shape, bool)
    height, width = padded.shape
    for rows in bands((height - 2, width - 2)):
        place = slice(rows.start + 1, rows.stop + 1), slice(1, -1)
        for neighbour in _neighbours(padded, rows):
            yielding[place] |= (neighbour > 0) & (neighbour < padded[place])
    return yielding


def threshold_sweep(probability: Values, interior: Mask, thresholds: Sequence[float] = THRESHOLDS) -> Values:
    """Compute the scores of an image at each threshold, with thinned borders.

    Args:
        probability: Predicted probability of cell interior (H, W).
        interior: True interior of the cells (H, W).
        thresholds: Pixels with a higher probability are interior; the challenge's 11 thresholds by default.

    Returns:
        One row of `MembraneScores` per threshold, (T, 6).

    Example:
        >>> probability = np.array([[0.9, 0.9, 0.3, 0.9, 0.9]])
        >>> interior = np.array([[True, True, False, True, True]])
        >>> threshold_sweep(probability, interior, thresholds=[0.2, 0.5])[:, 0].round(4).tolist()  # merged, then split
        [0.6667, 1.0]
    """
    return sweep_of((probability > limit for limit in thresholds), interior)


def sweep_of(predictions: Iterable[Mask], interior: Mask) -> Values:
    """Compute the scores of predicted interiors (H, W) with thinned borders, one row of `MembraneScores` each, (T, 6).

    Example:
        >>> interior = np.array([[True, True, False, True, True]])
        >>> sweep_of([np.ones((1, 5), dtype=bool), interior], interior)[:, 0].round(4).tolist()
        [0.6667, 1.0]
    """
    cells = components(interior, 4)
    return np.array([_scores(thin_borders(prediction), cells) for prediction in predictions])


def best_threshold(sweeps: Values) -> MembraneScores:
    """Compute the challenge's numbers of a set: V_rand and V_info, each at its best threshold, with their parts.

    Args:
        sweeps: `threshold_sweep` of each image, (N, T, 6).

    Example:
        >>> sweeps = np.array([[[0.6, 0.6, 0.6, 0.5, 0.5, 0.5], [0.8, 0.7, 0.9, 0.4, 0.3, 0.6]]])  # (1, 2, 6)
        >>> best = best_threshold(sweeps)
        >>> best.v_rand, best.v_info
        (0.8, 0.5)
    """
    means = sweeps.mean(axis=0)
    rand, information = means[means[:, 0].argmax(), :3], means[means[:, 3].argmax(), 3:]
    return MembraneScores(*rand.tolist(), *information.tolist())


def _extremes(labels: LabelMap) -> tuple[LabelMap, LabelMap]:
    """Find the lowest and highest label of each row (n, 4), without background."""
    top = np.iinfo(labels.dtype).max
    return np.where(labels > 0, labels, top).min(axis=1), labels.max(axis=1)


def _rand(joint: Values, predicted: Values, true: Values, alone: int) -> tuple[float, float, float]:
    """Compute V_rand, precision and recall from the pixels of pairs and segments.

    Args:
        joint: Pixels of each pair of a predicted and a true segment.
        predicted: Pixels of each predicted segment.
        true: Pixels of each true segment.
        alone: Number of pixels that are a pair and a predicted segment of their own.
    """
    together, by_prediction, by_truth = ((sizes**2).sum() for sizes in (joint, predicted, true))
    together, by_prediction = together + alone, by_prediction + alone
    return (
        float(2 * together / (by_prediction + by_truth)),
        float(together / by_prediction),
        float(together / by_truth),
    )


def _information(joint: Values, predicted: Values, true: Values, alone: int) -> tuple[float, float, float]:
    """Compute V_info, precision and recall from the pixels of pairs and segments, as in `_rand`."""
    of_prediction, of_truth = _entropy(predicted, alone), _entropy(true)
    mutual = min(max(of_prediction + of_truth - _entropy(joint, alone), 0.0), of_prediction, of_truth)
    return (
        _share(2 * mutual, of_prediction + of_truth),
        _share(mutual, of_truth),
        _share(mutual, of_prediction),
    )


def _share(information: float, entropy: float) -> float:
    """Divide information by entropy, with 1 for an entropy of 0."""
    return information / entropy if entropy else 1.0


def _entropy(sizes: Values, alone: int = 0) -> float:
    """Compute the entropy, in nats, of segments and of `alone` single pixels; exactly 0 for a single segment."""
    total = sizes.sum() + alone
    shares = sizes / total
    return float(alone / total * np.log(total) - (shares * np.log(shares)).sum())
