"""Smooth random fields for synthetic microscopy images."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def smooth_noise(rng: np.random.Generator, size: tuple[int, int], scale: float) -> Floats:
    """Generate periodic white noise blurred by a Gaussian.

    Args:
        rng: The random generator, of which (H, W) normal numbers are drawn.
        size: Height and width in pixels.
        scale: Standard deviation of the Gaussian in pixels; more than a quarter of the shorter side counts as that.

    Returns:
        The field (H, W) with mean 0 and standard deviation 1.
    """
    sigma = min(scale, min(size) / 4)
    rows, columns = np.fft.fftfreq(size[0])[:, None], np.fft.rfftfreq(size[1])[None]
    gain = np.exp(-2 * np.pi**2 * sigma**2 * (rows**2 + columns**2))
    gain[0, 0] = 0
    field = np.fft.irfft2(np.fft.rfft2(rng.standard_normal(size)) * gain, size)
    return np.asarray(field / field.std(), dtype=np.float64)
