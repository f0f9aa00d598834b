"""Scene of a synthetic dermoscopy image: skin, one lesion and objects in front of the lens, drawn from a seed.

Lengths are in image heights from the image's centre, x to the right, y down. Pigments are absorptions of red, green
and blue: skin of colour c under pigment k has the colour c * exp(-k).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from polybench.synth.brush import Floats

Device = Literal["plain", "scope", "tube"]
# Colour of the skin under the lamp of a dermatoscope, how often it occurs, and whether a scope with a ruler shows it.
_SKINS = (
    ((238, 212, 212), 0.17, True),
    ((236, 124, 110), 0.09, False),
    ((194, 174, 160), 0.14, True),
    ((228, 220, 200), 0.10, False),
    ((176, 168, 188), 0.06, False),
    ((200, 160, 126), 0.08, True),
    ((238, 164, 124), 0.06, False),
    ((180, 140, 134), 0.13, True),
    ((236, 196, 182), 0.10, True),
    ((128, 166, 232), 0.02, False),
    ((136, 128, 126), 0.05, True),
)
_BROWN = np.array([(0.45, 1.0, 1.40), (0.55, 1.0, 1.25), (0.38, 0.95, 1.50), (0.65, 1.0, 1.15)])
_PINK = np.array([0.22, 0.78, 0.84])
_SHARES = ((0, 0.05, 0.25, 0.5, 0.75, 0.95, 1), (0.021, 0.024, 0.05, 0.137, 0.31, 0.62, 0.69))  # quantiles
_PATCHES = np.array([(40, 90, 200), (215, 60, 60), (240, 200, 60), (60, 150, 90), (30, 30, 34), (235, 235, 235)])


@dataclass(frozen=True)
class Lesion:
    """A pigmented or pink lesion inside an irregular outline.

    Attributes:
        share: Its area over the image's.
        centre: Its position (x, y).
        stretch: Longer over shorter axis.
        angle: Of the longer axis, in radians.
        lobes: Amplitudes (first row) and phases (second row) of the outline's harmonics 2, 3, ...
        raggedness: How far noise displaces the outline, as a share of the radius.
        softness: Width of its border, as a share of the radius.
        pigment: Absorption of red, green and blue at density 1 (3).
        density: Of the pigment.
        edge: Density at the border over that in the middle.
        blotches: Strength of wide variations of density.
        network: Strength of the pigment network.
        globules: Share of the network's cells that hold a globule.
        cell: Size of the network's cells.
        streaks: Strength of radial streaks at the border.
        veil: Strength of the blue-white veil.
        regression: Strength of white, scar-like areas.
        redness: Strength of red areas.
    """

    share: float
    centre: tuple[float, float]
    stretch: float
    angle: float
    lobes: Floats
    raggedness: float
    softness: float
    pigment: Floats
    density: float
    edge: float
    blotches: float
    network: float
    globules: float
    cell: float
    streaks: float
    veil: float
    regression: float
    redness: float


@dataclass(frozen=True)
class Stroke:
    """A line in front of the lens: points (N, 2) as (x, y), half its width, and its opacity."""

    points: Floats
    half_width: float
    cover: float


@dataclass(frozen=True)
class Scene:
    """One image.

    Attributes:
        device: `plain` fills the frame, `scope` cuts its corners and may show a ruler, `tube` shows a bright circle.
        skin: Colour (3), 0 to 255.
        mottle: Strength of the skin's patches.
        lines: Strength of the skin's lines.
        aperture: Centre (x, y) and radius of the circle that the device lets see (3).
        slope: Direction of the light's fall (x, y), per image height.
        vignette: How much darker the image is far from its centre.
        lesion: The lesion.
        freckles: Centres (x, y) and radii of small brown spots (N, 3).
        hairs: Dark lines over everything.
        hair_colour: Their colour (3).
        marks: The ruler's lines.
        ink: Strokes of a violet pen.
        bubbles: Centres (x, y) and radii of bubbles in the gel (N, 3).
        glints: Centres (x, y) and radii of small reflexes (N, 3).
        patch: Centre (x, y), radius and colour of a colour patch (6), or none.
    """

    device: Device
    skin: Floats
    mottle: float
    lines: float
    aperture: Floats
    slope: Floats
    vignette: float
    lesion: Lesion
    freckles: Floats
    hairs: tuple[Stroke, ...]
    hair_colour: Floats
    marks: tuple[Stroke, ...]
    ink: tuple[Stroke, ...]
    bubbles: Floats
    glints: Floats
    patch: Floats | None


def make_scene(rng: np.random.Generator) -> Scene:
    """Draw the scene of an image."""
    device: Device = ("plain", "scope", "tube")[int(np.searchsorted((0.48, 0.93), rng.random()))]
    odds = np.array([odds * (device != "scope" or scoped) for _, odds, scoped in _SKINS])
    skin = np.array(_SKINS[rng.choice(len(_SKINS), p=odds / odds.sum())][0], dtype=np.float64)
    lesion = _lesion(rng, 0.30 if device == "tube" else 0.69)
    small = lesion.share < 0.25
    centre = rng.normal(0, 0.02, 2)
    return Scene(
        device=device,
        skin=skin * np.exp(rng.normal(0, 0.07)) * np.exp(rng.normal(0, 0.03, 3)),
        mottle=rng.uniform(0.4, 1.6),
        lines=rng.uniform(0.0, 1.0) ** 2,
        aperture=np.array(
            [*centre, {"plain": 3.0, "scope": rng.uniform(0.79, 0.92), "tube": rng.uniform(0.52, 0.68)}[device]]
        ),
        slope=rng.normal(0, 0.10, 2),
        vignette=rng.uniform(0.3, 0.8) if device == "tube" else rng.uniform(0.0, 0.45),
        lesion=lesion,
        freckles=_dots(rng, int(rng.integers(3, 25)) if rng.random() < 0.15 else 0, 0.006, 0.03),
        hairs=_hairs(rng),
        hair_colour=np.array([58.0, 38.0, 30.0]) * rng.uniform(0.4, 2.2),
        marks=_ruler(rng) if device == "scope" and small and rng.random() < 0.8 else (),
        ink=_ink(rng, lesion) if small and rng.random() < 0.16 else (),
        bubbles=_dots(rng, int(rng.integers(1, 7)) if rng.random() < 0.15 else 0, 0.012, 0.05),
        glints=_dots(rng, int(rng.integers(20, 160)) if rng.random() < 0.25 else 0, 0.001, 0.005),
        patch=_patch(rng, lesion) if device == "plain" and small and rng.random() < 0.09 else None,
    )


def _lesion(rng: np.random.Generator, largest: float) -> Lesion:
    """Draw a lesion that covers at most a share `largest` of the image."""
    share = min(largest, float(np.exp(np.interp(rng.random(), _SHARES[0], np.log(_SHARES[1])))))
    radius = float(np.sqrt(share * 4 / 3 / np.pi))
    pink = share < 0.3 and rng.random() < 0.16
    weights = rng.dirichlet(np.full(len(_BROWN), 0.5))
    density = float(np.clip(np.exp(rng.normal(-0.70 if pink else -0.43, 0.25 if pink else 0.62)), 0.34, 2.6))
    room = 0.16 * max(0.2, 1 - radius / 0.5)
    return Lesion(
        share=share,
        centre=(float(rng.normal(0, room * 1.2)), float(rng.normal(0, room))),
        stretch=rng.uniform(1.0, 1.3) if share > 0.35 else rng.uniform(1.0, 1.75),
        angle=rng.uniform(-np.pi, np.pi),
        lobes=np.stack([0.24 * rng.uniform(0.1, 1.0, 7) / np.arange(1.5, 8.0), rng.uniform(-np.pi, np.pi, 7)]),
        raggedness=rng.uniform(0.02, 0.08),
        softness=rng.uniform(0.10, 0.40) if pink else rng.uniform(0.06, 0.26),
        pigment=_PINK * rng.uniform(0.9, 1.1, 3) if pink else weights @ _BROWN,
        density=density,
        edge=rng.uniform(0.35, 1.10),
        blotches=rng.uniform(0.10, 0.45),
        network=0.0 if pink else max(0.0, rng.uniform(-0.2, 0.8)),
        globules=0.0 if pink or rng.random() < 0.5 else rng.uniform(0.1, 0.7),
        cell=rng.uniform(0.018, 0.034),
        streaks=rng.uniform(0.015, 0.045) if rng.random() < 0.25 else 0.0,
        veil=rng.uniform(0.3, 0.9) if density > 0.9 and rng.random() < 0.5 else 0.0,
        regression=rng.uniform(0.3, 0.8) if rng.random() < 0.25 else 0.0,
        redness=rng.uniform(0.15, 0.5) if rng.random() < 0.35 else 0.0,
    )


def _path(start: Floats, heading: float, length: float, bend: float) -> Floats:
    """Return a curve of constant curvature (12, 2)."""
    headings = heading + bend * np.linspace(-0.5, 0.5, 11)
    steps = length / 11 * np.stack([np.cos(headings), np.sin(headings)], axis=1)
    return np.concatenate([[start], start + np.cumsum(steps, axis=0)])


def _hairs(rng: np.random.Generator) -> tuple[Stroke, ...]:
    """Draw no hair, a few, or many; long or shaved."""
    kind = rng.random()
    count = 0 if kind < 0.55 else int(rng.integers(2, 9)) if kind < 0.82 else int(rng.integers(15, 50))
    shaved = rng.random() < 0.2
    thickness, cover = rng.uniform(0.0011, 0.0030), rng.uniform(0.45, 0.95)
    main = rng.uniform(-np.pi, np.pi)
    return tuple(
        Stroke(
            points=_path(
                rng.uniform((-0.8, -0.6), (0.7, 0.5)),
                main + rng.normal(0, 0.2 if shaved else 0.7),
                rng.uniform(0.04, 0.10) if shaved else rng.uniform(0.25, 1.2),
                rng.normal(0, 0.1 if shaved else 1.0),
            ),
            half_width=thickness * rng.uniform(0.6, 1.3),
            cover=cover * rng.uniform(0.7, 1.0),
        )
        for _ in range(count)
    )


def _ruler(rng: np.random.Generator) -> tuple[Stroke, ...]:
    """Draw a millimetre scale: a line with ticks, and the letters mm at its end."""
    turn = rng.normal(0, 0.06) if rng.random() < 0.75 else rng.choice((-1.3, -0.5, 0.5, 1.4)) + rng.normal(0, 0.1)
    length = rng.uniform(0.50, 0.62)
    ticks = int(rng.integers(7, 12))
    along = np.array([np.cos(turn), np.sin(turn)])
    across = np.array([along[1], -along[0]])
    low = 0.38 - 0.06 * abs(np.sin(turn))
    start = np.array([np.sin(turn), np.cos(turn)]) * low * [1.2 * np.sign(np.cos(turn)), 1] - along * length / 2
    start += rng.normal(0, 0.015, 2)
    dark = rng.uniform(0.7, 0.95)

    def line(*places: tuple[float, float]) -> Stroke:
        points = np.array([start + u * along + v * across for u, v in places])
        return Stroke(points, 0.0026, dark)

    marks = [line((0, 0), (length, 0))]
    for tick in range(ticks + 1):
        place = length * tick / ticks
        marks.append(line((place, 0), (place, 0.034 if tick % 5 == 0 else 0.020)))
    for shift in (0.0, 0.022):
        feet = [(shift + 0.007 * step, -0.040 if step % 2 == 0 else -0.018) for step in range(3)]
        marks.append(line((shift, -0.018), feet[0], feet[1], feet[2], (shift + 0.014, -0.018)))
    return tuple(marks)


def _ink(rng: np.random.Generator, lesion: Lesion) -> tuple[Stroke, ...]:
    """Draw violet pen marks beside the lesion: small clumps of hatching."""
    strokes = []
    radius = float(np.sqrt(lesion.share * 4 / 3 / np.pi))
    for side in rng.uniform(-np.pi, np.pi, int(rng.integers(1, 5))):
        reach = radius * lesion.stretch + rng.uniform(0.12, 0.25)
        place = np.array(lesion.centre) + reach * np.array([np.cos(side), np.sin(side)])
        heading, long = rng.uniform(-np.pi, np.pi), rng.uniform(0.03, 0.14)
        for _ in range(int(rng.integers(4, 14))):
            start = place + rng.normal(0, 0.03, 2)
            points = _path(start, heading + rng.normal(0, 0.25), long * rng.uniform(0.5, 1.2), rng.normal(0, 0.4))
            strokes.append(Stroke(points, rng.uniform(0.003, 0.008), rng.uniform(0.15, 0.6)))
    return tuple(strokes)


def _dots(rng: np.random.Generator, count: int, smallest: float, largest: float) -> Floats:
    """Draw centres (x, y) and radii (N, 3) in one loose group."""
    middle = rng.uniform((-0.5, -0.4), (0.5, 0.4))
    places = middle + rng.normal(0, 0.25, (count, 2))
    return np.concatenate([places, smallest + (largest - smallest) * rng.random((count, 1)) ** 2], axis=1)


def _patch(rng: np.random.Generator, lesion: Lesion) -> Floats:
    """Draw a round sticker at the edge of the image opposite to the lesion."""
    radius = rng.uniform(0.22, 0.35)
    side = -1 if lesion.centre[0] > 0 else 1
    place = (side * (0.667 + radius * rng.uniform(0.2, 0.6)), rng.uniform(-0.4, 0.4))
    return np.array([*place, radius, *(_PATCHES[rng.integers(len(_PATCHES))] * rng.uniform(0.8, 1.0))])
