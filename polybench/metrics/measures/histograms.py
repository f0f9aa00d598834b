"""Threshold sweeps of one image, or of any number of images, from two histograms of 256 bins.

The levels are those of PraNet's toolbox (Fan et al., MICCAI 2020): a map is cut at 1, 254/255, ..., 0, with `>=`.
Bin k holds the pixels that reach level k / 255 and not the next, which is `floor(255 p)`; so the histograms of the
foreground and of the background give the confusion counts at every threshold, exactly, and nothing but addition is
needed to join processes or images. All curves run from threshold 1 down to 0, the order of the toolbox.

The product 255 p is rounded in the map's own precision, float32 or float64. Every k / 255 then falls into bin k, so
that 8-bit maps keep their levels; a value that lies within its last bit below a level may count as reaching it. This
is what PySODMetrics does to a float64 map. A map that was rounded down to 8 bits before has the same bins.
"""

from typing import NamedTuple

import torch
from torch import Tensor

LEVELS = 256
EPSILON = 2.0**-52
"""MATLAB's `eps`, which the toolbox adds to denominators."""


class Sweep(NamedTuple):
    """Counts at the 256 thresholds, from 1 down to 0; int64.

    Attributes:
        tp: True positives, (..., 256).
        predicted: Pixels that reach the threshold, (..., 256).
        positives: Pixels of the object, (..., 1).
        pixels: All pixels, (..., 1).
    """

    tp: Tensor
    predicted: Tensor
    positives: Tensor
    pixels: Tensor


def histograms(probability: Tensor, mask: Tensor, valid: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Count the pixels of the foreground and of the background at each level.

    Args:
        probability: Prepared map in [0, 1], float32 or float64, (H, W).
        mask: Boolean mask, (H, W).
        valid: Boolean field of view, (H, W); pixels outside are not counted. All pixels count without one.

    Returns:
        Histograms of the foreground and of the background, int64, (256,) each.
    """
    bins = (probability * (LEVELS - 1)).to(torch.int16)
    bins.add_(mask.view(torch.uint8), alpha=LEVELS)  # bytes are added twice as fast as truth values
    counts = torch.bincount((bins if valid is None else bins[valid]).reshape(-1), minlength=2 * LEVELS)
    return counts[LEVELS:], counts[:LEVELS]


def sweep(foreground: Tensor, background: Tensor) -> Sweep:
    """Turn histograms into the counts at each threshold.

    Args:
        foreground: Histograms of the foreground, int64, (..., 256).
        background: Histograms of the background, int64, (..., 256).

    Returns:
        The counts, from threshold 1 down to 0.
    """
    tp, fp = foreground.flip(-1).cumsum(-1), background.flip(-1).cumsum(-1)
    return Sweep(tp, tp + fp, tp[..., -1:], tp[..., -1:] + fp[..., -1:])


def _share(numerator: Tensor, denominator: Tensor, tp: Tensor) -> Tensor:
    """A ratio in float64, 0 where no pixel is hit: the toolbox's rule, for empty masks too."""
    hit = tp > 0
    return torch.where(hit, numerator.double() / denominator.where(hit, 1), 0.0)


def dice_curve(counts: Sweep) -> Tensor:
    """Dice coefficient at each threshold, float64, (..., 256)."""
    return _share(2 * counts.tp, counts.positives + counts.predicted, counts.tp)


def iou_curve(counts: Sweep) -> Tensor:
    """Intersection over union at each threshold, float64, (..., 256)."""
    return _share(counts.tp, counts.positives + counts.predicted - counts.tp, counts.tp)


def precision_curve(counts: Sweep) -> Tensor:
    """Share of the predicted pixels that are right, at each threshold, float64, (..., 256)."""
    return _share(counts.tp, counts.predicted, counts.tp)


def recall_curve(counts: Sweep) -> Tensor:
    """Share of the object's pixels that are found, at each threshold, float64, (..., 256)."""
    return _share(counts.tp, counts.positives, counts.tp)


def f_curve(counts: Sweep, beta2: float = 1.0) -> Tensor:
    """F-measure at each threshold.

    Args:
        counts: The counts of the sweep.
        beta2: Squared weight of recall: 1 in PraNet's toolbox, which makes it Dice; 0.3 is usual for salient objects.

    Returns:
        F-measure, float64, (..., 256).
    """
    return _share((1 + beta2) * counts.tp.double(), beta2 * counts.positives.double() + counts.predicted, counts.tp)


def e_curve(counts: Sweep) -> Tensor:
    """Enhanced-alignment measure (Fan et al., IJCAI 2018) of the binary map at each threshold.

    Mask and binary map, each less its mean, take two values each, so that the sum over pixels is one over four regions.
    The toolbox divides by N - 1: a perfect map scores N / (N - 1), more than 1. An empty mask scores what is left
    out, a full one what is covered.

    Args:
        counts: The counts of the sweep.

    Returns:
        E-measure, float64, (..., 256).
    """
    tp, predicted, positives, pixels = (count.double() for count in counts)
    share, truth = predicted / pixels, positives / pixels
    regions = (
        (tp, 1 - share, 1 - truth),
        (predicted - tp, 1 - share, -truth),
        (positives - tp, -share, 1 - truth),
        (pixels - predicted - positives + tp, -share, -truth),
    )
    total = torch.zeros_like(share)
    for number, a, b in regions:
        total += number * (1 + 2 * a * b / (a * a + b * b + EPSILON)).square() / 4
    total = torch.where(positives == 0, pixels - predicted, total)
    total = torch.where(positives == pixels, predicted, total)
    return total / (pixels - 1 + EPSILON)


def roc_auc(foreground: Tensor, background: Tensor) -> Tensor:
    """Area under the ROC curve of the binned map, by trapezoids.

    It is the chance that a pixel of the object has a higher level than one of the background, a tie counting one half.
    The area under the curve of the map itself differs at most by half the share of pairs that are in one bin.

    Args:
        foreground: Histograms of the foreground, int64, (..., 256); add those of several images to pool them.
        background: Histograms of the background, int64, (..., 256).

    Returns:
        Area, float64, (...); not a number where there is no foreground or no background.
    """
    below = background.cumsum(-1) - background
    pairs = foreground.sum(-1) * background.sum(-1)
    return (foreground * (2 * below + background)).sum(-1).double() / (2 * pairs)
