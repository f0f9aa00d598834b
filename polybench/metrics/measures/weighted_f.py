"""Weighted F-measure of one image: errors far from the object count more, errors along its boundary less.

Margolin, Zelnik-Manor and Tal, "How to evaluate foreground maps?", CVPR 2014, as in PraNet's toolbox (MICCAI 2020).
The nearest pixel of the object comes from `scipy.ndimage.distance_transform_edt`, on the CPU: its choice among equally
near pixels affects the result, as in PySODMetrics. Distances are computed only where they matter: an error of 0 has no
weight, and at 120 pixels or more the weight is 2. Weights are float32, which moves the result by less than 1e-7.
"""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from scipy.ndimage import distance_transform_edt
from torch import Tensor

from polybench.metrics.bands import Part, bands, tiles
from polybench.metrics.measures.histograms import EPSILON

HALF_WAY = 5.0
"""Distance in pixels at which the weight of an error is 1.5."""
REACH = 24 * int(HALF_WAY)
"""Distance in pixels from which the weight `2 - 2 ** (-distance / HALF_WAY)` is 2 in float32."""
RADIUS, DEVIATION = 3, 5.0
"""Standard deviation and radius, in pixels, of the Gaussian that spreads errors inside the object."""

BoolArray = npt.NDArray[np.bool_]
Window = tuple[slice, slice]


class _Windows(NamedTuple):
    """Sum of the map, the window in which distances matter, and its part in which errors on the object are spread."""

    total: float
    near: Window
    rim: Window


class _Errors(NamedTuple):
    """Sums over a tile: errors on the object, weighted errors outside, and the map in float32."""

    missed: float
    false: float
    total: float


def weighted_f(probability: Part, mask: Tensor, beta2: float = 1.0) -> Tensor:
    """Compute the F-measure of errors weighted by their position.

    Args:
        probability: Returns the prepared map in [0, 1], float64, at given rows and columns, (h, w).
        mask: Boolean mask, (H, W).
        beta2: Squared weight of recall.

    Returns:
        Weighted F-measure in [0, 1], a float64 scalar; 0 for an empty mask.

    Example:
        >>> mask = torch.zeros(9, 9, dtype=torch.bool)
        >>> mask[3:6, 3:6] = True
        >>> wide = torch.zeros(9, 9, dtype=torch.float64)
        >>> wide[2:7, 2:7] = 1.0  # one pixel too wide all around
        >>> round(float(weighted_f(lambda rows, columns: wide[rows, columns], mask)), 4)
        0.4963
    """
    truth = mask.cpu().numpy()
    if not truth.any():
        return torch.zeros((), dtype=torch.float64, device=mask.device)
    windows = _windows(truth, probability)
    found = [_errors(probability, truth, windows, tile) for tile in tiles(*windows.near)]
    missed, false, total = (math.fsum(sums) for sums in zip(*found, strict=True))
    positives = int(np.count_nonzero(truth))
    false_positives = 2 * (windows.total - total) + false
    true_positives = positives - missed
    precision = true_positives / (true_positives + false_positives + EPSILON)
    recall = 1 - missed / positives
    value = (1 + beta2) * recall * precision / (recall + beta2 * precision + EPSILON)
    return torch.tensor(value, dtype=torch.float64, device=mask.device)


def _windows(truth: BoolArray, probability: Part) -> _Windows:
    sums, rows, columns = [], [], []
    height, width = truth.shape
    for band in bands((height, width)):
        part = probability(band, slice(0, width))
        sums.append(float(part.sum()))
        rows.append(part.amax(1) > 0)
        columns.append(part.amax(0) > 0)
    shown = torch.cat(rows), torch.stack(columns).any(0)
    near, rim = [], []
    for axis in (0, 1):
        objects: BoolArray = np.any(truth, axis=1 - axis)
        reach, seen = _extent(objects, REACH), _extent(objects | shown[axis].cpu().numpy(), RADIUS)
        near.append(slice(max(reach.start, seen.start), min(reach.stop, seen.stop)))
        rim.append(_extent(objects, RADIUS))
    return _Windows(math.fsum(sums), (near[0], near[1]), (rim[0], rim[1]))


def _extent(occupied: BoolArray, margin: int) -> slice:
    """Return the slice from the first to the last occupied position, with a margin."""
    places = np.flatnonzero(occupied)
    return slice(max(int(places[0]) - margin, 0), min(int(places[-1]) + margin + 1, len(occupied)))


def _errors(probability: Part, truth: BoolArray, windows: _Windows, tile: Window) -> _Errors:
    """Sum the errors in a tile of `near`, with nearest pixels of the object searched only as far as they matter."""
    around = _grown(tile, REACH, windows.near)
    values, objects = probability(*around).float(), truth[around]
    here = _within(tile, around)
    total = float(values[here].double().sum())
    if not objects.any():
        return _Errors(0.0, 2 * total, total)
    nearest = torch.from_numpy(distance_transform_edt(~objects, return_distances=False, return_indices=True))
    nearest = nearest.to(values.device)
    missed, false = 0.0, _false_positives(values[here], nearest, here)
    core = _common(tile, windows.rim)
    if core is not None and truth[core].any():
        missed = _missed(values, objects, nearest, core, _grown(core, RADIUS, windows.rim), around)
    return _Errors(missed, false, total)


def _grown(window: Window, margin: int, bounds: Window) -> Window:
    """Grow a window by a margin, within bounds."""
    rows, columns = (
        slice(max(one.start - margin, limit.start), min(one.stop + margin, limit.stop))
        for one, limit in zip(window, bounds, strict=True)
    )
    return rows, columns


def _common(window: Window, other: Window) -> Window | None:
    """Intersect two windows; None if they are disjoint."""
    rows, columns = _grown(window, 0, other)
    return (rows, columns) if rows.start < rows.stop and columns.start < columns.stop else None


def _within(window: Window, around: Window) -> Window:
    """Shift a window to the coordinates of a window that contains it."""
    rows, columns = (slice(one.start - of.start, one.stop - of.start) for one, of in zip(window, around, strict=True))
    return rows, columns


def _false_positives(probability: Tensor, nearest: Tensor, here: Window) -> float:
    """Sum the map outside the object, weighted by the distance of each pixel.

    Args:
        probability: The map in a tile, (h, w).
        nearest: Row and column of the nearest pixel of the object around that tile, (2, H, W).
        here: Position of the tile in that area.
    """
    places = (torch.arange(one.start, one.stop, dtype=nearest.dtype, device=nearest.device) for one in here)
    rows, columns = places
    down, right = nearest[0][here] - rows[:, None], nearest[1][here] - columns
    squared = down.mul_(down).add_(right.mul_(right)).clamp_(max=REACH**2)
    weight = 2 - torch.exp2(torch.arange(REACH**2 + 1, device=nearest.device).float().sqrt_() * (-1 / HALF_WAY))
    weight[0] = 0  # on the object
    return float(weight.index_select(0, squared.reshape(-1)).mul_(probability.reshape(-1)).double().sum())


def _missed(
    probability: Tensor, objects: BoolArray, nearest: Tensor, core: Window, spread_in: Window, around: Window
) -> float:
    """Sum the errors on the object, each smoothed where that lowers it; pixels outside take the error of the nearest.

    Args:
        probability: The map around a tile, (H, W).
        objects: The mask there, (H, W).
        nearest: Row and column of the nearest pixel of the object there, (2, H, W).
        core: The part of the tile whose errors are summed.
        spread_in: That part with the margin of the smoothing.
        around: Position of `probability` in the image.
    """
    rows, columns = nearest[:, *_within(spread_in, around)]
    places = (rows * objects.shape[1] + columns).reshape(-1)
    errors = (1 - probability.reshape(-1).index_select(0, places)).reshape(rows.shape)
    spread = errors
    for axis in (0, 1):
        spread = _smooth(spread, axis)
    truth = torch.from_numpy(objects[_within(core, around)]).to(errors.device)
    return float(torch.minimum(errors, spread, out=spread)[_within(core, spread_in)].mul(truth).double().sum())


def _smooth(values: Tensor, axis: int) -> Tensor:
    """Smooth by a Gaussian along an axis with zero padding; shifted sums are faster than torch's convolutions."""
    gaussian = [math.exp(-(offset**2) / (2 * DEVIATION**2)) for offset in range(-RADIUS, RADIUS + 1)]
    middle, *arm = (weight / sum(gaussian) for weight in gaussian[RADIUS:])
    total, length = values * middle, values.shape[axis]
    for offset, weight in enumerate(arm[: length - 1], start=1):
        rest = length - offset
        total.narrow(axis, offset, rest).add_(values.narrow(axis, 0, rest), alpha=weight)
        total.narrow(axis, 0, rest).add_(values.narrow(axis, offset, rest), alpha=weight)
    return total
