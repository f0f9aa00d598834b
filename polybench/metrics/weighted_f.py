"""Weighted F-measure of one image: errors far from the object count more, errors along its rim less.

Margolin, Zelnik-Manor and Tal, "How to evaluate foreground maps?", CVPR 2014, as in PraNet's toolbox (MICCAI 2020).
The nearest pixel of the object comes from `scipy.ndimage.distance_transform_edt`, on the CPU: which of several equally
near pixels it names is part of the number, as in PySODMetrics. It is asked only where that matters: an error of 0 has
no weight, and from 120 pixels on the weight is 2. Weights are float32, which moves the result by less than 1e-7.
"""

import math

import numpy as np
import numpy.typing as npt
import torch
from scipy.ndimage import distance_transform_edt
from torch import Tensor

from polybench.metrics.histograms import EPSILON

HALF_WAY = 5.0
"""Distance in pixels at which the weight of an error is half-way from 1 to 2."""
REACH = 24 * int(HALF_WAY)
"""Distance in pixels from which the weight `2 - 2 ** (-distance / HALF_WAY)` is 2 in float32."""
RADIUS, DEVIATION = 3, 5.0
"""The Gaussian that spreads errors inside the object, in pixels."""

BoolArray = npt.NDArray[np.bool_]
Window = tuple[slice, slice]


def weighted_f(probability: Tensor, mask: Tensor, beta2: float = 1.0) -> Tensor:
    """F-measure of errors that are weighted by their place.

    Args:
        probability: Prepared map in [0, 1], (H, W).
        mask: Boolean mask, (H, W).
        beta2: Squared weight of recall.

    Returns:
        Weighted F-measure in [0, 1], a float64 scalar; 0 for an empty mask.
    """
    probability, truth = probability.double(), mask.cpu().numpy()
    if not truth.any():
        return probability.new_zeros(())
    near, inner = _windows(truth, probability)
    near_map = probability[near].float()
    nearest = _nearest(truth[near], probability.device)
    missed = _missed(near_map, mask[near], nearest, inner)
    positives = int(np.count_nonzero(truth))
    far = probability.sum() - near_map.double().sum()
    false_positives = 2 * far + _false_positives(near_map, nearest)
    true_positives = positives - missed
    precision = true_positives / (true_positives + false_positives + EPSILON)
    recall = 1 - missed / positives
    return (1 + beta2) * recall * precision / (recall + beta2 * precision + EPSILON)


def _windows(truth: BoolArray, probability: Tensor) -> tuple[Window, Window]:
    """Where distances matter, and the part of that, counted from its corner, where errors on the object are spread."""
    near, inner = [], []
    for axis in (1, 0):
        objects: BoolArray = np.any(truth, axis=axis)
        reach = _extent(objects, REACH)
        shown = _extent(objects | (probability.amax(axis) > 0).cpu().numpy(), RADIUS)
        start, stop = max(reach.start, shown.start), min(reach.stop, shown.stop)
        rim = _extent(objects, RADIUS)
        near.append(slice(start, stop))
        inner.append(slice(rim.start - start, rim.stop - start))
    return (near[0], near[1]), (inner[0], inner[1])


def _extent(occupied: BoolArray, margin: int) -> slice:
    """From the first to the last place that is occupied, and a margin."""
    places = np.flatnonzero(occupied)
    return slice(max(int(places[0]) - margin, 0), min(int(places[-1]) + margin + 1, len(occupied)))


def _nearest(truth: BoolArray, device: torch.device) -> Tensor:
    """Row and column of the nearest pixel of the object, (2, h, w)."""
    places = distance_transform_edt(~truth, return_distances=False, return_indices=True)
    return torch.from_numpy(places).to(device)


def _false_positives(probability: Tensor, nearest: Tensor) -> Tensor:
    """Sum of the map outside the object, each pixel weighted by its distance."""
    rows, columns = (torch.arange(size, dtype=nearest.dtype, device=nearest.device) for size in probability.shape)
    down, right = nearest[0] - rows[:, None], nearest[1] - columns
    squared = down.mul_(down).add_(right.mul_(right)).clamp_(max=REACH**2)
    weight = 2 - torch.exp2(torch.arange(REACH**2 + 1, device=nearest.device).float().sqrt_() * (-1 / HALF_WAY))
    weight[0] = 0  # on the object
    return weight.index_select(0, squared.reshape(-1)).mul_(probability.reshape(-1)).double().sum()


def _missed(probability: Tensor, mask: Tensor, nearest: Tensor, inner: Window) -> Tensor:
    """Sum of the errors on the object, each spread where that makes it less; outside, errors are their nearest's."""
    rows, columns = nearest[:, *inner]
    places = (rows * mask.shape[1] + columns).reshape(-1)
    errors = (1 - probability.reshape(-1).index_select(0, places)).reshape(rows.shape)
    spread = errors
    for axis in (0, 1):
        spread = _smooth(spread, axis)
    return torch.minimum(errors, spread, out=spread).mul_(mask[inner]).double().sum()


def _smooth(values: Tensor, axis: int) -> Tensor:
    """Gaussian mean along an axis, zero beyond the ends; shifted sums, as torch's convolutions are slower."""
    gaussian = [math.exp(-(offset**2) / (2 * DEVIATION**2)) for offset in range(-RADIUS, RADIUS + 1)]
    middle, *arm = (weight / sum(gaussian) for weight in gaussian[RADIUS:])
    total, length = values * middle, values.shape[axis]
    for offset, weight in enumerate(arm[: length - 1], start=1):
        rest = length - offset
        total.narrow(axis, offset, rest).add_(values.narrow(axis, 0, rest), alpha=weight)
        total.narrow(axis, 0, rest).add_(values.narrow(axis, offset, rest), alpha=weight)
    return total
