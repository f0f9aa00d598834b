"""Synthetic brain tissue: neurites, mitochondria and synapses, and their cut at one slice."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from polybench.synth.noise import Floats, smooth_noise

_MARGIN = 60.0  # pixels of tissue outside the frame, so that its border cuts neurites as a microscope's does
_GAP = 36.0  # reach of a neurite beyond its discs
MEMBRANE = 3.7  # half width
_CORNER = 4.0  # least radius of a cell's corners; narrower parts are all membrane


@dataclass(frozen=True)
class Tissue:
    """What all slices have in common; lengths in pixels, (row, column), times in slices.

    Attributes:
        centre: Of the discs, (N, 2).
        radius: (N,).
        neurite: Which discs are one cell: its number, (N,).
        metric: Matrix that makes a disc an ellipse, (N, 2, 2).
        wander: Amplitude, speed and phase of row, column and (relative) radius, (N, 3, 3).
        tone: Grey level of each neurite's cytoplasm, (K,).
        vesicles: Vesicles per pixel of each neurite, (K,).
        bend: Two fields that displace rows and columns, turned into each other with time, (2, 2, H, W).
        mitochondria: Disc, row and column in it, half axes, angle, first slice and half depth, (M, 8).
        synapses: Disc, direction, spread, first slice and half depth, (S, 5).
        oblique: Two fields; membranes are cut obliquely where their turning sum is high, (2, H, W).
    """

    centre: Floats
    radius: Floats
    neurite: npt.NDArray[np.int64]
    metric: Floats
    wander: Floats
    tone: Floats
    vesicles: Floats
    bend: Floats
    mitochondria: Floats
    synapses: Floats
    oblique: Floats


@dataclass(frozen=True)
class Cut:
    """The tissue at one slice; lengths in pixels.

    Attributes:
        centre: Where its discs are, (N, 2).
        radius: Of the discs, (N,).
        shift: How far it is bent, (2, H, W): a pixel shows the tissue at its own place plus this.
        distance: To the middle of the nearest membrane, (H, W).
        owner: Neurite of each pixel, (H, W).
        oblique: Where membranes are cut obliquely, 0 to 1, (H, W).
    """

    centre: Floats
    radius: Floats
    shift: Floats
    distance: Floats
    owner: npt.NDArray[np.int64]
    oblique: Floats


def grow(rng: np.random.Generator, size: tuple[int, int]) -> Tissue:
    """Draw the tissue of a block."""
    centre, radius = _pack(rng, size)
    neurite = _merge(rng, centre, radius)
    discs, cells = len(radius), int(neurite.max()) + 1
    kind = rng.random(cells)
    flow = 0.5 * np.sin(centre[:, 1] / 170 + rng.uniform(0, 6)) + rng.normal(0, 0.25, discs)
    band = np.exp(-(((centre[:, 0] / size[0] - rng.uniform(0, 1)) / 0.16) ** 2))
    stretch = np.exp(0.10 + 0.40 * band + rng.normal(0, 0.08, discs))
    cos, sin = np.cos(flow), np.sin(flow)
    metric = np.stack(
        [np.stack([cos * stretch, -sin * stretch], 1), np.stack([sin / stretch, cos / stretch], 1)], axis=1
    )
    amplitude = np.stack([3 + 0.30 * radius, 3 + 0.30 * radius, np.full(discs, 0.30)], axis=1)
    wander = np.stack(
        [
            amplitude * rng.uniform(0.5, 1.2, (discs, 3)),
            rng.uniform(0.25, 0.55, (discs, 3)),
            rng.uniform(-np.pi, np.pi, (discs, 3)),
        ],
        axis=2,
    )
    coarse, fine = ([smooth_noise(rng, size, scale) for _ in range(4)] for scale in (26.0, 7.0))
    return Tissue(
        centre=centre,
        radius=radius,
        neurite=neurite,
        metric=metric,
        wander=wander,
        tone=rng.normal(0, 7, cells) - 14 * (kind > 0.93),
        vesicles=np.select([kind > 0.93, kind > 0.6], [1 / 90, 1 / 140], 1 / 450),
        bend=np.reshape(7.0 * np.stack(coarse) + 1.1 * np.stack(fine), (2, 2, *size)),
        mitochondria=_mitochondria(rng, radius, size),
        synapses=_synapses(rng, radius, size),
        oblique=np.stack([smooth_noise(rng, size, 22.0), smooth_noise(rng, size, 22.0)]),
    )


def _pack(rng: np.random.Generator, size: tuple[int, int]) -> tuple[Floats, Floats]:
    """Fill the frame and its margin with discs of very different size, the largest first, small ones in bundles."""
    extent = np.array(size) + 2 * _MARGIN
    tries = int(extent.prod() / 60)
    place = rng.uniform(0, 1, (tries, 2)) * extent
    crowd = smooth_noise(rng, (64, 64), 7.0)[*(place / extent * 64).astype(np.int64).T]
    size_here = np.exp(np.log(10.5) + 0.60 * rng.standard_normal(tries) - 0.35 * crowd)
    candidate = size_here.clip(9.0, max(12.0, min(58.0, 0.25 * min(size))))
    order = np.argsort(-candidate, kind="stable")
    centre, radius = np.empty((tries, 2)), np.empty(tries)
    count = 0
    for point, reach in zip(place[order] - _MARGIN, candidate[order], strict=True):
        apart = np.hypot(*(centre[:count] - point).T) - 0.92 * (radius[:count] + reach)
        if (apart > 0).all():
            centre[count], radius[count] = point, reach
            count += 1
    return centre[:count].copy(), radius[:count].copy()


def _merge(rng: np.random.Generator, centre: Floats, radius: Floats) -> npt.NDArray[np.int64]:
    """Let a third of the discs join the cell of a neighbour: neurites that are not convex."""
    neurite = np.arange(len(radius))
    for disc in np.flatnonzero(rng.random(len(radius)) < 0.25):
        gap = np.hypot(*(centre - centre[disc]).T) - radius - radius[disc]
        gap[neurite == neurite[disc]] = np.inf
        if np.isfinite(gap.min()):
            neurite[neurite == neurite[disc]] = neurite[gap.argmin()]
    return np.asarray(np.unique(neurite, return_inverse=True)[1], dtype=np.int64)


def _mitochondria(rng: np.random.Generator, radius: Floats, size: tuple[int, int]) -> Floats:
    """Dark organelles, in the widest discs only."""
    wide = np.argsort(-radius, kind="stable")[: max(1, len(radius) // 7)]
    count = int(np.ceil(40 * (size[0] + 2 * _MARGIN) * (size[1] + 2 * _MARGIN) / 632**2))
    home = rng.permutation(wide)[:count]
    count = len(home)
    long = (radius[home] * rng.uniform(0.55, 0.85, count)).clip(9, 36)
    short = (long * rng.uniform(0.55, 1.0, count)).clip(7, 26)
    offset = rng.uniform(-0.2, 0.2, (2, count)) * radius[home]
    turn = rng.uniform(-np.pi, np.pi, count)
    return np.stack([home, *offset, long, short, turn, rng.uniform(0, 24, count), rng.uniform(3, 8, count)], axis=1)


def _synapses(rng: np.random.Generator, radius: Floats, size: tuple[int, int]) -> Floats:
    """Dark thickenings at the rim of a disc."""
    count = int(np.ceil(26 * (size[0] + 2 * _MARGIN) * (size[1] + 2 * _MARGIN) / 632**2))
    home = rng.integers(len(radius), size=count)
    turn = rng.uniform(-np.pi, np.pi, count)
    return np.stack(
        [home, turn, rng.uniform(9, 19, count), rng.uniform(0, 24, count), rng.uniform(2, 5, count)], axis=1
    )


def presence(number: int, first: float, half_depth: float) -> float:
    """How wide something round is cut, 1 in its middle slice, 0 or less outside; it comes again every 24 slices."""
    return 1 - (((number - first + 12) % 24 - 12) / half_depth) ** 2


def cut_tissue(tissue: Tissue, number: int, size: tuple[int, int]) -> Cut:
    """Share the plane of a slice among the neurites."""
    amplitude, speed, phase = np.moveaxis(tissue.wander, 2, 0)
    moved = amplitude * np.sin(speed * number + phase)
    centre, radius = tissue.centre + moved[:, :2], tissue.radius * (1 + moved[:, 2])
    cos, sin = np.cos(0.33 * number), np.sin(0.33 * number)
    shift = cos * tissue.bend[0] + sin * tissue.bend[1]
    place = np.indices(size, dtype=np.float64) + shift
    nearest, second = np.full((2, *size), 2 * _GAP)
    owner = np.zeros(size, dtype=np.int64)
    for cell in range(len(tissue.tone)):
        discs = np.flatnonzero(tissue.neurite == cell)
        reach = 1.8 * radius[discs, None] + _GAP
        low = (centre[discs] - reach).min(0).clip(0, size).astype(np.int64)
        high = (centre[discs] + reach).max(0).clip(0, size).astype(np.int64)
        if (low >= high).any():
            continue
        box = np.s_[low[0] : high[0], low[1] : high[1]]
        far = np.full(owner[box].shape, np.inf)
        for disc in discs:
            row, column = place[:, *box] - centre[disc, :, None, None]
            (a, b), (c, d) = tissue.metric[disc]
            np.minimum(far, np.hypot(a * row + b * column, c * row + d * column) - radius[disc], out=far)
        wins = far < nearest[box]
        second[box] = np.where(wins, nearest[box], np.minimum(second[box], far))
        nearest[box] = np.where(wins, far, nearest[box])
        owner[box][wins] = cell
    lead = second - nearest
    slope = np.hypot(*np.gradient(ndimage.gaussian_filter(lead, 2.0)))
    oblique = ((cos * tissue.oblique[0] + sin * tissue.oblique[1] - 1.0) / 0.8).clip(0, 1)
    distance = lead / slope.clip(0.8)
    outside = ndimage.distance_transform_edt(distance < MEMBRANE + _CORNER)
    distance = np.where(outside > 0, MEMBRANE + _CORNER - outside, distance)
    return Cut(centre, radius, shift, distance, owner, oblique)
