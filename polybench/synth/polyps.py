"""Synthetic colonoscopy frames with the appearance of CVC-ClinicDB (Bernal et al., CMIG 2015).

They replace real frames where data can't be shipped or downloaded. They differ in that no image shows a patient and
that every outline is exact. Each frame is a pure function of (seed, sequence, frame), so that a frame can be made
without the others.
"""

import numpy as np
import numpy.typing as npt

from polybench.core.errors import ConfigError
from polybench.synth.polyps_render import render
from polybench.synth.polyps_scene import make_scene


def polyp_frame(
    seed: int, sequence: int, frame: int, *, size: tuple[int, int] = (288, 384)
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_]]:
    """Draw one frame of one sequence.

    Args:
        seed: Seed of the dataset; at least 0.
        sequence: Number of the colon and polyp; at least 0 (the README of a written dataset counts from 1).
        frame: Time within the sequence, at least 0; neighbouring frames look alike.
        size: Height and width in pixels.

    Returns:
        The image (H, W, 3) and the mask of the visible polyp (H, W).

    Raises:
        ConfigError: If a number is negative or the size is smaller than 16 pixels.
    """
    if min(seed, sequence, frame) < 0 or min(size) < 16:
        raise ConfigError(
            f"No synthetic frame has seed {seed}, sequence {sequence}, frame {frame}, size {size}: "
            "use numbers of at least 0 and at least 16 pixels."
        )
    return render(make_scene(seed, sequence), frame, np.random.default_rng((seed, sequence, 1 + frame)), size)
