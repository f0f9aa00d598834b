"""Synthetic nuclei with instance labels, after the 2018 Data Science Bowl (Caicedo et al., Nature Methods 2019).

Of twenty frames, sixteen show fluorescence, two stained tissue, one or two a stained smear, and every fortieth frame
cytology in grey: the shares of the real set. It differs in that all frames of a call have the size asked for, where the
real ones come in nine, and in that outlines are exact.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from polybench.core.errors import ConfigError
from polybench.synth.noise import Floats, smooth_noise

Modality = Literal["fluorescence", "tissue", "smear", "cytology"]
Labels = npt.NDArray[np.int32]

_BLOCK: tuple[Modality, ...] = (*("fluorescence",) * 16, "tissue", "tissue", "smear")
_OUTSIDE = 9.0  # edge value of pixels far from all nuclei
# Optical density of the dyes in red, green and blue
_VIOLET = np.array([0.62, 1.28, 0.10])
_MAGENTA = np.array([0.62, 1.45, 0.50])
_EOSIN = np.array([0.06, 0.62, 0.14])


@dataclass(frozen=True)
class _Culture:
    """How nuclei of one frame look and lie.

    Attributes:
        count: How many are tried in a frame of 256 x 256 pixels.
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
class _Glow:
    """How a fluorescent culture shines.

    Attributes:
        tone: Grey level of its nuclei.
        dark: Grey level beside them.
        blur: Of the lens, in pixels.
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


@dataclass(frozen=True)
class _Nuclei:
    """Outlines: centres (N, 2), radii, stretches, angles (N,), amplitudes and phases of harmonics (N, 2, 5)."""

    centre: Floats
    radius: Floats
    stretch: Floats
    angle: Floats
    lobes: Floats


@dataclass(frozen=True)
class _Field:
    """Outlines on the pixels: 0 in a nucleus' middle, 1 on its edge (H, W); the nearest nucleus' number (H, W)."""

    edge: Floats
    owner: npt.NDArray[np.int64]


def nuclei_modality(seed: int, index: int) -> Modality:
    """Say what kind of image a frame is: the order is shuffled within each block of twenty."""
    block, place = divmod(index, len(_BLOCK) + 1)
    modalities: tuple[Modality, ...] = (*_BLOCK, "cytology" if block % 2 else "smear")
    return modalities[int(np.random.default_rng((seed, block, 0)).permutation(len(modalities))[place])]


def nuclei_frame(seed: int, index: int, *, size: tuple[int, int] = (256, 256)) -> tuple[npt.NDArray[np.uint8], Labels]:
    """Draw one frame.

    Args:
        seed: Of the dataset; at least 0.
        index: Number of the frame; at least 0.
        size: Height and width in pixels, each at least 32. Nuclei grow and shrink with the root of the shorter side,
            so that a larger frame shows more of them and shows them larger.

    Returns:
        The image (H, W, 3), grey ones with three equal channels, and the instances (H, W): 0 outside, 1 to k inside.

    Raises:
        ConfigError: If a number is too small.
    """
    if min(seed, index) < 0 or min(size) < 32:
        raise ConfigError(
            f"No synthetic frame has seed {seed}, index {index}, size {size}: "
            "use numbers of at least 0 and at least 32 pixels."
        )
    draw = {"fluorescence": _fluorescence, "tissue": _tissue, "smear": _smear, "cytology": _cytology}
    image, labels = draw[nuclei_modality(seed, index)](np.random.default_rng((seed, index, 1)), size)
    return np.rint(image.clip(0, 255)).astype(np.uint8), labels


def _zoom(size: tuple[int, int]) -> float:
    """Scale of a frame's nuclei over those of 256 pixels."""
    return float(np.sqrt(min(size) / 256))


def _place(rng: np.random.Generator, culture: _Culture, size: tuple[int, int]) -> _Nuclei:
    """Lay nuclei on the plane, the first well inside, some against their neighbours, none far into another."""
    zoom = _zoom(size)
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
    return _shape(rng, culture, point[kept], radius[kept])


def _shape(rng: np.random.Generator, culture: _Culture, centre: Floats, radius: Floats) -> _Nuclei:
    """Give nuclei their outlines."""
    count = len(radius)
    angle = rng.uniform(-np.pi, np.pi, count)
    if culture.flow is not None:
        angle = culture.flow + rng.normal(0, 0.3, count)
    amplitude = culture.ragged * rng.uniform(0.2, 1.6, (count, 5)) / np.arange(1.0, 6.0) ** 1.2
    return _Nuclei(
        centre=centre,
        radius=radius,
        stretch=1 + (culture.stretch - 1) * rng.beta(1.6, 1.6, count),
        angle=angle,
        lobes=np.stack([amplitude, rng.uniform(-np.pi, np.pi, (count, 5))], axis=1),
    )


def _trace(nuclei: _Nuclei, size: tuple[int, int]) -> _Field:
    """Draw outlines; a pixel within two of them belongs to the one in which it lies deeper."""
    edge = np.full(size, _OUTSIDE)
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
    return _Field(edge, owner)


def _number(field: _Field, zoom: float) -> tuple[_Field, Labels]:
    """Number the nuclei 1 to k, each in one piece; scraps vanish from the labels and from the field."""
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
        edge[box][scraps] = _OUTSIDE
    return replace(field, edge=edge), labels


def _blur(field: Floats, sigma: float) -> Floats:
    """A Gaussian over the two spatial axes of (H, W) or (H, W, 3)."""
    return np.asarray(ndimage.gaussian_filter(field, sigma, axes=(0, 1), truncate=3.0))


def _fluorescence(rng: np.random.Generator, size: tuple[int, int]) -> tuple[Floats, Labels]:
    """Bright nuclei on black: sparse small ones, clumps of lobed ones, a few large dim ones, or a dense layer."""
    zoom = _zoom(size)
    kind = int(rng.choice(4, p=[0.48, 0.16, 0.18, 0.18]))
    culture = (
        _Culture(np.exp(rng.normal(3.0, 0.75)), rng.uniform(5.5, 9)),
        _Culture(rng.uniform(10, 60), rng.uniform(8, 10), 0.15, 1.3, 0.10, 1.5, 0.95),
        _Culture(rng.uniform(5, 16), rng.uniform(18, 27), 0.15, 1.9, 0.05, 0.5),
        _Culture(rng.uniform(60, 190), rng.uniform(5, 7), 0.22, 2.1, 0.05, 0.3),
    )[kind]
    glow = _GLOWS[kind]
    tone = glow.tone * np.exp(rng.normal(0, 0.35))
    nuclei = _place(rng, culture, size)
    field, labels = _number(_trace(nuclei, size), zoom)
    level = tone * np.exp(rng.normal(0, 0.25, len(nuclei.radius)))
    level *= np.where(rng.random(len(level)) < glow.glints, rng.uniform(2, 3.5, len(level)), 1)
    texture = smooth_noise(rng, size, 0.9 * zoom) + smooth_noise(rng, size, culture.radius * zoom / 4)
    profile = (1.08 - 0.35 * field.edge**2) * (1 + glow.grain * texture).clip(0.25)
    light = np.where(labels > 0, level[field.owner] * profile, 0)
    ghosts = _trace(_place(rng, replace(culture, count=0.3 * culture.count), size), size).edge
    light += _blur(np.where((ghosts < 1) & (labels == 0), 0.22 * tone, 0.0), 3.5 * zoom)
    light = _blur(light, glow.blur * rng.uniform(0.8, 1.2) * zoom) + 0.10 * _blur(light, 7 * zoom)
    haze = smooth_noise(rng, size, 45 * zoom) * rng.uniform(0.05, 0.35)
    light += glow.dark * rng.uniform(0.4, 1.5) * np.exp(haze)
    light += rng.standard_normal(size) * (0.35 + 0.10 * np.sqrt(light))
    return np.repeat(light[..., None], 3, axis=2), labels


def _fibres(rng: np.random.Generator, size: tuple[int, int], angle: float, zoom: float) -> Floats:
    """Wavy strands along a direction, lit from one side; mean 0, deviation 1."""
    y, x = np.indices(size) / zoom
    bend = 9 * smooth_noise(rng, size, 30 * zoom)
    along, across = np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x + bend
    strands = smooth_noise(rng, (256, 256), 1.7)
    relief = ndimage.map_coordinates(strands, (across, along / 5), order=1, mode="grid-wrap", prefilter=False)
    slope = np.gradient(_blur(relief, 0.8 * zoom))[0]
    return np.asarray(slope / slope.std())


def _stain(rng: np.random.Generator, field: _Field, labels: Labels, level: Floats, zoom: float) -> Floats:
    """Density of dye in the nuclei: a darker rim, grains of chromatin, and some of them out of focus."""
    size = labels.shape
    grains = smooth_noise(rng, size, 1.1 * zoom) + smooth_noise(rng, size, 2.2 * zoom)
    rough = rng.uniform(0.05, 0.32, len(level))[field.owner]
    density = np.where(labels > 0, level[field.owner] * (0.85 + rough * (field.edge**4 + grains)).clip(0.2), 0)
    soft = (rng.random(len(level)) < 0.3)[field.owner]
    return _blur(np.where(soft, 0, density), 0.9 * zoom) + _blur(np.where(soft, density, 0), 2.2 * zoom)


def _tissue(rng: np.random.Generator, size: tuple[int, int]) -> tuple[Floats, Labels]:
    """Violet nuclei, at high or low magnification, among pale wavy fibres; a few frames are pink."""
    zoom, angle = _zoom(size), rng.uniform(-np.pi, np.pi)
    near = rng.random() < 0.5
    culture = _Culture(
        count=rng.uniform(6, 24) if near else rng.uniform(20, 120),
        radius=rng.uniform(15, 21) if near else rng.uniform(6.5, 10),
        spread=0.25,
        stretch=rng.choice([2.0, 4.0]),
        ragged=0.06,
        cluster=rng.uniform(0.5, 2),
        touch=0.75,
        flow=angle,
    )
    nuclei = _place(rng, culture, size)
    field, labels = _number(_trace(nuclei, size), zoom)
    density = _stain(rng, field, labels, rng.uniform(0.4, 1.3, len(nuclei.radius)), zoom)
    ghosts = _trace(_place(rng, replace(culture, count=0.4 * culture.count), size), size).edge
    density += _blur(np.where((ghosts < 1) & (labels == 0), rng.uniform(0.3, 0.7), 0.0), 3.5 * zoom)
    cloud = smooth_noise(rng, size, 26 * zoom)
    fibres = _fibres(rng, size, angle, zoom) * (0.4 + 0.6 / (1 + np.exp(-3 * cloud)))
    pink = rng.random() < 0.06
    paper = np.array([226.0, 196, 218]) if pink else np.array([181.0, 164, 208])
    counter = _EOSIN * 0.9 if pink else _VIOLET * 0.16
    matrix = (0.25 + 0.20 * cloud + 0.11 * fibres)[..., None] * counter
    image = paper * np.exp(-density[..., None] * (_MAGENTA if pink else _VIOLET) - matrix)
    return image + rng.normal(0, 1.2, (*size, 3)), labels


def _smear(rng: np.random.Generator, size: tuple[int, int]) -> tuple[Floats, Labels]:
    """Round magenta nuclei, dark and light ones, on white with the ghosts of red cells."""
    zoom = _zoom(size)
    culture = _Culture(rng.uniform(18, 75), rng.uniform(9, 11), 0.22, 1.4, 0.07, rng.uniform(0.3, 1.5), 0.88)
    nuclei = _place(rng, culture, size)
    field, labels = _number(_trace(nuclei, size), zoom)
    level = np.where(rng.random(len(nuclei.radius)) < 0.6, 0.95, 0.45) * rng.uniform(0.8, 1.25, len(nuclei.radius))
    density = _stain(rng, field, labels, level, zoom)
    ghosts = _trace(_place(rng, replace(culture, count=0.25 * culture.count, radius=7.0), size), size).edge
    density += _blur(np.where((ghosts < 1) & (labels == 0), 0.35, 0.0), 3.0 * zoom)
    cells = _trace(_place(rng, _Culture(rng.uniform(5, 60), 9.0, ragged=0.06, cluster=1.2), size), size).edge
    veil = _blur(np.where(cells < 1, 0.04 + 0.08 * cells**4, 0.0), 1.0 * zoom)
    # Lenses focus the colours at slightly different places: dark nuclei have a green-blue side.
    spread = np.stack([_blur(density, sigma * zoom) for sigma in (1.1, 0.6, 0.5)], axis=2)
    spread[..., 0] = ndimage.shift(spread[..., 0], (-0.5, 0.9), order=1, mode="nearest")
    paper = np.array([214.0, 217, 216]) * np.exp(0.015 * smooth_noise(rng, size, 40 * zoom))[..., None]
    image = paper * np.exp(-spread * _MAGENTA - veil[..., None] * np.array([0.8, 1.0, 1.6]))
    return image + rng.normal(0, 1.5, (*size, 3)), labels


def _cytology(rng: np.random.Generator, size: tuple[int, int]) -> tuple[Floats, Labels]:
    """Small dark nuclei in large translucent cells, in grey on white."""
    zoom = _zoom(size)
    sheets = [
        _place(rng, _Culture(rng.uniform(1, 4), rng.uniform(30, 46), 0.25, 1.5, 0.2, 0.5, 0.6), size) for _ in range(2)
    ]
    density = 0.008 * smooth_noise(rng, size, 0.8)
    for sheet in sheets:
        field = _trace(sheet, size)
        level = rng.uniform(0.1, 0.45, len(sheet.radius))[field.owner]
        folds = 0.10 * smooth_noise(rng, size, 3 * zoom) + 0.2 * smooth_noise(rng, size, 12 * zoom)
        density += _blur(np.where(field.edge < 1, level * (1 + folds), 0.0), 0.8 * zoom)
    middle = np.concatenate([sheet.centre for sheet in sheets])
    clump = middle[rng.integers(len(middle), size=rng.integers(3))]
    lobes = np.repeat(clump + rng.normal(0, 12 * zoom, clump.shape), 3, axis=0)
    lobes += rng.normal(0, 5 * zoom, lobes.shape)
    radius = np.concatenate([rng.uniform(6, 10, len(middle)), rng.uniform(2.8, 4.2, len(lobes))]) * zoom
    nuclei = _shape(rng, _Culture(0, 0, ragged=0.07), np.concatenate([middle, lobes]), radius)
    field, labels = _number(_trace(nuclei, size), zoom)
    density += _stain(rng, field, labels, rng.uniform(0.5, 0.9, len(radius)), zoom)
    grey = 236 * np.exp(-density) + rng.normal(0, 2.5, size)
    return np.repeat(grey[..., None], 3, axis=2), labels
