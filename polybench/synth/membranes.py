"""A synthetic stack of brain tissue, after the electron microscopy of ISBI-2012 (Arganda-Carreras et al., 2015).

Neurites are clusters of discs that wander, swell and shrink from slice to slice and share the plane by an additively
weighted Voronoi diagram. It differs from the real stack in that every membrane is known exactly, no slice is torn or
badly aligned, and a frame of another size shows a smaller or larger field at the same 4 nm per pixel (8 nm in frames of
less than 256 pixels, which would else show single cells).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from polybench.core.errors import ConfigError
from polybench.synth.noise import Floats, smooth_noise

_MARGIN = 60.0  # pixels of tissue outside the frame, so that its border cuts neurites as a microscope's does
_GAP = 36.0  # reach of a neurite beyond its discs
_MEMBRANE = 3.7  # half width
_CORNER = 4.0  # least radius of a cell's corners; what is too narrow for it is all membrane


@dataclass(frozen=True)
class _Tissue:
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
class _Cut:
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


def membrane_volume(
    seed: int, slices: int, *, size: tuple[int, int] = (512, 512)
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Draw the first slices of one block of tissue.

    Args:
        seed: Of the block; at least 0.
        slices: How many; a slice does not depend on how many follow it.
        size: Height and width in pixels, each at least 32.

    Returns:
        The grey levels (N, H, W) and the labels (N, H, W): 1 inside a cell, 0 on a membrane.

    Raises:
        ConfigError: If a number is too small.
    """
    if seed < 0 or slices < 1 or min(size) < 32:
        raise ConfigError(
            f"No synthetic volume has seed {seed}, {slices} slices, size {size}: "
            "use a seed of at least 0, at least 1 slice and at least 32 pixels."
        )
    binned = 1 if min(size) >= 256 else 2
    field = (size[0] * binned, size[1] * binned)
    tissue = _grow(np.random.default_rng((seed, 0)), field)
    volume = np.empty((slices, *size), dtype=np.uint8)
    labels = np.empty((slices, *size), dtype=np.uint8)
    for number in range(slices):
        cut = _cut(tissue, number, field)
        grey = _develop(tissue, cut, number, np.random.default_rng((seed, 1 + number)))
        volume[number] = np.rint(_bin(grey, binned)).clip(0, 255)
        labels[number] = _bin(cut.distance - 1.6 * cut.oblique, binned) > _MEMBRANE
    return volume, labels


def _bin(field: Floats, side: int) -> Floats:
    """Average squares of `side` pixels."""
    height, width = field.shape
    return np.asarray(field.reshape(height // side, side, width // side, side).mean((1, 3)), dtype=np.float64)


def _grow(rng: np.random.Generator, size: tuple[int, int]) -> _Tissue:
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
    return _Tissue(
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


def _presence(number: int, first: float, half_depth: float) -> float:
    """How wide something round is cut, 1 in its middle slice, 0 or less outside; it comes again every 24 slices."""
    return 1 - (((number - first + 12) % 24 - 12) / half_depth) ** 2


def _cut(tissue: _Tissue, number: int, size: tuple[int, int]) -> _Cut:
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
    outside = ndimage.distance_transform_edt(distance < _MEMBRANE + _CORNER)
    distance = np.where(outside > 0, _MEMBRANE + _CORNER - outside, distance)
    return _Cut(centre, radius, shift, distance, owner, oblique)


def _develop(tissue: _Tissue, cut: _Cut, number: int, rng: np.random.Generator) -> Floats:
    """Turn a cut into the grey levels of its micrograph, some of them beyond 0 to 255."""
    size = cut.owner.shape
    inside = ((cut.distance - _MEMBRANE) / 3).clip(0, 1)
    grey = 162 + tissue.tone[cut.owner] + 11 * smooth_noise(rng, size, 34) + 8 * smooth_noise(rng, size, 6)
    grey += inside * (12 * smooth_noise(rng, size, 1.9) - _vesicles(tissue, cut, rng))
    _add_mitochondria(tissue, cut, number, grey, inside)
    grey -= (100 - 42 * cut.oblique) * np.exp(-((cut.distance.clip(0) / (3.5 + 3.5 * cut.oblique)) ** 2))
    _add_synapses(tissue, cut, number, grey, smooth_noise(rng, size, 2.5))
    grey += 18 * smooth_noise(rng, size, 0.95) + 6 * rng.standard_normal(size)
    contrast, light = rng.uniform(0.9, 1.25), rng.normal(0, 10)
    return np.asarray(126 + contrast * (grey - 133) + light, dtype=np.float64)


def _vesicles(tissue: _Tissue, cut: _Cut, rng: np.random.Generator) -> Floats:
    """Small rings and dots in the cytoplasm, and how dark they are; a slice is thicker than they are."""
    height, width = cut.owner.shape
    dark = np.zeros((height + 16, width + 16))
    spots = rng.integers((height, width), size=(height * width // 60, 2))
    rows, columns = spots.T
    kept = (rng.random(len(spots)) < 60 * tissue.vesicles[cut.owner[rows, columns]]) & (cut.distance[rows, columns] > 8)
    distance = np.hypot(*np.mgrid[-8:9, -8:9])
    stamps = [np.exp(-(((distance - ring) / 1.3) ** 2)) for ring in (0.0, 2.8, 3.6, 4.4)]
    for row, column in spots[kept]:
        spot = dark[row : row + 17, column : column + 17]
        np.maximum(spot, rng.uniform(20, 60) * stamps[rng.integers(len(stamps))], out=spot)
    return dark[8:-8, 8:-8]


def _add_mitochondria(tissue: _Tissue, cut: _Cut, number: int, grey: Floats, inside: Floats) -> None:
    """Put grey ovals with a dark rim and dark cristae into the cytoplasm."""
    for home, row, column, long, short, angle, first, half_depth in tissue.mitochondria:
        width = _presence(number, first, half_depth)
        if width <= 0.1:
            continue
        dy, dx = _from(cut, cut.centre[int(home)] + (row, column))
        along, across = np.cos(angle) * dx + np.sin(angle) * dy, np.cos(angle) * dy - np.sin(angle) * dx
        depth = short * np.sqrt(width) * (1 - np.hypot(along / long, across / short) / np.sqrt(width))
        cover = inside * ((depth + 1) / 2).clip(0, 1)
        ridges = np.sin((0.9 * along + 0.35 * across) * 0.85 + 3 * np.sin(across / 9 + first) + first)
        tone = 95 - 19 * ridges - 42 * np.exp(-(((depth - 1.2) / 1.6) ** 2))
        grey += cover * (tone - grey)


def _add_synapses(tissue: _Tissue, cut: _Cut, number: int, grey: Floats, grain: Floats) -> None:
    """Darken stretches of membrane and what lies beside them."""
    for home, angle, spread, first, half_depth in tissue.synapses:
        strength = _presence(number, first, half_depth)
        if strength <= 0:
            continue
        rim = cut.centre[int(home)] + cut.radius[int(home)] * np.array([np.sin(angle), np.cos(angle)])
        near = (_from(cut, rim) ** 2).sum(0) / spread**2
        grey -= (72 + 18 * grain) * strength * np.exp(-near - (cut.distance.clip(0) / 11) ** 2)


def _from(cut: _Cut, point: Floats) -> Floats:
    """Rows and columns (2, H, W) from a point of the tissue, which lies elsewhere on the bent slice."""
    size = cut.owner.shape
    row, column = np.rint(point).astype(np.int64).clip(0, np.array(size) - 1)
    return np.indices(size) - (point - cut.shift[:, row, column])[:, None, None]
