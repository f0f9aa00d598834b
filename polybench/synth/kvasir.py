"""Synthetic endoscopy images with the appearance of Kvasir-SEG (Jha et al., MMM 2020).

They are polyp frames, cropped so that the octagonal view fills the image, with the processor's white text at the left
(blocks, not letters: no name or date is imitated) and, in every other one, the black or green inset at the bottom. They
differ from the real ones as described in `polyps`.
"""

import numpy as np
import numpy.typing as npt

from polybench.synth.polyps import polyp_frame

_MARGIN = 0.07  # of the drawn frame, cropped on each side
_BOX = (0.67, 0.32)  # where the box begins (share of height) and ends (share of width)
_GREEN = (20, 160, 130)
_TEXT = ((0.28, 5), (0.32, 4), (0.36, 8), (0.40, 7), (0.46, 6))  # lines: share of height, blocks


def kvasir_frame(
    seed: int, scene: int, *, size: tuple[int, int] = (530, 622)
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_]]:
    """Draw one image.

    Args:
        seed: Seed of the dataset; at least 0.
        scene: Number of the colon and polyp; at least 0.
        size: Height and width in pixels.

    Returns:
        The image (H, W, 3) and the mask of the visible polyp (H, W).

    Raises:
        ConfigError: If a number is negative or the size too small.
    """
    height, width = size
    top, left = round(_MARGIN * height), round(_MARGIN * width)
    whole_image, whole_mask = polyp_frame(seed, scene, 0, size=(height + 2 * top, width + 2 * left))
    cut = np.s_[top : top + height, left : left + width]
    image, mask = whole_image[cut].copy(), whole_mask[cut].copy()
    rng = np.random.default_rng((seed, scene, 2**32))
    _write_text(image, rng)
    box = np.s_[round(_BOX[0] * height) :, : round(_BOX[1] * width)]
    if rng.random() < 0.5 and mask[box].sum() < 0.2 * mask.sum():
        mask[box] = False
        image[box] = 0
        if rng.random() < 0.4:
            inner = np.s_[round((_BOX[0] + 0.01) * height) : -max(1, height // 40), max(1, width // 25) : box[1].stop]
            image[inner] = _GREEN
            _draw_endoscope(image[inner])
    return image, mask


def _write_text(image: npt.NDArray[np.uint8], rng: np.random.Generator) -> None:
    """Draw lines of white blocks with the size and spacing of letters."""
    height, width, _ = image.shape
    side = max(1, height // 90)
    for place, blocks in _TEXT:
        row = round(place * height)
        for column in side * np.flatnonzero(rng.random(2 * blocks) < 0.8) * 2 + round(0.01 * width):
            image[row : row + side, column : column + side] = rng.integers(200, 256)


def _draw_endoscope(inset: npt.NDArray[np.uint8]) -> None:
    """Draw a dark winding line, the shape of the endoscope."""
    height, width, _ = inset.shape
    t = np.linspace(0, 1, 4 * height)
    row = (height * (0.98 - 0.7 * t)).astype(np.int64)
    column = (width * (0.6 + 0.15 * np.sin(5 * t))).astype(np.int64)
    for shift in range(max(1, width // 40)):
        inset[row, (column + shift).clip(0, width - 1)] = (10, 70, 60)
