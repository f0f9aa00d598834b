"""Rendering of a synthetic dermoscopy image from its scene: skin, pigment, objects in front of it, light and lens.

The outline is drawn first and the pigment inside it follows the distance from the border, so the mask is exact.
Fields are (H, W), colours (3, H, W).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.spatial import cKDTree

from polybench.synth.brush import Floats, along, periodic_noise, sample, smooth_step, stamp
from polybench.synth.lesions_scene import Lesion, Scene, Stroke

_TILE = 256
_BANDS = ((1, 6, 1.4), (2, 60, 1.3), (30, 120, 0.3))  # swell, mottle, grain
_RED = np.array([0.10, 1.0, 0.85])[:, None, None]
_REDDISH = np.array([0.25, 1.10, 1.05])[:, None, None]
_VEIL = np.array([1.30, 0.95, 0.55])[:, None, None]
_BLACK = np.array([0.85, 1.0, 1.05])[:, None, None]
_INK = np.array([0.75, 1.0, 0.25])[:, None, None]
_MARK = np.array([42.0, 30.0, 28.0])  # colour of the ruler, 0 to 255
_FRECKLE = np.array([0.4, 0.9, 1.2])[:, None, None]


@dataclass(frozen=True)
class _View:
    """Positions of the pixels in the scene, pixels per image height, and textures."""

    x: Floats
    y: Floats
    scale: int
    swell: Floats
    mottle: Floats
    grain: Floats


def render(
    scene: Scene, rng: np.random.Generator, size: tuple[int, int]
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_]]:
    """Render a scene.

    Args:
        scene: The scene.
        rng: Generator of the image, for textures and sensor noise.
        size: Height and width in pixels.

    Returns:
        The image (H, W, 3) and the lesion's mask (H, W).
    """
    rows = (np.arange(size[0]) + 0.5) / size[0] - 0.5
    columns = (np.arange(size[1]) + 0.5 - size[1] / 2) / size[0]
    x, y = np.broadcast_arrays(columns[None, :], rows[:, None])
    view = _View(x, y, size[0], *(periodic_noise(rng, *band, tile=_TILE) for band in _BANDS))
    opening = _opening(scene, view)
    mask = _outline(scene.lesion, view, opening)
    image = scene.skin[:, None, None] / 255 * np.exp(-_skin(scene, view) - _pigment(scene.lesion, view, mask, rng))
    image = _add_clutter(scene, view, image)
    radius2 = (view.x**2 + view.y**2) / 0.69
    light = np.exp(-scene.vignette * radius2**1.5 + view.x * scene.slope[0] + view.y * scene.slope[1])
    blur = 0.55 * size[0] / 192
    image = ndimage.gaussian_filter(image * light, (0, blur, blur), truncate=3.0) * opening
    image = 255 * image + 4.0 * (1 - opening) + rng.normal(0, 1.5, image.shape) * (0.4 + opening)
    return np.rint(image.clip(0, 255)).astype(np.uint8).transpose(1, 2, 0), mask


def _opening(scene: Scene, view: _View) -> Floats:
    """Draw the aperture of the device: 1 inside, 0 in its black corners."""
    x, y, radius = scene.aperture
    soft = 0.06 if scene.device == "tube" else 0.012
    return smooth_step(radius - np.hypot(view.x - x, view.y - y), -soft, soft)


def _outline(lesion: Lesion, view: _View, opening: Floats) -> npt.NDArray[np.bool_]:
    """Draw the lesion's mask: one region without holes, of about the given area."""
    dx, dy = view.x - lesion.centre[0], view.y - lesion.centre[1]
    cos, sin = np.cos(lesion.angle), np.sin(lesion.angle)
    across, down = (cos * dx + sin * dy) / np.sqrt(lesion.stretch), (cos * dy - sin * dx) * np.sqrt(lesion.stretch)
    angle = np.arctan2(down, across)
    edge = np.ones_like(angle)
    for harmonic, (amplitude, phase) in enumerate(lesion.lobes.T, start=2):
        edge += amplitude * np.cos(harmonic * angle + phase)
    radius = np.sqrt(lesion.share * 4 / 3 / np.pi)
    u, v = dx / (7 * radius), dy / (7 * radius)
    ragged = sample(view.mottle, u, v) + 0.5 * sample(view.mottle, 2.7 * v, 2.7 * u)
    streaks = sample(view.grain, angle / 12, 0.02 * np.hypot(dx, dy))
    distance = (
        np.hypot(across, down) / (radius * edge.clip(0.35)) + lesion.raggedness * ragged + lesion.streaks * streaks
    )
    distance = np.where(opening > 0.5, distance, np.inf)
    wanted = round(lesion.share * distance.size)
    labels, _ = ndimage.label(distance <= np.partition(distance.ravel(), wanted)[wanted])
    largest = np.bincount(labels.ravel())[1:].argmax() + 1
    return np.asarray(ndimage.binary_fill_holes(labels == largest))


def _skin(scene: Scene, view: _View) -> Floats:
    """Draw the absorption of the skin relative to its mean: red patches, brown spots, lines."""
    red = 0.020 * scene.mottle * sample(view.mottle, view.x / 1.6, view.y / 1.6)
    red += 0.012 * scene.mottle * sample(view.grain, view.x / 1.2, view.y / 1.2)
    cos, sin = np.cos(scene.lesion.angle), np.sin(scene.lesion.angle)
    p, q = cos * view.x + sin * view.y, cos * view.y - sin * view.x
    lines = np.zeros_like(view.x)
    for u, v in ((p, q), (0.5 * p + 0.87 * q, 0.5 * q - 0.87 * p)):
        lines += np.exp(-((sample(view.mottle, 0.4 * u, 2.6 * v) / 0.22) ** 2))
    spots = np.zeros_like(view.x)
    if len(scene.freckles):
        radii = scene.freckles[:, 2] * view.scale
        spots = stamp(view.x.shape, _pixels(scene.freckles[:, :2], view), radii, _fading)
    uneven = 0.02 * sample(view.swell, view.x / 2, view.y / 2)
    return np.asarray(red * _RED - 0.045 * scene.lines * (lines - 0.4) + 0.35 * spots * _FRECKLE + uneven)


def _pigment(lesion: Lesion, view: _View, mask: npt.NDArray[np.bool_], rng: np.random.Generator) -> Floats:
    """Draw the absorption of the lesion (3, H, W): density with its structures, times varying colours."""
    radius = np.sqrt(lesion.share * 4 / 3 / np.pi)
    depth = (ndimage.distance_transform_edt(mask) - ndimage.distance_transform_edt(~mask)) / (radius * view.scale)
    soft = max(lesion.softness, 1.2 / (radius * view.scale))
    cover = smooth_step(depth, -0.6 * soft, soft)
    u, v = (view.x - lesion.centre[0]) / (5 * radius), (view.y - lesion.centre[1]) / (5 * radius)
    wide, fine = sample(view.swell, u, v), sample(view.mottle, v, u)
    net, globules = _network(lesion, view, cover > 0, fine, rng)
    inner = smooth_step(depth, 0.0, 0.8)
    profile = lesion.edge + (1.15 - lesion.edge) * inner + lesion.blotches * (0.8 * fine + 0.5 * wide)
    where = smooth_step(sample(view.swell, v, u) - 0.6 * inner, -1.2, 0.6)
    profile += lesion.network * where * (net - 0.4) + 0.7 * globules * smooth_step(wide, -1.0, 1.0)
    profile += 0.12 * sample(view.grain, view.x, view.y)
    white = lesion.regression * smooth_step(sample(view.mottle, 0.5 * u, 0.5 * v), 0.5, 1.6)
    density = lesion.density * cover * (profile * (1 - 0.7 * white)).clip(0.35, 2.4)
    black = smooth_step(density, 0.9, 2.2)
    colour = lesion.pigment[:, None, None] + black * (_BLACK - lesion.pigment[:, None, None])
    red = lesion.redness * smooth_step(sample(view.swell, 1.2 * v, 1.2 * u), 0.2, 1.4)
    colour = colour + red * (_REDDISH - colour)
    veil = lesion.veil * smooth_step(wide, 0.3, 1.2) * inner
    return np.asarray(density * (colour + veil * (_VEIL - colour)))


def _network(
    lesion: Lesion, view: _View, where: npt.NDArray[np.bool_], warp: Floats, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Draw the lines between cobblestone-like cells, and the globules in some of the cells, both 0 to 1."""
    reach = np.array([view.y.max(), view.x.max()]) + 2 * lesion.cell
    counts = np.ceil(2 * reach / lesion.cell).astype(np.int64)
    grid = np.stack(np.meshgrid(*(np.arange(count) for count in counts), indexing="ij"), axis=-1).reshape(-1, 2)
    seeds = (grid + rng.uniform(0.1, 0.9, grid.shape)) * lesion.cell - reach
    full = rng.random(len(seeds)) < lesion.globules
    places = np.stack([view.y + 0.2 * lesion.cell * warp, view.x - 0.2 * lesion.cell * warp], axis=-1)
    distance, nearest = cKDTree(seeds).query(places[where], k=2)
    lines, globules = np.zeros(where.shape), np.zeros(where.shape)
    lines[where] = 1 - smooth_step((distance[:, 1] - distance[:, 0]) / lesion.cell, 0.05, 0.45)
    globules[where] = full[nearest[:, 0]] * (1 - smooth_step(distance[:, 0] / lesion.cell, 0.18, 0.42))
    return lines, globules


def _add_clutter(scene: Scene, view: _View, image: Floats) -> Floats:
    """Draw patch, ink, gel and hairs in front of the skin."""
    if scene.patch is not None:
        x, y, radius = scene.patch[:3]
        cover = smooth_step(radius - np.hypot(view.x - x, view.y - y), -0.006, 0.006)
        image = image + cover * (scene.patch[3:, None, None] / 255 - image)
    worn = smooth_step(sample(view.grain, view.x / 2, view.y / 2) + 0.5, -0.6, 1.6)
    image = image * np.exp(-_INK * _press(scene.ink, view) * worn)
    for x, y, radius in scene.bubbles:
        distance = np.hypot(view.x - x, view.y - y) / radius
        rim = np.exp(-(((distance - 0.93) / 0.10) ** 2)) - 0.5 * np.exp(-(((distance - 1.1) / 0.10) ** 2))
        shine = np.exp(-((np.hypot(view.x - x + 0.4 * radius, view.y - y + 0.45 * radius) / (0.22 * radius)) ** 2))
        image = image * (1 + 0.16 * rim + 0.05 * (distance < 1)) + 0.35 * shine
    if len(scene.glints):
        radii = np.maximum(scene.glints[:, 2] * view.scale, 0.3)
        image = image + 0.35 * stamp(view.x.shape, _pixels(scene.glints[:, :2], view), radii, _pen, reach=0.5)
    for strokes, colour in ((scene.hairs, scene.hair_colour), (scene.marks, _MARK)):
        image = image + _press(strokes, view) * (colour[:, None, None] / 255 - image)
    return np.asarray(image)


def _press(strokes: tuple[Stroke, ...], view: _View) -> Floats:
    """Compute the coverage of each pixel by strokes (H, W), less for strokes thinner than a pixel."""
    if not strokes:
        return np.zeros(view.x.shape)
    lines = [along(_pixels(stroke.points, view), 0.5) for stroke in strokes]
    presses = [len(line) for line in lines]
    half_widths = np.array([stroke.half_width * view.scale for stroke in strokes])
    cover = np.array([stroke.cover for stroke in strokes]) * np.minimum(1, 2 * half_widths)
    radii = np.repeat(np.maximum(half_widths, 0.5), presses)
    return stamp(view.x.shape, np.concatenate(lines), radii, _pen, reach=0.5, weights=np.repeat(cover, presses))


def _pen(distance: Floats, radius: Floats) -> Floats:
    """Profile that is 1 inside the radius and fades over one pixel."""
    return np.asarray((radius + 0.5 - distance).clip(0, 1))


def _fading(distance: Floats, radius: Floats) -> Floats:
    """Profile that is 1 in the middle and fades to 0 at the radius."""
    return smooth_step(radius - distance, 0.0, 0.8 * radius)


def _pixels(places: Floats, view: _View) -> Floats:
    """Convert positions (N, 2) from (x, y) to (row, column)."""
    height, width = view.x.shape
    return np.asarray(places[:, ::-1] * view.scale + np.array([height, width]) / 2 - 0.5)
