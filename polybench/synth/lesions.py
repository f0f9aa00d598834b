"""Synthetic dermoscopy images with the appearance of ISIC 2018 task 1 (Codella et al., arXiv:1902.03368).

They replace real images where data can't be shipped or downloaded. They differ in that no image shows a patient,
that every outline is exact, and that lesions cover 2 to 70 % of the image. Each image is a pure function of
(seed, index).
"""

import numpy as np
import numpy.typing as npt

from polybench.core.errors import ConfigError
from polybench.synth.lesions_render import render
from polybench.synth.lesions_scene import make_scene

_SMALLEST = 32


def lesion_frame(
    seed: int, index: int, *, size: tuple[int, int] = (192, 256)
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_]]:
    """Draw one skin lesion.

    Args:
        seed: Seed of the dataset; at least 0.
        index: Number of the lesion; at least 0.
        size: Height and width in pixels, at least 32.

    Returns:
        The image (H, W, 3) and the lesion's mask (H, W), one connected region without holes.

    Raises:
        ConfigError: If a number is negative or the size too small.
    """
    if min(seed, index) < 0 or min(size) < _SMALLEST:
        raise ConfigError(
            f"No synthetic lesion has seed {seed}, index {index}, size {size}: "
            f"use numbers of at least 0 and at least {_SMALLEST} pixels."
        )
    scene = make_scene(np.random.default_rng((seed, index, 0)))
    return render(scene, np.random.default_rng((seed, index, 1)), size)
