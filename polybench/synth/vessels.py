"""Synthetic fundus photographs in the style of DRIVE (Staal et al., TMI 2004) and CHASE_DB1 (Fraz et al., TBME 2012).

They replace real images where data can't be shipped or downloaded. They differ in that no image shows a person, and in
that the vessel mask is exact and not drawn by an observer. Each image is a pure function of (seed, index, eye, field).
"""

from typing import Literal

import numpy as np
import numpy.typing as npt

from polybench.core.errors import ConfigError
from polybench.synth.vessels_appearance import make_appearance
from polybench.synth.vessels_render import render
from polybench.synth.vessels_scene import FIELDS, make_retina

_SMALLEST = 32


def fundus_frame(
    seed: int,
    index: int,
    *,
    size: tuple[int, int] = (584, 565),
    eye: Literal["left", "right"] = "left",
    field: Literal["drive", "chase"] = "drive",
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Draw one eye of one person.

    Args:
        seed: Seed of the dataset; at least 0.
        index: Number of the person; at least 0. Both eyes share colours and the course of their arcades, mirrored.
        size: Height and width in pixels, at least 32; CHASE_DB1 has (960, 999).
        eye: A left eye has its optic disc left of the macula.
        field: `drive` is 45 degrees wide and centred near the macula, `chase` 30 degrees and centred on the disc.

    Returns:
        The image (H, W, 3), its vessels (H, W), which lie inside the field of view, and the field of view (H, W).

    Raises:
        ConfigError: If a number is negative, the size too small, or eye or field unknown.
    """
    if min(seed, index) < 0 or min(size) < _SMALLEST:
        raise ConfigError(
            f"No synthetic fundus has seed {seed}, index {index}, size {size}: "
            f"use numbers of at least 0 and at least {_SMALLEST} pixels."
        )
    if eye not in ("left", "right") or field not in FIELDS:
        raise ConfigError(f"No synthetic fundus has eye '{eye}', field '{field}': use left or right, drive or chase.")
    person = np.random.default_rng((seed, index, 0))
    own = np.random.default_rng((seed, index, 1 if eye == "left" else 2))
    retina = make_retina(person, own, field)
    return render(retina, make_appearance(person, field), own, size, eye, field)
