"""Conversion of image arrays to a net's input, and of its predictions to native size."""

import torch
from torch import Tensor

from polybench.data.images import UInt8Array, resize_image
from polybench.metrics.measures.labels import Mask
from polybench.metrics.prepare import THRESHOLD, native_parts, resize_affine, to_native_size


def as_input(image: UInt8Array, size: tuple[int, int] | None) -> Tensor:
    """Convert an image (h, w, 3) to a batch of one: RGB in [0, 1], (1, 3, H, W), float32.

    Args:
        image: The image.
        size: Height and width of the net's input; None for the size of the image.
    """
    pixels = image if size is None else resize_image(image, size)
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].float() / 255


def mask_at_native_size(probability: Tensor, image: UInt8Array) -> Mask:
    """Resize a prediction (1, H, W) to the size of its image and threshold it at 0.5, (h, w)."""
    native, size = (image.shape[0], image.shape[1]), (probability.shape[-2], probability.shape[-1])
    parts = native_parts(probability, resize_affine(size, native), native)
    mask: Mask = torch.cat([part[0] >= THRESHOLD for part in parts]).cpu().numpy()
    return mask


def at_native_size(probability: Tensor, image: UInt8Array) -> Tensor:
    """Resize a prediction (1, H, W) to the size of its image, (h, w)."""
    native, size = (image.shape[0], image.shape[1]), (probability.shape[-2], probability.shape[-1])
    return to_native_size(probability, resize_affine(size, native), native)[0]
