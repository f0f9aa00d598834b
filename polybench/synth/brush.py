"""Drawing functions for synthetic images: periodic noise, smooth steps and strokes.

Positions are (row, column) in pixels with integers at pixel centres, unless stated otherwise.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy import ndimage

Floats = npt.NDArray[np.float64]


def periodic_noise(rng: np.random.Generator, low: float, high: float, fall: float, *, tile: int = 512) -> Floats:
    """Generate a periodic texture (tile, tile) of zero mean and unit standard deviation.

    Args:
        rng: The random generator.
        low: Lowest frequency in cycles per tile.
        high: Highest frequency.
        fall: Power by which amplitude falls with frequency.
        tile: Side of the texture in samples.
    """
    frequency = np.hypot(np.fft.fftfreq(tile, 1 / tile)[:, None], np.fft.rfftfreq(tile, 1 / tile)[None])
    gain = np.where((frequency >= low) & (frequency <= high), np.maximum(frequency, 1.0) ** -fall, 0.0)
    field = np.fft.irfft2(np.fft.rfft2(rng.standard_normal((tile, tile))) * gain, (tile, tile))
    return np.asarray(field / field.std(), dtype=np.float64)


def sample(texture: Floats, u: Floats, v: Floats) -> Floats:
    """Sample a periodic texture (T, T) at coordinates (u across, v down) in tiles, with linear interpolation."""
    tile = len(texture)
    return np.asarray(
        ndimage.map_coordinates(texture, (v * tile, u * tile), order=1, mode="grid-wrap", prefilter=False)
    )


def smooth_step(values: Floats, low: float, high: float | Floats) -> Floats:
    """Rise smoothly from 0 at `low` to 1 at `high`."""
    t = ((values - low) / (high - low)).clip(0, 1)
    return np.asarray(t * t * (3 - 2 * t))


def stamp(
    shape: tuple[int, int],
    points: Floats,
    radii: Floats,
    profile: Callable[[Floats, Floats], Floats],
    *,
    reach: float = 0.0,
    weights: Floats | None = None,
) -> Floats:
    """Draw round brush strokes on a canvas of zeros; where they overlap, the greatest value is kept.

    Args:
        shape: Height and width of the canvas.
        points: Centres of the strokes (N, 2); parts outside the canvas are clipped.
        radii: Radii of the strokes (N), in pixels.
        profile: From distance to the centre and radius, both (n, k), to the brush's value.
        reach: Extent of the profile beyond the radius.
        weights: Factor of each stroke's values (N); None for 1.

    Returns:
        The canvas (H, W).
    """
    canvas = np.zeros(shape)
    nearest = np.rint(points).astype(np.int64)
    half_widths = (radii + reach + 0.5).astype(np.int64)
    for half in np.unique(half_widths):
        chosen = half_widths == half
        window = np.arange(-half, half + 1)
        offset = np.stack(np.meshgrid(window, window, indexing="ij"), axis=-1).reshape(1, -1, 2)
        pixel = nearest[chosen, None] + offset
        distance = np.linalg.norm(pixel - points[chosen, None], axis=-1)
        value = profile(distance, np.broadcast_to(radii[chosen, None], distance.shape))
        if weights is not None:
            value = value * weights[chosen, None]
        hit = ((pixel >= 0) & (pixel < shape)).all(-1) & (value > 0)
        np.maximum.at(canvas, tuple(pixel[hit].T), value[hit])
    return canvas


def along(polyline: Floats, spacing: float) -> Floats:
    """Resample a polyline (N, 2) to points (M, 2) at most `spacing` apart, including both ends."""
    length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(polyline, axis=0), axis=1))])
    places = np.linspace(0.0, length[-1], int(np.ceil(length[-1] / spacing)) + 1)
    return np.stack([np.interp(places, length, polyline[:, axis]) for axis in (0, 1)], axis=1)
