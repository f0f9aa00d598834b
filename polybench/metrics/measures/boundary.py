"""Boundary measures: HD95, average symmetric surface distance and boundary IoU of two masks.

Maier-Hein et al., Metrics reloaded, Nature Methods 2024 (distances); Cheng et al., Boundary IoU, CVPR 2021.

Tools differ by many pixels on the same masks, so every choice is stated here. The outline of a mask is the set of its
pixels that have a background pixel, or the edge of the image, as one of their four neighbours. Distances are Euclidean,
between pixel centres, in pixels of the maps given. HD95 is the larger of both directed 95th percentiles, interpolated
linearly (MedPy takes one percentile of both directions pooled). The average symmetric surface distance is the mean over
the outline pixels of both masks pooled (MedPy takes the mean of the two directed means).

Empty masks: both empty, distances are 0 and boundary IoU is 1. Only one empty, distances are the diagonal of the image
in pixels, sqrt(H^2 + W^2), which no distance in the image reaches, and boundary IoU is 0.
"""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.spatial import KDTree

from polybench.metrics.bands import bands
from polybench.metrics.measures.labels import Mask, window

BAND_SHARE = 0.02
"""Width of the band of boundary IoU, as a share of the image's diagonal: the value of the paper."""

Distances = npt.NDArray[np.float64]


class SurfaceScores(NamedTuple):
    """Distances between two outlines, in pixels.

    Attributes:
        hd95: 95th percentile of the Hausdorff distance.
        assd: Average symmetric surface distance.
    """

    hd95: float
    assd: float


class Surfaces(NamedTuple):
    """Distances of each outline's pixels to the other outline, in pixels; infinite where the other mask is empty.

    Attributes:
        prediction: One distance per pixel of the predicted outline, in raster order, (k,).
        truth: One distance per pixel of the true outline, likewise, (l,).
    """

    prediction: Distances
    truth: Distances


def surface_scores(prediction: Mask, truth: Mask) -> SurfaceScores:
    """Compute HD95 and average symmetric surface distance of two masks (H, W), symmetric in its arguments.

    Example:
        >>> truth = np.zeros((5, 5), dtype=bool)
        >>> truth[2, 1:4] = True
        >>> prediction = np.zeros_like(truth)
        >>> prediction[2, 1] = True
        >>> surface_scores(prediction, truth)  # distances 0 to the truth, and 0, 1, 2 back
        SurfaceScores(hd95=1.9, assd=0.75)
    """
    height, width = truth.shape
    return scores_of(surfaces_of(prediction, truth), (height, width))


def surfaces_of(prediction: Mask, truth: Mask) -> Surfaces:
    """Compute the distances between the outlines of two masks (H, W), in both directions.

    Example:
        >>> surfaces = surfaces_of(np.array([[True, False, False]]), np.array([[True, True, True]]))
        >>> surfaces.prediction.tolist(), surfaces.truth.tolist()
        ([0.0], [0.0, 1.0, 2.0])
    """
    if not prediction.any() and not truth.any():
        return Surfaces(np.zeros(0), np.zeros(0))
    objects = window(prediction | truth)
    outlines = outline(prediction[objects]), outline(truth[objects])
    if not prediction.any() or not truth.any():
        return Surfaces(*(np.full(np.count_nonzero(one), np.inf) for one in outlines))
    return Surfaces(surface_distances(*outlines), surface_distances(*reversed(outlines)))


def scores_of(surfaces: Surfaces, size: tuple[int, int]) -> SurfaceScores:
    """Compute HD95 and average symmetric surface distance from outline distances and the image's height and width.

    Example:
        >>> scores_of(Surfaces(np.array([0.0]), np.array([0.0, 1.0, 2.0])), (5, 5))
        SurfaceScores(hd95=1.9, assd=0.75)
    """
    there, back = surfaces
    if not len(there) and not len(back):
        return SurfaceScores(0.0, 0.0)
    if not len(there) or not len(back):
        diagonal = math.hypot(*size)
        return SurfaceScores(diagonal, diagonal)
    return SurfaceScores(
        hd95=float(max(np.percentile(there, 95), np.percentile(back, 95))),
        assd=float((there.sum() + back.sum()) / (there.size + back.size)),
    )


def surface_distances(source: Mask, target: Mask) -> Distances:
    """Compute the distance of each pixel of an outline to the nearest pixel of another, with a k-d tree.

    Args:
        source: Outline (H, W).
        target: Outline (H, W), not empty.

    Returns:
        One distance in pixels per pixel of `source`, in raster order, (k,).

    Example:
        >>> surface_distances(np.array([[True, True, False]]), np.array([[False, False, True]])).tolist()
        [2.0, 1.0]
    """
    distances = np.zeros(np.count_nonzero(source))
    tree = KDTree(np.argwhere(target), balanced_tree=False, compact_nodes=False)
    distances[~target[source]] = tree.query(np.argwhere(source & ~target))[0]
    return distances


def outline(mask: Mask) -> Mask:
    """Find the pixels of a mask (H, W) with background or the image's edge as one of their four neighbours.

    Example:
        >>> outline(np.ones((3, 3), dtype=bool)).astype(int).tolist()
        [[1, 1, 1], [1, 0, 1], [1, 1, 1]]
    """
    around = np.pad(mask, 1)
    inside = around[:-2, 1:-1] & around[2:, 1:-1]
    inside &= around[1:-1, :-2]
    inside &= around[1:-1, 2:]
    return np.greater(mask, inside, out=inside)


def boundary_iou(prediction: Mask, truth: Mask, band_share: float = BAND_SHARE) -> float:
    """Compute the intersection over union of the inner bands along the outlines of two masks.

    The band of a mask is the part removed by d erosions with a 3 x 3 square, where d is `band_share` of
    the image's diagonal, rounded, at least 1; the image's edge erodes too, as in the paper's code.

    Args:
        prediction: Mask (H, W).
        truth: Mask (H, W).
        band_share: Width of the band as a share of the diagonal; 2 % as in the paper.

    Example:
        >>> truth = np.zeros((8, 8), dtype=bool)
        >>> truth[2:6, 2:6] = True  # a band of 12 pixels
        >>> prediction = truth.copy()
        >>> prediction[:, 5] = False  # a band of 10 pixels, 8 of them in common
        >>> round(boundary_iou(prediction, truth), 4)
        0.5714
    """
    if not prediction.any() and not truth.any():
        return 1.0
    width = max(1, round(band_share * math.hypot(*truth.shape)))
    objects = window(prediction | truth)
    predicted_band, true_band = _band(prediction[objects], width), _band(truth[objects], width)
    return int((predicted_band & true_band).sum()) / int((predicted_band | true_band).sum())


def _band(mask: Mask, width: int) -> Mask:
    """Find the pixels of a mask at a chessboard distance of at most `width` from the background."""
    band: Mask = mask & ~_eroded(_eroded(mask, width).T, width).T
    return band


def _eroded(mask: Mask, width: int) -> Mask:
    """Erode a mask along its columns by `width` pixels, a part of the columns at a time."""
    height, columns = mask.shape
    eroded = np.empty_like(mask)
    for part in bands((columns, height)):
        missing = np.cumsum(np.pad(~mask[:, part], ((width + 1, width), (0, 0)), constant_values=True), 0, np.int32)
        np.equal(missing[2 * width + 1 :], missing[: -2 * width - 1], out=eroded[:, part])
    return eroded
