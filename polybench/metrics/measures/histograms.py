"""Measures swept over 256 thresholds, computed from histograms of the foreground and of the background.

The thresholds follow PraNet's toolbox (Fan et al., MICCAI 2020): 1, 254/255, ..., 0, with `>=`.
Bin k holds the pixels that reach level k / 255 and not the next, which is `floor(255 p)`; so the histograms of the
foreground and of the background give the confusion counts at every threshold, exactly, and are added up over processes
or images. All curves run from threshold 1 down to 0, the order of the toolbox.

The product 255 p is rounded in the map's own precision, float32 or float64, so that every k / 255 falls into bin k and
8-bit maps keep their levels; a value within one unit in the last place below a level may count as reaching it. This
matches PySODMetrics on a float64 map. A map that was already rounded down to 8 bits has the same bins.
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
        valid: Boolean field of view, (H, W), outside which pixels are not counted; None to count all pixels.

    Returns:
        Histograms of the foreground and of the background, int64, (256,) each.

    Example:
        >>> probability, mask = torch.tensor([1.0, 0.5, 0.2, 0.0]), torch.tensor([True, True, False, False])
        >>> foreground, background = histograms(probability, mask)
        >>> foreground.nonzero().flatten().tolist(), background.nonzero().flatten().tolist()
        ([127, 255], [0, 51])
    """
    bins = (probability * (LEVELS - 1)).to(torch.int16)
    bins.add_(mask.view(torch.uint8), alpha=LEVELS)  # adding bytes is twice as fast as adding booleans
    counts = torch.bincount((bins if valid is None else bins[valid]).reshape(-1), minlength=2 * LEVELS)
    return counts[LEVELS:], counts[:LEVELS]


def sweep(foreground: Tensor, background: Tensor) -> Sweep:
    """Convert histograms to the counts at each threshold.

    Args:
        foreground: Histograms of the foreground, int64, (..., 256).
        background: Histograms of the background, int64, (..., 256).

    Returns:
        The counts, from threshold 1 down to 0.

    Example:
        >>> probability, mask = torch.tensor([1.0, 0.5, 0.2, 0.0]), torch.tensor([True, True, False, False])
        >>> counts = sweep(*histograms(probability, mask))
        >>> counts.tp[[0, 128, 255]].tolist(), counts.predicted[[0, 128, 255]].tolist()  # thresholds 1, 127/255 and 0
        ([1, 2, 2], [1, 2, 4])
    """
    tp, fp = foreground.flip(-1).cumsum(-1), background.flip(-1).cumsum(-1)
    return Sweep(tp, tp + fp, tp[..., -1:], tp[..., -1:] + fp[..., -1:])


def _share(numerator: Tensor, denominator: Tensor, tp: Tensor) -> Tensor:
    """Divide in float64, with 0 where no pixel is a true positive: the toolbox's rule, also for empty masks."""
    hit = tp > 0
    return torch.where(hit, numerator.double() / denominator.where(hit, 1), 0.0)


def dice_curve(counts: Sweep) -> Tensor:
    """Compute the Dice coefficient at each threshold, float64, (..., 256).

    Example:
        >>> probability, mask = torch.tensor([1.0, 0.5, 0.2, 0.0]), torch.tensor([True, True, False, False])
        >>> counts = sweep(*histograms(probability, mask))
        >>> dice_curve(counts)[[0, 128, 255]]  # thresholds 1, 127/255 and 0
        tensor([0.6667, 1.0000, 0.6667], dtype=torch.float64)
    """
    return _share(2 * counts.tp, counts.positives + counts.predicted, counts.tp)


def iou_curve(counts: Sweep) -> Tensor:
    """Compute the intersection over union at each threshold, float64, (..., 256).

    Example:
        >>> probability, mask = torch.tensor([1.0, 0.5, 0.2, 0.0]), torch.tensor([True, True, False, False])
        >>> counts = sweep(*histograms(probability, mask))
        >>> iou_curve(counts)[[0, 128, 255]]  # thresholds 1, 127/255 and 0
        tensor([0.5000, 1.0000, 0.5000], dtype=torch.float64)
    """
    return _share(counts.tp, counts.positives + counts.predicted - counts.tp, counts.tp)


def precision_curve(counts: Sweep) -> Tensor:
    """Compute the precision at each threshold, float64, (..., 256).

    Example:
        >>> probability, mask = torch.tensor([1.0, 0.5, 0.2, 0.0]), torch.tensor([True, True, False, False])
        >>> counts = sweep(*histograms(probability, mask))
        >>> precision_curve(counts)[[0, 128, 255]]  # thresholds 1, 127/255 and 0
        tensor([1.0000, 1.0000, 0.5000], dtype=torch.float64)
    """
    return _share(counts.tp, counts.predicted, counts.tp)


def recall_curve(counts: Sweep) -> Tensor:
    """Compute the recall at each threshold, float64, (..., 256).

    Example:
        >>> probability, mask = torch.tensor([1.0, 0.5, 0.2, 0.0]), torch.tensor([True, True, False, False])
        >>> counts = sweep(*histograms(probability, mask))
        >>> recall_curve(counts)[[0, 128, 255]]  # thresholds 1, 127/255 and 0
        tensor([0.5000, 1.0000, 1.0000], dtype=torch.float64)
    """
    return _share(counts.tp, counts.positives, counts.tp)


def f_curve(counts: Sweep, beta2: float = 1.0) -> Tensor:
    """Compute the F-measure at each threshold.

    Args:
        counts: The counts of the sweep.
        beta2: Squared weight of recall: 1 in PraNet's toolbox, which makes it Dice; 0.3 is usual for salient objects.

    Returns:
        F-measure, float64, (..., 256).

    Example:
        >>> probability, mask = torch.tensor([1.0, 0.5, 0.2, 0.0]), torch.tensor([True, True, False, False])
        >>> counts = sweep(*histograms(probability, mask))
        >>> f_curve(counts, beta2=0.3)[[0, 128, 255]]  # 1.3 / 1.6, 1 and 2.6 / 4.6
        tensor([0.8125, 1.0000, 0.5652], dtype=torch.float64)
    """
    return _share((1 + beta2) * counts.tp.double(), beta2 * counts.positives.double() + counts.predicted, counts.tp)


def e_curve(counts: Sweep) -> Tensor:
    """Compute the enhanced-alignment measure (Fan et al., IJCAI 2018) of the binary map at each threshold.

    Mask and binary map, each less its mean, take two values each, so that the sum over pixels is one over four regions.
    The toolbox divides by N - 1: a perfect map scores N / (N - 1), more than 1. For an empty mask the score is the
    share of background, for a full mask the share of foreground.

    Args:
        counts: The counts of the sweep.

    Returns:
        E-measure, float64, (..., 256).

    Example:
        >>> probability, mask = torch.tensor([1.0, 0.5, 0.2, 0.0]), torch.tensor([True, True, False, False])
        >>> counts = sweep(*histograms(probability, mask))
        >>> e_curve(counts)[128]  # a perfect binary map of 4 pixels: 4 / 3
        tensor(1.3333, dtype=torch.float64)
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
    """Compute the area under the ROC curve of the binned map by the trapezoidal rule.

    It is the probability that a foreground pixel has a higher level than a background pixel, ties counted half.
    The area under the curve of the map itself differs at most by half the share of pairs that are in one bin.

    Args:
        foreground: Histograms of the foreground, int64, (..., 256); add those of several images to pool them.
        background: Histograms of the background, int64, (..., 256).

    Returns:
        Area, float64, (...); NaN where there is no foreground or no background.

    Example:
        >>> probability, mask = torch.tensor([1.0, 0.2, 0.5, 0.0]), torch.tensor([True, True, False, False])
        >>> roc_auc(*histograms(probability, mask))  # 3 of 4 pairs are ranked correctly
        tensor(0.7500, dtype=torch.float64)
    """
    below = background.cumsum(-1) - background
    pairs = foreground.sum(-1) * background.sum(-1)
    return (foreground * (2 * below + background)).sum(-1).double() / (2 * pairs)
