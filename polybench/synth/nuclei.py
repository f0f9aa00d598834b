"""Synthetic nuclei with instance labels, after the 2018 Data Science Bowl (Caicedo et al., Nature Methods 2019).

Of twenty frames, sixteen show fluorescence, two stained tissue, one or two a stained smear, and every fortieth frame
cytology in grey: the
shares of the real dataset. It differs in that all frames of a call have the given size, while the real ones have nine
sizes, and in that outlines are exact.
"""

from typing import Literal

import numpy as np
import numpy.typing as npt

from polybench.core.errors import ConfigError
from polybench.synth.nuclei_render import cytology, fluorescence, smear, tissue
from polybench.synth.nuclei_scene import Labels

Modality = Literal["fluorescence", "tissue", "smear", "cytology"]

_BLOCK: tuple[Modality, ...] = (*("fluorescence",) * 16, "tissue", "tissue", "smear")


def nuclei_modality(seed: int, index: int) -> Modality:
    """Return the modality of a frame; the order is shuffled within each block of twenty."""
    block, place = divmod(index, len(_BLOCK) + 1)
    modalities: tuple[Modality, ...] = (*_BLOCK, "cytology" if block % 2 else "smear")
    return modalities[int(np.random.default_rng((seed, block, 0)).permutation(len(modalities))[place])]


def nuclei_frame(seed: int, index: int, *, size: tuple[int, int] = (256, 256)) -> tuple[npt.NDArray[np.uint8], Labels]:
    """Draw one frame.

    Args:
        seed: Seed of the dataset; at least 0.
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
    draw = {"fluorescence": fluorescence, "tissue": tissue, "smear": smear, "cytology": cytology}
    image, labels = draw[nuclei_modality(seed, index)](np.random.default_rng((seed, index, 1)), size)
    return np.rint(image.clip(0, 255)).astype(np.uint8), labels
