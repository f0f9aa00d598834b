"""A synthetic stack of brain tissue, after the electron microscopy of ISBI-2012 (Arganda-Carreras et al., 2015).

Neurites are clusters of discs that wander, swell and shrink from slice to slice and share the plane by an additively
weighted Voronoi diagram. It differs from the real stack in that every membrane is known exactly, no slice is torn or
badly aligned, and a frame of another size shows a smaller or larger field at the same 4 nm per pixel (8 nm in frames of
less than 256 pixels, which would else show single cells).
"""

import numpy as np
import numpy.typing as npt

from polybench.core.errors import ConfigError
from polybench.synth.membranes_render import develop
from polybench.synth.membranes_scene import MEMBRANE, cut_tissue, grow
from polybench.synth.noise import Floats


def membrane_volume(
    seed: int, slices: int, *, size: tuple[int, int] = (512, 512)
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Draw the first slices of one block of tissue.

    Args:
        seed: Seed of the block; at least 0.
        slices: Number of slices; a slice doesn't depend on their number.
        size: Height and width in pixels, each at least 32.

    Returns:
        The grey levels (N, H, W) and the labels (N, H, W): 1 inside a cell, 0 on a membrane.

    Raises:
        ConfigError: If a number is too small.
    """
    if seed < 0 or slices < 1 or min(size) < 32:
        raise ConfigError(
            f"No synthetic volume has seed {seed}, {slices} slices, size {size}: "
            "use a seed of at least 0, at least 1 slice and at least 32 pixels."
        )
    binned = 1 if min(size) >= 256 else 2
    field = (size[0] * binned, size[1] * binned)
    tissue = grow(np.random.default_rng((seed, 0)), field)
    volume = np.empty((slices, *size), dtype=np.uint8)
    labels = np.empty((slices, *size), dtype=np.uint8)
    for number in range(slices):
        cut = cut_tissue(tissue, number, field)
        grey = develop(tissue, cut, number, np.random.default_rng((seed, 1 + number)))
        volume[number] = np.rint(_bin(grey, binned)).clip(0, 255)
        labels[number] = _bin(cut.distance - 1.6 * cut.oblique, binned) > MEMBRANE
    return volume, labels


def _bin(field: Floats, side: int) -> Floats:
    """Average squares of `side` pixels."""
    height, width = field.shape
    return np.asarray(field.reshape(height // side, side, width // side, side).mean((1, 3)), dtype=np.float64)
