"""Trivial baselines of segmentation, which a trained net must beat."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor


def all_background(images: Tensor) -> Tensor:
    """Predict background everywhere: zeros (N, 1, H, W) for images (N, 3, H, W)."""
    return torch.zeros_like(images[:, :1])


def all_foreground(images: Tensor) -> Tensor:
    """Predict foreground everywhere: ones (N, 1, H, W) for images (N, 3, H, W)."""
    return torch.ones_like(images[:, :1])


def otsu(images: Tensor) -> Tensor:
    """Predict the pixels above Otsu's threshold of the grey image.

    Not the first mask of a net that is shown masks, which is made in 8 bits after a blur.

    Args:
        images: RGB in [0, 1], (N, 3, H, W).

    Returns:
        {0, 1}, (N, 1, H, W).
    """
    from kornia.color import rgb_to_grayscale  # imported when needed, so that fits start sooner
    from kornia.filters import otsu_threshold

    grey = rgb_to_grayscale(images)
    thresholds = torch.stack([otsu_threshold(image[None])[1].reshape(()) for image in grey])
    return (grey > thresholds.view(-1, 1, 1, 1)).to(images.dtype)


BASELINES: Mapping[str, Callable[[Tensor], Tensor]] = {
    "all_background": all_background,
    "all_foreground": all_foreground,
    "otsu_threshold": otsu,
}
