"""Prepare a probability map for a protocol: bring it to an image's native size."""

import torch
from torch import Tensor
from torch.nn import functional as F


def resize_affine(size: tuple[int, int], native: tuple[int, int]) -> Tensor:
    """The (2, 3) map from network to native pixels that undoes a plain resize; pixel centres are integers.

    Args:
        size: Network height and width.
        native: Native height and width.
    """
    sy, sx = native[0] / size[0], native[1] / size[1]
    return torch.tensor([[sx, 0.0, (sx - 1) / 2], [0.0, sy, (sy - 1) / 2]], dtype=torch.float32)


def to_native_size(probability: Tensor, to_native: Tensor, size: tuple[int, int]) -> Tensor:
    """Sample a network-size map at the centres of the native pixels, bilinear, edges repeated.

    For a plain resize this is `interpolate(mode="bilinear", align_corners=False)`; a letterbox is cut off.

    Args:
        probability: Map at network size, (C, H, W), in [0, 1].
        to_native: Affine map (2, 3) from network to native pixels (x, y, 1), pixel centres at integers.
        size: Native height and width.

    Returns:
        Map at native size, (C, h, w), float32.
    """
    height, width = probability.shape[-2:]
    (a, b, tx), (c, d, ty) = to_native.double().tolist()
    determinant = a * d - b * c
    y, x = torch.meshgrid(
        torch.arange(size[0], device=probability.device, dtype=torch.float32) - ty,
        torch.arange(size[1], device=probability.device, dtype=torch.float32) - tx,
        indexing="ij",
    )
    network_x, network_y = (d * x - b * y) / determinant, (a * y - c * x) / determinant
    grid = torch.stack([(2 * network_x + 1) / width - 1, (2 * network_y + 1) / height - 1], dim=-1)
    with torch.autocast(probability.device.type, enabled=False):  # mixed precision is for nets, not for coordinates
        sampled = F.grid_sample(
            probability.float()[None], grid[None], mode="bilinear", padding_mode="border", align_corners=False
        )
    return sampled[0]
