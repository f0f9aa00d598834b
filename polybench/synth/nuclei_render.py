"""Rendering of synthetic nuclei in four modalities: fluorescence, stained tissue, stained smear and cytology."""

from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from polybench.synth.noise import Floats, smooth_noise
from polybench.synth.nuclei_scene import Culture, Field, Labels, number_nuclei, place, shape, trace, zoom_of

# Optical density of the dyes in red, green and blue
_VIOLET = np.array([0.62, 1.28, 0.10])
_MAGENTA = np.array([0.62, 1.45, 0.50])
_EOSIN = np.array([0.06, 0.62, 0.14])


@dataclass(frozen=True)
class _Glow:
    """Appearance of a fluorescent culture.

    Attributes:
        tone: Grey level of its nuclei.
        dark: Grey level of the background.
        blur: Blur of the lens, in pixels.
        grain: Contrast of the chromatin.
        glints: Share of dividing or dying nuclei, which are far brighter.
    """

    tone: float
    dark: float
    blur: float
    grain: float
    glints: float


_GLOWS = (
    _Glow(tone=55, dark=10, blur=0.7, grain=0.16, glints=0.06),
    _Glow(tone=55, dark=3, blur=1.6, grain=0.32, glints=0.03),
    _Glow(tone=21, dark=5, blur=1.3, grain=0.09, glints=0),
    _Glow(tone=58, dark=14, blur=0.9, grain=0.14, glints=0.05),
)


def fluorescence(rng: np.random.Generator, size: tuple[int, int]) -> tuple[Floats, Labels]:
    """Draw bright nuclei on black: sparse small ones, clumps of lobed ones, a few large dim ones, or a dense layer."""
    zoom = zoom_of(size)
    kind = int(rng.choice(4, p=[0.48, 0.16, 0.18, 0.18]))
    culture = (
        Culture(np.exp(rng.normal(3.0, 0.75)), rng.uniform(5.5, 9)),
        Culture(rng.uniform(10, 60), rng.uniform(8, 10), 0.15, 1.3, 0.10, 1.5, 0.95),
        Culture(rng.uniform(5, 16), rng.uniform(18, 27), 0.15, 1.9, 0.05, 0.5),
        Culture(rng.uniform(60, 190), rng.uniform(5, 7), 0.22, 2.1, 0.05, 0.3),
    )[kind]
    glow = _GLOWS[kind]
    tone = glow.tone * np.exp(rng.normal(0, 0.35))
    nuclei = place(rng, culture, size)
    field, labels = number_nuclei(trace(nuclei, size), zoom)
    level = tone * np.exp(rng.normal(0, 0.25, len(nuclei.radius)))
    level *= np.where(rng.random(len(level)) < glow.glints, rng.uniform(2, 3.5, len(level)), 1)
    texture = smooth_noise(rng, size, 0.9 * zoom) + smooth_noise(rng, size, culture.radius * zoom / 4)
    profile = (1.08 - 0.35 * field.edge**2) * (1 + glow.grain * texture).clip(0.25)
    light = np.where(labels > 0, level[field.owner] * profile, 0)
    ghosts = trace(place(rng, replace(culture, count=0.3 * culture.count), size), size).edge
    light += _blur(np.where((ghosts < 1) & (labels == 0), 0.22 * tone, 0.0), 3.5 * zoom)
    light = _blur(light, glow.blur * rng.uniform(0.8, 1.2) * zoom) + 0.10 * _blur(light, 7 * zoom)
    haze = smooth_noise(rng, size, 45 * zoom) * rng.uniform(0.05, 0.35)
    light += glow.dark * rng.uniform(0.4, 1.5) * np.exp(haze)
    light += rng.standard_normal(size) * (0.35 + 0.10 * np.sqrt(light))
    return np.repeat(light[..., None], 3, axis=2), labels


def _fibres(rng: np.random.Generator, size: tuple[int, int], angle: float, zoom: float) -> Floats:
    """Draw wavy strands along a direction, lit from one side, with mean 0 and standard deviation 1."""
    y, x = np.indices(size) / zoom
    bend = 9 * smooth_noise(rng, size, 30 * zoom)
    along, across = np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x + bend
    strands = smooth_noise(rng, (256, 256), 1.7)
    relief = ndimage.map_coordinates(strands, (across, along / 5), order=1, mode="grid-wrap", prefilter=False)
    slope = np.gradient(_blur(relief, 0.8 * zoom))[0]
    return np.asarray(slope / slope.std())


def _stain(rng: np.random.Generator, field: Field, labels: Labels, level: Floats, zoom: float) -> Floats:
    """Draw the density of dye in the nuclei: a darker rim, grains of chromatin, and some of them out of focus."""
    size = labels.shape
    grains = smooth_noise(rng, size, 1.1 * zoom) + smooth_noise(rng, size, 2.2 * zoom)
    rough = rng.uniform(0.05, 0.32, len(level))[field.owner]
    density = np.where(labels > 0, level[field.owner] * (0.85 + rough * (field.edge**4 + grains)).clip(0.2), 0)
    soft = (rng.random(len(level)) < 0.3)[field.owner]
    return _blur(np.where(soft, 0, density), 0.9 * zoom) + _blur(np.where(soft, density, 0), 2.2 * zoom)


def tissue(rng: np.random.Generator, size: tuple[int, int]) -> tuple[Floats, Labels]:
    """Draw violet nuclei, at high or low magnification, among pale wavy fibres; a few frames are pink."""
    zoom, angle = zoom_of(size), rng.uniform(-np.pi, np.pi)
    near = rng.random() < 0.5
    culture = Culture(
        count=rng.uniform(6, 24) if near else rng.uniform(20, 120),
        radius=rng.uniform(15, 21) if near else rng.uniform(6.5, 10),
        spread=0.25,
        stretch=rng.choice([2.0, 4.0]),
        ragged=0.06,
        cluster=rng.uniform(0.5, 2),
        touch=0.75,
        flow=angle,
    )
    nuclei = place(rng, culture, size)
    field, labels = number_nuclei(trace(nuclei, size), zoom)
    density = _stain(rng, field, labels, rng.uniform(0.4, 1.3, len(nuclei.radius)), zoom)
    ghosts = trace(place(rng, replace(culture, count=0.4 * culture.count), size), size).edge
    density += _blur(np.where((ghosts < 1) & (labels == 0), rng.uniform(0.3, 0.7), 0.0), 3.5 * zoom)
    cloud = smooth_noise(rng, size, 26 * zoom)
    fibres = _fibres(rng, size, angle, zoom) * (0.4 + 0.6 / (1 + np.exp(-3 * cloud)))
    pink = rng.random() < 0.06
    paper = np.array([226.0, 196, 218]) if pink else np.array([181.0, 164, 208])
    counter = _EOSIN * 0.9 if pink else _VIOLET * 0.16
    matrix = (0.25 + 0.20 * cloud + 0.11 * fibres)[..., None] * counter
    image = paper * np.exp(-density[..., None] * (_MAGENTA if pink else _VIOLET) - matrix)
    return image + rng.normal(0, 1.2, (*size, 3)), labels


def smear(rng: np.random.Generator, size: tuple[int, int]) -> tuple[Floats, Labels]:
    """Draw round magenta nuclei, dark and light ones, on white with faint red cells."""
    zoom = zoom_of(size)
    culture = Culture(rng.uniform(18, 75), rng.uniform(9, 11), 0.22, 1.4, 0.07, rng.uniform(0.3, 1.5), 0.88)
    nuclei = place(rng, culture, size)
    field, labels = number_nuclei(trace(nuclei, size), zoom)
    level = np.where(rng.random(len(nuclei.radius)) < 0.6, 0.95, 0.45) * rng.uniform(0.8, 1.25, len(nuclei.radius))
    density = _stain(rng, field, labels, level, zoom)
    ghosts = trace(place(rng, replace(culture, count=0.25 * culture.count, radius=7.0), size), size).edge
    density += _blur(np.where((ghosts < 1) & (labels == 0), 0.35, 0.0), 3.0 * zoom)
    cells = trace(place(rng, Culture(rng.uniform(5, 60), 9.0, ragged=0.06, cluster=1.2), size), size).edge
    veil = _blur(np.where(cells < 1, 0.04 + 0.08 * cells**4, 0.0), 1.0 * zoom)
    # Lenses focus the colours at slightly different places: dark nuclei have a green-blue side.
    spread = np.stack([_blur(density, sigma * zoom) for sigma in (1.1, 0.6, 0.5)], axis=2)
    spread[..., 0] = ndimage.shift(spread[..., 0], (-0.5, 0.9), order=1, mode="nearest")
    paper = np.array([214.0, 217, 216]) * np.exp(0.015 * smooth_noise(rng, size, 40 * zoom))[..., None]
    image = paper * np.exp(-spread * _MAGENTA - veil[..., None] * np.array([0.8, 1.0, 1.6]))
    return image + rng.normal(0, 1.5, (*size, 3)), labels


def cytology(rng: np.random.Generator, size: tuple[int, int]) -> tuple[Floats, Labels]:
    """Draw small dark nuclei in large translucent cells, in grey on white."""
    zoom = zoom_of(size)
    sheets = [
        place(rng, Culture(rng.uniform(1, 4), rng.uniform(30, 46), 0.25, 1.5, 0.2, 0.5, 0.6), size) for _ in range(2)
    ]
    density = 0.008 * smooth_noise(rng, size, 0.8)
    for sheet in sheets:
        field = trace(sheet, size)
        level = rng.uniform(0.1, 0.45, len(sheet.radius))[field.owner]
        folds = 0.10 * smooth_noise(rng, size, 3 * zoom) + 0.2 * smooth_noise(rng, size, 12 * zoom)
        density += _blur(np.where(field.edge < 1, level * (1 + folds), 0.0), 0.8 * zoom)
    middle = np.concatenate([sheet.centre for sheet in sheets])
    clump = middle[rng.integers(len(middle), size=rng.integers(3))]
    lobes = np.repeat(clump + rng.normal(0, 12 * zoom, clump.shape), 3, axis=0)
    lobes += rng.normal(0, 5 * zoom, lobes.shape)
    radius = np.concatenate([rng.uniform(6, 10, len(middle)), rng.uniform(2.8, 4.2, len(lobes))]) * zoom
    nuclei = shape(rng, Culture(0, 0, ragged=0.07), np.concatenate([middle, lobes]), radius)
    field, labels = number_nuclei(trace(nuclei, size), zoom)
    density += _stain(rng, field, labels, rng.uniform(0.5, 0.9, len(radius)), zoom)
    grey = 236 * np.exp(-density) + rng.normal(0, 2.5, size)
    return np.repeat(grey[..., None], 3, axis=2), labels


def _blur(field: Floats, sigma: float) -> Floats:
    """Blur the two spatial axes of (H, W) or (H, W, 3) by a Gaussian."""
    return np.asarray(ndimage.gaussian_filter(field, sigma, axes=(0, 1), truncate=3.0))
