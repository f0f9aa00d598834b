"""Scene of a synthetic colonoscopy sequence: colon, polyps and the path of the camera, drawn from a seed.

Nothing here comes from a real image. Lengths are in frame heights, times in frames. Draws and arithmetic are float64:
two processors that differ in the last bit of an exponential then still agree on (all but certainly) every uint8.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from polybench.synth.brush import Floats, periodic_noise

SWELL, MOTTLE, VESSELS, CAPILLARIES, RIPPLE, PITS = range(6)
# Lowest and highest frequency in cycles per tile and the power by which amplitude falls with it, in the order above.
_BANDS = ((1, 5, 1.8), (1, 24, 1.2), (3, 9, 0.5), (9, 22, 0.3), (2, 40, 1.3), (14, 40, 0.2))
_MUCOSA = np.array(
    [
        (0.86, 0.38, 0.21),
        (0.80, 0.42, 0.30),
        (0.78, 0.48, 0.17),
        (0.74, 0.30, 0.23),
        (0.62, 0.46, 0.32),
        (0.88, 0.46, 0.26),
    ]
)
_POLYP_TINTS = np.array([(0.06, -0.30, -0.16), (-0.04, -0.36, -0.08), (0.08, -0.22, -0.28), (0.12, -0.10, 0.02)])
_STOOL = np.log([(1.05, 1.25, 0.35), (0.80, 0.85, 0.35), (1.15, 1.55, 0.75)])


@dataclass(frozen=True)
class Blob:
    """A raised object on the wall with a lobed outline: a polyp, or a speck of stool.

    Attributes:
        centre: Its position in the scene (x, y).
        radius: Radius of the disc of the same area.
        stretch: Longer over shorter axis.
        angle: Of the longer axis, in radians.
        lobes: Amplitudes (first row) and phases (second row) of the outline's harmonics 2, 3, ...
        raggedness: How far noise displaces the outline, as a share of the radius.
        height: Of the dome, as a share of the radius.
        plateau: Power that flattens the dome; 1 is a paraboloid.
        tint: Logarithm of its colour over the mucosa's (3).
        lumps: Depth of the grooves between its lobules, as a share of the radius.
        pits: Strength of its surface pattern.
    """

    centre: tuple[float, float]
    radius: float
    stretch: float
    angle: float
    lobes: Floats
    raggedness: float
    height: float
    plateau: float
    tint: Floats
    lumps: float
    pits: float


@dataclass(frozen=True)
class Scene:
    """The scene that the frames of one sequence share.

    Attributes:
        textures: Periodic noise of zero mean and unit deviation, (6, 512, 512), indexed by the names in this module.
        mucosa: Albedo of the wall (3).
        lumen: Position of the colon's axis in the image (x, y), often outside it.
        depth: Radius of the dark end of the lumen.
        squeeze: Harmonics of the lumen's outline, as a blob's.
        fold_ratio: Ratio of the radii of neighbouring folds.
        folds: Strength, direction and width of the folds' crescents, (3, 64).
        tiles: How many texture tiles go round the lumen.
        vessels: Strength of large and of small vessels (2).
        swell: Depth of the wall's wide undulations.
        ripple: Depth of the wall's fine relief, seen in the highlights.
        exposure: Brightness of the sequence.
        wetness: Strength of the highlights.
        light: Position of the lamp relative to the lens (x, y).
        aperture: Centre (x, y), half width, half height and corner cut of the octagonal field of view (5).
        border: Colour outside the field of view (3), 0 to 255.
        polyps: One or two.
        stool: Specks, never labelled.
        bubbles: Centres and radii, (N, 3).
        path: Amplitude, angular speed and phase of the camera's x, y, rotation, log zoom and light, (5, 3).
    """

    textures: Floats
    mucosa: Floats
    lumen: tuple[float, float]
    depth: float
    squeeze: Floats
    fold_ratio: float
    folds: Floats
    tiles: int
    vessels: Floats
    swell: float
    ripple: float
    exposure: float
    wetness: float
    light: tuple[float, float]
    aperture: Floats
    border: Floats
    polyps: tuple[Blob, ...]
    stool: tuple[Blob, ...]
    bubbles: Floats
    path: Floats


@lru_cache(maxsize=2)
def make_scene(seed: int, sequence: int) -> Scene:
    """Draw the scene of a sequence, a function of (seed, sequence), which are non-negative."""
    # The third number keeps these draws apart from those of a frame, whose third number is at least 1.
    rng = np.random.default_rng((seed, sequence, 0))
    polyps = _polyps(rng)
    lumen = _lumen(rng, polyps[0])
    distance = float(np.hypot(lumen[0] - polyps[0].centre[0], lumen[1] - polyps[0].centre[1]))
    weights = rng.dirichlet(np.full(len(_MUCOSA), 0.35))
    return Scene(
        textures=np.stack([periodic_noise(rng, *band) for band in _BANDS]),
        mucosa=weights @ _MUCOSA * rng.uniform(0.92, 1.06, 3),
        lumen=lumen,
        depth=rng.uniform(0.07, 0.20),
        squeeze=_lobes(rng, 0.35) * [[1.0, 1.0, 0.6, 0.3, 0.2], [1.0] * 5],
        fold_ratio=rng.uniform(1.3, 1.65) if distance < 0.7 else rng.uniform(1.14, 1.4),
        folds=np.stack(
            [
                rng.uniform(0.4, 1.3, 64) * (rng.random(64) < 0.85),
                rng.uniform(-np.pi, np.pi, 64),
                rng.uniform(-0.5, 0.7, 64),
            ]
        ),
        tiles=max(2, round(2 * np.pi * distance / 1.3)),
        vessels=rng.uniform(0.1, 1.0, 2) * (0.75, 0.40),
        swell=rng.uniform(0.010, 0.035),
        ripple=rng.uniform(0.004, 0.010),
        exposure=float(np.exp(rng.uniform(-0.5, 0.3))),
        wetness=rng.uniform(0.4, 1.0),
        light=(rng.uniform(-0.4, 0.4), rng.uniform(-0.5, 0.15)),
        aperture=np.array(
            [
                rng.uniform(-0.02, 0.02),
                rng.uniform(-0.01, 0.01),
                rng.uniform(0.53, 0.60),
                rng.uniform(0.455, 0.485),
                rng.uniform(0.16, 0.24),
            ]
        ),
        border=np.array([8.0, 8.0, 9.0]) + rng.uniform(-4, 8) * np.array([0.4, 0.8, 1.0]),
        polyps=polyps,
        stool=_stool(rng),
        bubbles=_bubbles(rng),
        path=_path(rng),
    )


def _lobes(rng: np.random.Generator, strength: float) -> Floats:
    """Draw harmonics 2 to 6 of an outline, with decreasing amplitude."""
    amplitude = strength * rng.uniform(0.2, 1.0, 5) / np.arange(1.5, 6.0)
    return np.stack([amplitude, rng.uniform(-np.pi, np.pi, 5)])


def _polyps(rng: np.random.Generator) -> tuple[Blob, ...]:
    """Draw one polyp, or two in every eighth sequence."""
    share = float(np.clip(np.exp(rng.normal(np.log(0.10), 0.55)), 0.035, 0.21))
    if rng.random() >= 0.125:
        return (_polyp(rng, share, (-1.0, 1.0)),)
    return (_polyp(rng, share * 0.6, (-1.0, -0.4)), _polyp(rng, share * 0.4, (0.4, 1.0)))


def _polyp(rng: np.random.Generator, share: float, side: tuple[float, float]) -> Blob:
    """Draw a polyp that covers about `share` of a 4:3 frame.

    Args:
        rng: The scene's generator.
        share: Area over the frame's area.
        side: Range of its horizontal position, -1 (left) to 1 (right).
    """
    radius = float(np.sqrt(share * 4 / 3 / np.pi))
    room_x, room_y = max(0.06, 0.50 - 0.9 * radius), max(0.04, 0.42 - 0.9 * radius)
    flat = rng.random() < 0.3
    tint = rng.dirichlet(np.full(len(_POLYP_TINTS), 0.3)) @ _POLYP_TINTS
    return Blob(
        centre=(rng.uniform(*side) * room_x, rng.uniform(-1, 1) * room_y),
        radius=radius,
        stretch=rng.uniform(1.0, 1.6),
        angle=rng.uniform(-np.pi, np.pi),
        lobes=_lobes(rng, 0.20),
        raggedness=rng.uniform(0.01, 0.04),
        height=rng.uniform(0.22, 0.34) if flat else rng.uniform(0.45, 0.95),
        plateau=rng.uniform(2.0, 3.5) if flat else rng.uniform(1.0, 2.2),
        tint=tint * rng.uniform(0.6, 1.2) + rng.uniform(-0.03, 0.03, 3),
        lumps=0.10 * rng.random() ** 3,
        pits=rng.uniform(0.05, 0.30),
    )


def _lumen(rng: np.random.Generator, polyp: Blob) -> tuple[float, float]:
    """Draw the position of the lumen opposite to the polyp, visible in half of the sequences."""
    away = np.arctan2(-polyp.centre[1], -polyp.centre[0]) + rng.uniform(-0.9, 0.9)
    reach = rng.uniform(0.15, 0.38) if rng.random() < 0.5 else rng.uniform(0.6, 1.3)
    return float(reach * 1.3 * np.cos(away)), float(reach * np.sin(away))


def _stool(rng: np.random.Generator) -> tuple[Blob, ...]:
    """Draw no specks, or one to four."""
    count = int(rng.integers(1, 5)) if rng.random() < 0.4 else 0
    return tuple(
        Blob(
            centre=(rng.uniform(-0.55, 0.55), rng.uniform(-0.45, 0.45)),
            radius=rng.uniform(0.012, 0.045),
            stretch=rng.uniform(1.0, 2.0),
            angle=rng.uniform(-np.pi, np.pi),
            lobes=_lobes(rng, 0.5),
            raggedness=rng.uniform(0.15, 0.3),
            height=rng.uniform(0.2, 0.5),
            plateau=1.5,
            tint=_STOOL[rng.integers(len(_STOOL))],
            lumps=0.1,
            pits=rng.uniform(0.1, 0.4),
        )
        for _ in range(count)
    )


def _bubbles(rng: np.random.Generator) -> Floats:
    """Draw no bubbles, or a cluster of up to forty."""
    count = int(rng.integers(6, 40)) if rng.random() < 0.35 else 0
    place = rng.uniform((-0.5, -0.35), (0.5, 0.35)) + rng.normal(0, 0.07, (count, 2)) * rng.uniform(0.5, 1.5, 2)
    return np.concatenate([place, 0.006 + 0.014 * rng.random((count, 1)) ** 2], axis=1)


def _path(rng: np.random.Generator) -> Floats:
    """Draw the sines of the camera's path: slow, so that consecutive frames overlap, and bounded."""
    amplitude = np.array([0.05, 0.04, 0.16, 0.10, 0.12]) * rng.uniform(0.5, 1.0, 5)
    return np.stack([amplitude, rng.uniform(0.2, 0.5, 5), rng.uniform(-np.pi, np.pi, 5)], axis=1)
