"""Positions and outlines of synthetic nuclei, and their instance labels."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from polybench.synth.noise import Floats, smooth_noise

Labels = npt.NDArray[np.int32]

OUTSIDE = 9.0  # edge value of pixels far from all nuclei


@dataclass(frozen=True)
class Culture:
    """Number, shape and arrangement of the nuclei of one frame.

    Attributes:
        count: Number of attempts in a frame of 256 x 256 pixels.
        radius: Median radius in pixels.
        spread: Deviation of the radius' logarithm.
        stretch: Greatest ratio of the axes.
        ragged: Amplitude of the outline's harmonics.
        cluster: 0 scattered evenly, 2 in clumps.
        touch: Least distance of two centres over the sum of their radii.
        flow: Common direction in radians, or None.
    """

    count: float
    radius: float
    spread: float = 0.2
    stretch: float = 1.5
    ragged: float = 0.05
    cluster: float = 0.5
    touch: float = 0.92
    flow: float | None = None


@dataclass(frozen=True)
class Nuclei:
    """Outlines: centres (N, 2), radii, stretches, angles (N,), amplitudes and phases of harmonics (N, 2, 5)."""

    centre: Floats
    radius: Floats
    stretch: Floats
    angle: Floats
    lobes: Floats


@dataclass(frozen=True)
class Field:
    """Outlines on the pixels: 0 in a nucleus' middle, 1 on its edge (H, W); the nearest nucleus' number (H, W)."""

    edge: Floats
    owner: npt.NDArray[np.int64]


def zoom_of(size: tuple[int, int]) -> float:
    """Return the scale of a frame's nuclei relative to a frame of 256 pixels."""
    return float(np.sqrt(min(size) / 256))


def place(rng: np.random.Generator, culture: Culture, size: tuple[int, int]) -> Nuclei:
    """Place nuclei, the first well inside the frame, some adjacent to others, none far inside another."""
    zoom = zoom_of(size)
    count = max(1, round(culture.count * size[0] * size[1] / 256**2 / zoom**2))
    tries = 12 * count
    point = rng.uniform(-2, np.array(size) + 2, (tries, 2))
    point[0] = rng.uniform(0.25, 0.75, 2) * size
    radius = culture.radius * zoom * np.exp(culture.spread * rng.standard_normal(tries))
    density = smooth_noise(rng, size, 34 * zoom)[*(point.clip(0, np.array(size) - 1).astype(np.int64).T)]
    wanted = rng.random(tries) < 1 / (1 + np.exp(-2 * culture.cluster * density))
    beside = rng.random(tries) < 0.05 + 0.10 * culture.cluster
    host, side = rng.random(tries), rng.uniform(-np.pi, np.pi, tries)
    kept: list[int] = []
    for number in range(tries):
        if kept and beside[number]:
            near = kept[int(host[number] * len(kept))]
            step = 0.98 * (radius[near] + radius[number])
            point[number] = point[near] + step * np.array([np.sin(side[number]), np.cos(side[number])])
        elif not wanted[number] and number:
            continue
        apart = np.hypot(*(point[kept] - point[number]).T)
        if (apart > culture.touch * (radius[kept] + radius[number])).all():
            kept.append(number)
            if len(kept) == count:
                break
    return shape(rng, culture, point[kept], radius[kept])


def shape(rng: np.random.Generator, culture: Culture, centre: Floats, radius: Floats) -> Nuclei:
    """Draw the outlines of nuclei."""
    count = len(radius)
    angle = rng.uniform(-np.pi, np.pi, count)
    if culture.flow is not None:
        angle = culture.flow + rng.normal(0, 0.3, count)
    amplitude = culture.ragged * rng.uniform(0.2, 1.6, (count, 5)) / np.arange(1.0, 6.0) ** 1.2
    return Nuclei(
        centre=centre,
        radius=radius,
        stretch=1 + (culture.stretch - 1) * rng.beta(1.6, 1.6, count),
        angle=angle,
        lobes=np.stack([amplitude, rng.uniform(-np.pi, np.pi, (count, 5))], axis=1),
    )


def trace(nuclei: Nuclei, size: tuple[int, int]) -> Field:
    """Rasterise outlines; a pixel inside two of them belongs to the one in which it is deeper."""
    edge = np.full(size, OUTSIDE)
    owner = np.zeros(size, dtype=np.int64)
    for number, (y, x) in enumerate(nuclei.centre):
        reach = nuclei.radius[number] * np.sqrt(nuclei.stretch[number]) * 1.7
        top, left = max(0, int(y - reach)), max(0, int(x - reach))
        box = np.s_[top : max(0, int(y + reach) + 2), left : max(0, int(x + reach) + 2)]
        dy, dx = np.mgrid[: edge[box].shape[0], : edge[box].shape[1]] + np.array([top - y, left - x])[:, None, None]
        cos, sin, root = np.cos(nuclei.angle[number]), np.sin(nuclei.angle[number]), np.sqrt(nuclei.stretch[number])
        along, across = (cos * dx + sin * dy) / root, (cos * dy - sin * dx) * root
        turn = np.arctan2(across, along)
        outline = np.ones_like(turn)
        for harmonic, (amplitude, phase) in enumerate(nuclei.lobes[number].T, start=2):
            outline += amplitude * np.cos(harmonic * turn + phase)
        depth = np.hypot(along, across) / (nuclei.radius[number] * outline.clip(0.3))
        wins = depth < edge[box]
        edge[box][wins] = depth[wins]
        owner[box][wins] = number
    return Field(edge, owner)


def number_nuclei(field: Field, zoom: float) -> tuple[Field, Labels]:
    """Number the nuclei 1 to k, each in one piece; fragments are removed from the labels and from the field."""
    labels = np.zeros(field.edge.shape, dtype=np.int32)
    edge = field.edge.copy()
    candidates = np.where(field.edge < 1, field.owner + 1, 0)
    count = 0
    for number, box in enumerate(ndimage.find_objects(candidates), start=1):
        if box is None:
            continue
        pieces, _ = ndimage.label(candidates[box] == number)
        areas = np.bincount(pieces.ravel())
        areas[0] = 0
        whole = pieces == areas.argmax()
        scraps = (pieces > 0) & ~whole
        if areas.max() < 16 * zoom**2:
            scraps = pieces > 0
        else:
            count += 1
            labels[box][whole] = count
        edge[box][scraps] = OUTSIDE
    return replace(field, edge=edge), labels
