"""Writing of generated images in the file types of the distributions."""

from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from polybench.core.disk import make_folder, writing

Size = tuple[int, int]
Pixels = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
MaskMode = Literal["L", "1", "RGB"]


def save_image(path: Path, pixels: Pixels, mode: Literal["RGB", "RGBA"] = "RGB") -> None:
    """Write an image (H, W, 3) in the type of its suffix."""
    _save(path, Image.fromarray(pixels).convert(mode))


def save_mask(path: Path, mask: Mask, mode: MaskMode = "L") -> None:
    """Write a mask (H, W) as 0 and 255 (or one bit); JPEG compression adds grey edges."""
    grey = Image.fromarray(np.where(mask, np.uint8(255), np.uint8(0)))
    _save(path, grey if mode == "L" else grey.convert(mode, dither=Image.Dither.NONE))


def save_stack(path: Path, slices: Pixels) -> None:
    """Write slices (N, H, W) as the pages of one TIFF."""
    head, *rest = [Image.fromarray(page) for page in slices]
    make_folder(path.parent)
    with writing(path):
        head.save(path, save_all=True, append_images=rest)


def _save(path: Path, image: Image.Image) -> None:
    make_folder(path.parent)
    with writing(path):
        if path.suffix == ".jpg":
            image.save(path, quality=95)
        elif path.suffix == ".gif":
            image.save(path, optimize=False)  # an optimised file has a palette instead of greys
        else:
            image.save(path)
