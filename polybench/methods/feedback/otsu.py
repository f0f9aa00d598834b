"""The first mask of an image: the bright side of Otsu's threshold, after a slight blur.

Paper: Otsu, "A threshold selection method from gray-level histograms", 1979; FANet (Tomar et al., IEEE TNNLS 2022)
starts from it. The steps are those of FANet's released code with OpenCV: 8-bit grey at network size, a Gaussian of 5x5
(1 4 6 4 1), the threshold over the whole frame. On endoscopy with a dark frame that selects nearly all of the visible
disc; a dataset's field of view can be given instead, and then counts alone.
"""

import torch
from torch import Tensor

LEVELS = 256
_BINOMIAL = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)


def otsu_masks(images: Tensor, valid: Tensor | None = None) -> Tensor:
    """Make masks of the pixels above Otsu's threshold.

    Args:
        images: RGB in [0, 1], (N, 3, H, W), at least 3x3.
        valid: Fields of view in {0, 1}, (N, 1, H, W): the threshold is that of the pixels inside, and the mask ends
            with them. None for the whole frame, as released.

    Returns:
        Boolean masks (N, 1, H, W); empty where all pixels are equal.
    """
    from kornia.color import rgb_to_grayscale  # imported when needed, so that fits start sooner
    from kornia.filters import filter2d_separable

    grey = rgb_to_grayscale((images.float() * 255).round()).round()
    kernel = grey.new_tensor([_BINOMIAL])
    levels = filter2d_separable(grey, kernel, kernel, border_type="reflect").round().long()
    inside = torch.ones_like(levels, dtype=torch.bool) if valid is None else valid > 0
    thresholds = otsu_thresholds(_histograms(levels, inside))
    return (levels > thresholds.view(-1, 1, 1, 1)) & inside


def otsu_thresholds(histograms: Tensor) -> Tensor:
    """Find the level that separates best, where the variance between the two sides is largest.

    Args:
        histograms: Pixels of each level, (N, L), integers.

    Returns:
        Levels (N,), the first of several that are as good: up to it pixels are dark, above it bright. The highest level
        where there is nothing to separate.
    """
    counts = histograms.double()
    levels = torch.arange(counts.shape[1], device=counts.device, dtype=counts.dtype)
    pixels, mass = counts.cumsum(1), (counts * levels).cumsum(1)
    n, total = pixels[:, -1:], mass[:, -1:]
    apart = (total * pixels - n * mass).square() / (pixels * (n - pixels)).clamp(min=1)
    best, threshold = apart.max(1)
    return torch.where(best > 0, threshold, counts.shape[1] - 1)


def _histograms(levels: Tensor, inside: Tensor) -> Tensor:
    """Count the pixels (N, 1, H, W) inside by level, (N, 256)."""
    outside = torch.full_like(levels, LEVELS)
    bins = torch.where(inside, levels, outside).flatten(1)
    rows = torch.arange(len(bins), device=bins.device)[:, None] * (LEVELS + 1)
    counts = torch.bincount((bins + rows).flatten(), minlength=len(bins) * (LEVELS + 1))
    return counts.view(-1, LEVELS + 1)[:, :LEVELS]
