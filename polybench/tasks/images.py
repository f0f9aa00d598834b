"""Conversion of image arrays to a net's input, and of its predictions to native size."""

import numpy as np
import torch
from torch import Tensor

from polybench.core.errors import ConfigError
from polybench.data.fitting import STRETCH, Fitting, Placement
from polybench.data.images import UInt8Array
from polybench.metrics.measures.labels import Mask
from polybench.metrics.prepare import THRESHOLD, native_parts, to_native_size


def refuse_no_image(image: object) -> None:
    """Refuse what is no image (h, w, 3), RGB, uint8.

    Raises:
        ConfigError: If it isn't one.
    """
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        what = f"{image.dtype} {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
        raise ConfigError(f"An image must be a uint8 array (h, w, 3), RGB, not {what}.")


def as_input(image: UInt8Array, size: tuple[int, int] | None, fitting: Fitting = STRETCH) -> Tensor:
    """Convert an image (h, w, 3) to a batch of one: RGB in [0, 1], (1, 3, H, W), float32.

    Args:
        image: The image.
        size: Height and width of the net's input; None for the size of the image.
        fitting: How the image is fitted to that size.
    """
    native = (image.shape[0], image.shape[1])
    pixels = image if size is None else fitting.placement(native, size).image(image, fitting.pad_value)
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].float() / 255


def mask_at_native_size(probability: Tensor, image: UInt8Array, fitting: Fitting = STRETCH) -> Mask:
    """Resize a prediction (1, H, W) to the size of its image and threshold it at 0.5, (h, w)."""
    place = _placement(probability, image, fitting)
    parts = native_parts(probability, place.to_native, place.native)
    mask: Mask = torch.cat([part[0] >= THRESHOLD for part in parts]).cpu().numpy()
    return mask


def at_native_size(probability: Tensor, image: UInt8Array, fitting: Fitting = STRETCH) -> Tensor:
    """Resize a prediction (1, H, W) to the size of its image, (h, w)."""
    place = _placement(probability, image, fitting)
    return to_native_size(probability, place.to_native, place.native)[0]


def without_padding(probability: Tensor, image: UInt8Array, fitting: Fitting = STRETCH) -> Tensor:
    """Cut the padding of a letterboxed image off its prediction (..., H, W); the rest covers the whole image."""
    return _placement(probability, image, fitting).crop(probability)


def _placement(probability: Tensor, image: UInt8Array, fitting: Fitting) -> Placement:
    size = (probability.shape[-2], probability.shape[-1])
    return fitting.placement((image.shape[0], image.shape[1]), size)
