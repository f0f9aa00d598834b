"""Rendering of a synthetic colonoscopy frame from its scene: relief, colour, then light.

The wall is a tube seen along its axis, textured in log-polar coordinates (patterns shrink towards the lumen) and
crossed by folds; polyps are lobed domes on it. Shading and highlights come from the slope of one common height map.
Fields are (H, W), colours (3, H, W).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from polybench.synth import polyps_scene as scenery
from polybench.synth.brush import Floats, sample, smooth_step
from polybench.synth.polyps_scene import Blob, Scene

_BLOOD = np.array([0.30, 1.0, 0.85])[:, None, None]  # absorption of red, green and blue in a vessel
_TONE = 1.7  # film speed: light 1 on albedo 0.5 gives 1 - exp(-0.85)


@dataclass(frozen=True)
class _View:
    """Pixels of a frame: positions in the frame and in the scene, frame heights per scene unit, and brightness."""

    frame: Floats
    scene: Floats
    zoom: float
    gain: float


@dataclass
class _Layers:
    """Layers of the drawing: albedo, incoming light, height above the wall, relief of the liquid film, wetness."""

    albedo: Floats
    light: Floats
    height: Floats
    ripple: Floats
    wet: Floats


def render(
    scene: Scene, time: int, rng: np.random.Generator, size: tuple[int, int]
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_]]:
    """Render one frame.

    Args:
        scene: The scene of the sequence.
        time: Number of the frame in its sequence.
        rng: Generator of the frame, for hand tremor and sensor noise.
        size: Height and width in pixels.

    Returns:
        The image (H, W, 3) and the mask of visible polyps (H, W).
    """
    view = _camera_view(scene, time, rng, size)
    layers = _wall(scene, view)
    mask = np.zeros(size, dtype=np.bool_)
    for blob in scene.stool:
        _add_blob(scene, view, layers, blob)
    for blob in scene.polyps:
        mask |= _add_blob(scene, view, layers, blob)
    _add_bubbles(scene, view, layers)
    opening = _opening(scene, view)
    image = _expose(scene, view, layers)
    sharpness = rng.uniform(0.55, 0.95) * size[0] / 288
    image = ndimage.gaussian_filter(image * opening, (0, sharpness, sharpness), truncate=3.0)
    image = 255 * image + scene.border[:, None, None] * (1 - opening) + rng.normal(0, 1.6, (3, *size)) * (0.3 + opening)
    return np.rint(image.clip(0, 255)).astype(np.uint8).transpose(1, 2, 0), mask & (opening > 0.5)


def _camera_view(scene: Scene, time: int, rng: np.random.Generator, size: tuple[int, int]) -> _View:
    """Compute the view of the camera at a time: its path plus a tremor."""
    amplitude, speed, phase = scene.path.T
    x, y, turn, zoom, light = amplitude * np.sin(speed * time + phase) + rng.normal(
        0, (0.003, 0.003, 0.01, 0.006, 0.02)
    )
    rows = (np.arange(size[0]) + 0.5) / size[0] - 0.5
    columns = (np.arange(size[1]) + 0.5 - size[1] / 2) / size[0]
    frame = np.stack(np.broadcast_arrays(columns[None, :], rows[:, None]))
    barrel = (1 + 0.18 * (frame**2).sum(0)) * np.exp(-zoom)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    place = np.einsum("ij,jhw->ihw", rotation, frame) * barrel + np.array([x, y])[:, None, None]
    return _View(frame=frame, scene=place, zoom=float(np.exp(zoom)), gain=float(np.exp(light)))


def _wall(scene: Scene, view: _View) -> _Layers:
    """Draw the tube of mucosa with mottling, vessels, fine relief and folds."""
    dx, dy = view.scene[0] - scene.lumen[0], view.scene[1] - scene.lumen[1]
    log_radius = 0.5 * np.log(dx * dx + dy * dy + 1e-4)
    angle = np.arctan2(dy, dx)
    u, v = angle * (scene.tiles / (2 * np.pi)), log_radius * (scene.tiles / (2 * np.pi))
    tile = np.exp(log_radius) * (2 * np.pi / scene.tiles)
    swell = sample(scene.textures[scenery.SWELL], u, v)
    mottle = sample(scene.textures[scenery.MOTTLE], u, v)
    ripple = scene.ripple * tile * sample(scene.textures[scenery.RIPPLE], u, v)

    blood = np.zeros_like(u)
    for name, width, strength in zip((scenery.VESSELS, scenery.CAPILLARIES), (0.10, 0.16), scene.vessels, strict=True):
        ridge = np.exp(-((sample(scene.textures[name], u + 0.015 * mottle, v + 0.02 * swell) / width) ** 2))
        blood += strength * ridge * smooth_step(mottle if name == scenery.VESSELS else -swell, -0.5, 1.2)
    absorbed = (blood - 0.07 * mottle) * _BLOOD + 0.06 * swell * np.array([0.4, 0.2, 1.0])[:, None, None]
    squeezed = log_radius + 0.04 * swell
    for harmonic, (amplitude, phase) in enumerate(scene.squeeze.T, start=2):
        squeezed += amplitude * np.cos(harmonic * angle + phase)
    fold_light, fold_height = _folds(scene, squeezed, angle)
    depth = np.exp(1.5 * (squeezed - np.log(2.0 * scene.depth)))
    far = np.hypot(scene.lumen[0], scene.lumen[1])
    light = depth / (1 + depth) * np.exp(0.9 * (np.exp(log_radius) - max(far, 0.45))) * fold_light
    return _Layers(
        albedo=scene.mucosa[:, None, None] * np.exp(-absorbed),
        light=light * scene.exposure,
        height=scene.swell * tile * swell + fold_height,
        ripple=ripple,
        wet=smooth_step(swell + 0.9 * mottle, 0.1, 1.9),
    )


def _folds(scene: Scene, log_radius: Floats, angle: Floats) -> tuple[Floats, Floats]:
    """Draw crescent-shaped folds around the lumen: their light and their height.

    Each fold occludes the wall behind it: the wall brightens outwards up to an edge, and is dark just inside the next
    one.
    """
    ring = log_radius / np.log(scene.fold_ratio)
    number = np.floor(ring).astype(np.int64)
    phase = ring - number

    def crescent(number: npt.NDArray[np.int64]) -> Floats:
        strength, direction, width = scene.folds[:, number % scene.folds.shape[1]]
        return np.asarray(strength * smooth_step(np.cos(angle - direction) + width, 0.0, 0.9))

    here = crescent(number)
    light = np.exp(here * (0.40 * np.exp(-phase / 0.22) - 0.9 * phase**2.2))
    pixels = 1.5 / (np.exp(log_radius) * np.log(scene.fold_ratio) * log_radius.shape[0])
    lip = ((phase - 1) / pixels.clip(max=1.0) + 1).clip(0, 1)
    light += lip * (np.exp(0.40 * crescent(number + 1)) - light)
    bulge = np.exp(-((phase - 0.18) ** 2) / 0.03) * smooth_step(phase, 0.0, 0.14)
    return light, np.asarray(0.10 * np.exp(log_radius) * (scene.fold_ratio - 1) * here * bulge)


def _outline(scene: Scene, blob: Blob, dx: Floats, dy: Floats) -> Floats:
    """Compute the distance from the blob's centre relative to its edge in that direction: 1 on the edge."""
    cos, sin = np.cos(blob.angle), np.sin(blob.angle)
    along, across = (cos * dx + sin * dy) / np.sqrt(blob.stretch), (cos * dy - sin * dx) * np.sqrt(blob.stretch)
    angle = np.arctan2(across, along)
    edge = np.ones_like(angle)
    for harmonic, (amplitude, phase) in enumerate(blob.lobes.T, start=2):
        edge += amplitude * np.cos(harmonic * angle + phase)
    edge *= blob.radius / np.sqrt(1 + (blob.lobes[0] ** 2).sum() / 2)
    noise = sample(scene.textures[scenery.MOTTLE], dx / (6 * blob.radius) + blob.angle, dy / (6 * blob.radius))
    return np.asarray(np.hypot(along, across) / edge + blob.raggedness * noise)


def _add_blob(scene: Scene, view: _View, layers: _Layers, blob: Blob) -> npt.NDArray[np.bool_]:
    """Draw a blob on the wall with its shadow, relief, colour and light, and return its mask."""
    inside = np.zeros(layers.light.shape, dtype=np.bool_)
    offset = view.scene - np.array(blob.centre)[:, None, None]
    near = (offset**2).sum(0) < (2.1 * blob.radius) ** 2
    if not near.any():
        return inside
    rows, columns = np.flatnonzero(near.any(1)), np.flatnonzero(near.any(0))
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    dx, dy = offset[:, *box]
    edge = _outline(scene, blob, dx, dy)
    inside[box] = edge < 1
    soft = max(1.3, 0.05 * blob.radius * layers.light.shape[0]) / layers.light.shape[0]
    cover = smooth_step((1 - edge) * blob.radius * view.zoom, -soft, soft)
    # The dome is lit like the wall it stands on, and less from one side than wall behind it would be.
    local = layers.light[box]
    own = max(float((local * cover).sum() / max(cover.sum(), 1e-9)), 0.40)
    facing = (dx * scene.light[0] + dy * scene.light[1]) / (blob.radius * 0.4)
    shade = np.exp(-((edge - 1).clip(0) / 0.13)) * min(blob.height, 0.7) * (0.40 - 0.35 * np.tanh(facing))
    nearer = (dx * (blob.centre[0] - scene.lumen[0]) + dy * (blob.centre[1] - scene.lumen[1])) / blob.radius
    layers.light[box] = (1 - cover) * local * (1 - shade) + cover * own * np.exp(
        0.3 * nearer.clip(-1, 1) + 0.45 * blob.height
    )
    _surface(scene, layers, blob, box, np.stack([dx, dy]), edge, cover)
    return inside


def _surface(
    scene: Scene,
    layers: _Layers,
    blob: Blob,
    box: tuple[slice, slice],
    offset: Floats,
    edge: Floats,
    cover: Floats,
) -> None:
    """Draw a blob's dome, lumps, colour and pit pattern."""
    u, v = offset / (3.2 * blob.radius) + blob.angle
    film = sample(scene.textures[scenery.RIPPLE], 0.6 * u, 0.6 * v)
    grooves = np.exp(-((sample(scene.textures[scenery.VESSELS], u, v) / 0.5) ** 2))
    swell = sample(scene.textures[scenery.SWELL], v, u)
    pattern = sample(scene.textures[scenery.PITS], u * 0.8, v * 0.8)
    rim = edge.clip(0, 1) ** (2 * blob.plateau)
    dome = blob.height * (1 - rim) ** 0.7 + (0.07 * blob.height * swell - blob.lumps * grooves) * (1 - rim)
    layers.height[box] += cover * (blob.radius * dome - layers.height[box])
    layers.ripple[box] += cover * (0.013 * blob.radius * film - layers.ripple[box])
    tone = 0.05 * sample(scene.textures[scenery.MOTTLE], v * 0.5, u * 0.5) - 0.09 * edge.clip(0, 1) ** 4
    tone -= 1.5 * blob.lumps * grooves
    colour = blob.tint[:, None, None] + (blob.pits * (np.exp(-((pattern / 0.55) ** 2)) - 0.5) + tone) * _BLOOD * [
        [[-1.0]]
    ]
    own = scene.mucosa[:, None, None] * np.exp(colour)
    layers.albedo[:, *box] += cover * (own - layers.albedo[:, *box])
    layers.wet[box] = np.maximum(layers.wet[box] * (1 - cover), 0.85 * cover * smooth_step(film, -2.5, 0.5))


def _add_bubbles(scene: Scene, view: _View, layers: _Layers) -> None:
    """Draw bubbles of liquid: a bright rim, a darker middle, and a curved top that reflects the lamp."""
    for x, y, radius in scene.bubbles:
        dx, dy = view.scene[0] - x, view.scene[1] - y
        near = np.flatnonzero((dx * dx + dy * dy < radius**2).ravel())
        share = (dx.ravel()[near] ** 2 + dy.ravel()[near] ** 2) / radius**2
        layers.height.ravel()[near] += 0.8 * radius * np.sqrt(1 - share)
        layers.light.ravel()[near] *= 0.92 + 0.35 * share**3
        layers.wet.ravel()[near] = 1.0


def _opening(scene: Scene, view: _View) -> Floats:
    """Draw the octagonal field of view: 1 inside, 0 outside."""
    centre_x, centre_y, width, height, cut = scene.aperture
    x, y = np.abs(view.frame[0] - centre_x), np.abs(view.frame[1] - centre_y)
    room = np.minimum(np.minimum(width - x, height - y), (width + height - cut - x - y) / np.sqrt(2))
    pixel = 1 / view.frame.shape[1]
    return smooth_step(room, -pixel, pixel)


def _expose(scene: Scene, view: _View, layers: _Layers) -> Floats:
    """Light the relief from beside the lens, add highlights, and map to [0, 1] like over-exposed film."""
    step = 1 / layers.height.shape[0]
    film_y, film_x = np.gradient(layers.ripple, step)
    slope_y, slope_x = (
        slope + 0.22 * film for slope, film in zip(np.gradient(layers.height, step), (film_y, film_x), strict=True)
    )
    lamp_x, lamp_y = (side - 0.7 * axis for side, axis in zip(scene.light, view.frame, strict=True))
    facing = (1 - slope_x * lamp_x - slope_y * lamp_y).clip(0)
    facing /= np.sqrt((1 + slope_x**2 + slope_y**2) * (1 + lamp_x**2 + lamp_y**2))
    cone = 1.15 - 0.9 * (view.frame**2).sum(0)
    light = layers.light * cone * (0.34 + 0.74 * facing) * view.gain
    image = 1 - np.exp(-_TONE * layers.albedo * light)
    mirror = (slope_x + film_x + 0.5 * lamp_x) ** 2 + (slope_y + film_y + 0.5 * lamp_y) ** 2
    glint = scene.wetness * layers.wet * np.exp(-mirror / 0.05) * (0.25 + light)
    image += (1 - image) * smooth_step(glint, 0.28, 0.62)
    return np.asarray(image + (1 - image) * 0.10 * glint.clip(0, 1))
