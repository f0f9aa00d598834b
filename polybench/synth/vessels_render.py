"""Rendering of a synthetic fundus photograph from a retina: fundus, absorbing vessels and camera.

Vessels darken by the law of Beer and Lambert along the light's way through a round tube, so their shading follows from
their calibre. Fields are (H, W), colours (3, H, W); `x` and `y` are anatomical (see `vessels_scene`).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from polybench.synth.brush import Floats, periodic_noise, sample, smooth_step, stamp
from polybench.synth.vessels_appearance import CAMERAS, Appearance, Camera
from polybench.synth.vessels_scene import Retina

_BLOOD = np.array([0.28, 1.0, 0.75])[:, None, None]  # absorption of red, green and blue
_PIGMENT = np.array([0.8, 0.9, 0.6])[:, None, None]
_SILK = np.array([0.55, 1.0, 1.1])[:, None, None]
_SHINE = np.array([0.5, 1.0, 0.8])[:, None, None]
_BANDS = ((1, 12, 1.1), (8, 120, 0.6), (6, 90, 0.5), (8, 20, 0.2))
_SHOULDER = 0.8
_SPACING = 0.6  # pixels between presses of the brush
_OVERLAP = 0.90  # of the vessels' area, counted without overlaps
_THINNEST = 0.71  # pixels; a thinner brush would leave gaps between diagonal neighbours


@dataclass(frozen=True)
class _View:
    """Positions of the pixels: anatomical, and in radii from the centre of the field of view; and pixels per unit."""

    x: Floats
    y: Floats
    across: Floats
    down: Floats
    scale: float


def render(
    retina: Retina,
    appearance: Appearance,
    rng: np.random.Generator,
    size: tuple[int, int],
    eye: Literal["left", "right"],
    field: Literal["drive", "chase"],
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Render an eye.

    Args:
        retina: Its anatomy.
        appearance: Its colours.
        rng: Generator of the eye, for texture, light and sensor noise.
        size: Height and width in pixels.
        eye: A right eye is mirrored.
        field: Dataset of the camera.

    Returns:
        The image (H, W, 3), its vessels (H, W) and its field of view (H, W).
    """
    camera = CAMERAS[field]
    view = _camera_view(retina, camera, size, eye)
    inside = np.hypot(view.across, view.down) <= 1
    vessels = np.zeros(size, dtype=np.bool_)
    blood, reflex = np.zeros(size), np.zeros(size)
    for (points, radii), strength in zip(_strokes(retina, view, int(inside.sum())), appearance.vessels, strict=True):
        path = stamp(size, points, radii, lambda d, r: 2 * np.sqrt((r * r - d * d).clip(0)))
        vessels |= path > 0
        path = (path / (0.03 * camera.radius * min(size))).clip(max=1.1) ** 0.55
        wide = radii > 0.006 * camera.radius * min(size)
        blood = np.maximum(blood, camera.contrast * strength * path)
        reflex += stamp(size, points[wide], radii[wide], _ridge) * (0.75 - strength)
    photo = _fundus(retina, appearance, camera, view, rng, ndimage.gaussian_filter(blood, 0.05 * view.scale))
    photo *= np.exp(-_BLOOD * blood)
    photo *= 1 + camera.reflex * _SHINE * reflex
    photo *= _light(camera, view, rng)
    photo *= (appearance.colour / 255 / photo[:, inside].mean(1))[:, None, None]
    return _develop(photo, camera, view, rng), vessels & inside, inside


def _camera_view(retina: Retina, camera: Camera, size: tuple[int, int], eye: Literal["left", "right"]) -> _View:
    """Compute the positions of the pixels in the field of view and in the eye."""
    radius = camera.radius * min(size)
    rows = np.arange(size[0])[:, None] - (camera.place[0] * size[0] - 0.5)
    columns = np.arange(size[1])[None] - (camera.place[1] * size[1] - 0.5)
    scale = radius / retina.field.radius
    mirror = 1 if eye == "left" else -1
    x, y = np.broadcast_arrays(mirror * columns / scale + retina.centre[0], rows / scale + retina.centre[1])
    return _View(x, y, columns / radius + 0 * rows, rows / radius + 0 * columns, scale)


def _strokes(retina: Retina, view: _View, area: int) -> list[tuple[Floats, Floats]]:
    """Compute brush strokes, as positions (N, 2) in pixels and radii (N), of arteries and of veins.

    Calibres are scaled so that the vessels cover their share of the field of view, whose area is given.
    """
    mirror = np.sign(view.x[0, -1] - view.x[0, 0])
    origin = np.array([-view.y[0, 0], -mirror * view.x[0, 0]]) * view.scale
    strokes = []
    for tree, relative in ((retina.arteries, 0.8), (retina.veins, 1.0)):
        step = np.linalg.norm(tree.place - tree.place[tree.parent], axis=1)
        count = max(2, int(np.ceil(step.max() * view.scale / _SPACING)))
        share = (np.arange(count) + 0.5)[:, None] / count
        start, calibre = tree.place[tree.parent], relative * tree.calibre
        place = (start + share[:, :, None] * (tree.place - start)).reshape(-1, 2)
        start_calibre = np.minimum(1.15 * calibre, calibre[tree.parent])
        radius = (start_calibre + share * (calibre - start_calibre)).ravel()
        length = np.tile(step * view.scale / count, count)
        seen = np.linalg.norm(place - retina.centre, axis=1) < 1.02 * retina.field.radius
        strokes.append((place[seen], radius[seen], length[seen]))
    radius, length = (np.concatenate([stroke[part] for stroke in strokes]) for part in (1, 2))
    low, high = 0.0, 0.05 * view.scale
    for _ in range(20):
        middle = (low + high) / 2
        covered = _OVERLAP * (2 * np.maximum(middle * radius, _THINNEST) * length).sum()
        low, high = (middle, high) if covered < retina.share * area else (low, middle)
    return [
        (origin + view.scale * place[:, ::-1] * [1, mirror], np.maximum(low * radius, _THINNEST))
        for place, radius, _ in strokes
    ]


def _ridge(distance: Floats, radius: Floats) -> Floats:
    """Profile of the reflex along the middle of a vessel."""
    return np.asarray(np.exp(-((distance / (0.35 * radius)) ** 2)))


def _fundus(
    retina: Retina, appearance: Appearance, camera: Camera, view: _View, rng: np.random.Generator, beside: Floats
) -> Floats:
    """Draw the retina without vessels: pigment, choroid, nerve fibres and disc, relative to its mean colour.

    Args:
        retina: Anatomy of the eye.
        appearance: How strong they are.
        camera: The camera, with the strength of reflexes.
        view: Positions of the pixels.
        rng: Generator of the textures.
        beside: Amount of blood near each pixel, where nerve fibres are bright.
    """
    mottle, fine, fibres, course = (periodic_noise(rng, *band) for band in _BANDS)
    u, v = view.x / 2.4, view.y / 2.4
    cloud, grain = sample(mottle, u, v), sample(fine, 2 * u, 2 * v)
    ridge = np.exp(-((sample(course, u + 0.01 * cloud, v) / 0.75) ** 2))
    away = np.hypot(view.x, view.y)
    far = smooth_step(away, 0.35, 1.3)
    pigment = -0.025 * cloud - 0.012 * grain - appearance.choroid * far * 0.055 * (ridge - 0.5) * (1 + 0.6 * cloud)
    fovea = np.hypot(view.x - retina.fovea[0], view.y - retina.fovea[1])
    pigment += appearance.macula * (0.7 * np.exp(-((fovea / 0.30) ** 2)) + 0.5 * np.exp(-((fovea / 0.11) ** 2)))
    photo = np.exp(-_PIGMENT * pigment - _BLOOD * camera.blotches * (0.4 + far) * sample(mottle, 2.6 * v, 2.6 * u))
    angle = np.arctan2(view.y, view.x)
    streaks = sample(fibres, angle / np.pi, 0.12 * np.log(away + 0.05))
    silk = (0.5 * camera.sheen + 0.2) * np.exp(-((away / 0.7) ** 2)) * (0.35 + np.sin(angle) ** 2)
    photo *= 1 + _SILK * (0.10 * silk * streaks + 0.25 * silk * (0.2 + 0.8 * camera.sheen))
    patches = smooth_step(beside / 0.09, 0.3, 1.2) * smooth_step(
        sample(mottle, 1.7 * v, 1.7 * u) + 0.35 * grain, 0.4, 1.6
    )
    photo *= 1 + _SILK * camera.sheen * 0.75 * patches * smooth_step(view.x, -0.15, 0.2) * smooth_step(away, 0.25, 0.5)
    return _add_disc(photo, appearance, camera, view, 0.015 * cloud)


def _add_disc(photo: Floats, appearance: Appearance, camera: Camera, view: _View, wobble: Floats) -> Floats:
    """Draw the optic disc with its cup: paler on the temporal side, with a dark rim of pigment."""
    height, narrow = appearance.disc
    rim = np.hypot(view.x / narrow, view.y) / height + wobble
    cover = smooth_step(1 - rim, -0.10, 0.10)
    seam = 0.05 * np.exp(-(((rim - 1.12) / 0.10) ** 2)) * (1 + 0.6 * np.sign(view.x))
    hollow = np.hypot((view.x - 0.2 * height) / narrow, view.y - 0.03) / (height * appearance.cup)
    pale = smooth_step(1 - hollow, -0.9, 0.5) * 0.85 + 0.15 * (view.x / height).clip(-1, 1)
    bright = camera.disc[:, None, None] + pale * (camera.cup - camera.disc)[:, None, None]
    bright *= (0.45 + 0.55 * appearance.colour[0] / camera.red[0]) / appearance.colour[:, None, None]
    glow = 1 + 0.22 * np.exp(-((rim / 2.0) ** 2))
    return np.asarray(photo * glow * (1 - seam) * (1 - cover) + cover * bright)


def _light(camera: Camera, view: _View, rng: np.random.Generator) -> Floats:
    """Draw uneven light, darker and greener to one side, and sometimes a bright rim of stray light."""
    direction, rim = rng.uniform(-np.pi, np.pi, 2)
    along = view.across * np.cos(direction) + view.down * np.sin(direction)
    shift = 0.25 * camera.falloff * np.array([np.cos(direction), np.sin(direction)])
    edge = (view.across - shift[0]) ** 2 + (view.down - shift[1]) ** 2
    slope = rng.uniform(0.05, 0.30)
    dark = camera.falloff * edge * rng.uniform(0.7, 1.2) - slope * along
    colour = np.array([1.0, 0.85, 0.9])[:, None, None] + rng.normal(0, 0.08, (3, 1, 1))
    light = np.exp(-colour * dark)
    rise = smooth_step(np.hypot(view.across, view.down), 0.72, 1.02)
    turned = (view.across * np.cos(rim) + view.down * np.sin(rim)).clip(0) ** 3
    if rng.random() < 0.45:
        light += camera.stray * (rise * turned * rng.uniform(0.3, 1.0))
    return np.asarray(light)


def _develop(photo: Floats, camera: Camera, view: _View, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Blur, crop to the aperture, add noise and map [0, 1] to bytes, with compressed highlights."""
    photo = np.where(photo < _SHOULDER, photo, 1 - (1 - _SHOULDER) * np.exp((_SHOULDER - photo) / (1 - _SHOULDER)))
    pixels = view.scale * 1.36
    blur = camera.sharpness * pixels / 270
    pixel = 1.5 / pixels
    distance = np.hypot(view.across, view.down)
    opening = smooth_step(1 - distance, -pixel, pixel)
    if camera.tab:
        tab = np.hypot(view.across - 0.69, view.down + 0.70)
        opening = np.maximum(opening, smooth_step(0.055 - tab, -pixel, pixel))
    image = ndimage.gaussian_filter(photo, (0, blur, blur), truncate=3.0)
    image = 255 * image * opening + np.array(camera.black)[:, None, None] * (1 - opening)
    grain = rng.normal(0, 1.0, image.shape) + 1.2 * rng.normal(0, 1.0, image.shape[1:])
    image += grain * (0.25 * (camera.black[0] > 1) + 2.0 * opening)
    return np.asarray(np.rint(image.clip(0, 255)).astype(np.uint8).transpose(1, 2, 0))
