"""Points of images: reading maps there, and choosing them for training and for refinement.

Points (x, y) are in pixels of the image; the centre of the pixel in the upper left corner is (0.5, 0.5).
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from polybench.core.randomness import generator

OUTSIDE = -1e9
"""Uncertainty of a point outside the field of view: it is chosen last."""


class Counts(NamedTuple):
    """How training points are chosen.

    Attributes:
        drawn: Points of an image whose uncertainty is compared.
        uncertain: Those of them that are taken, the most uncertain.
        random: Further points, taken wherever they lie.
    """

    drawn: int
    uncertain: int
    random: int


def sample(maps: Tensor, points: Tensor, stride: int = 1) -> Tensor:
    """Read maps at points, bilinearly between the centres of their pixels and constant beyond the outermost.

    Args:
        maps: (N, C, h, w).
        points: (N, P, 2).
        stride: Pixels of the image, along each side, for one of the maps, which start in the same corner.

    Returns:
        (N, C, P), float32.
    """
    height, width = maps.shape[-2:]
    extent = torch.tensor([width * stride, height * stride], device=points.device)
    grid = (2 * points / extent - 1).unsqueeze(2)
    return F.grid_sample(maps.float(), grid, "bilinear", "border", align_corners=False).squeeze(3)


def inside(valid: Tensor, points: Tensor) -> Tensor:
    """Whether the pixels of points are in the field of view.

    Args:
        valid: Field of view in {0, 1}, (N, 1, H, W).
        points: (N, P, 2).

    Returns:
        (N, 1, P), float32 in {0, 1}.
    """
    height, width = valid.shape[-2:]
    x = points[..., 0].long().clamp(0, width - 1)
    y = points[..., 1].long().clamp(0, height - 1)
    return valid.flatten(2).gather(2, (y * width + x).unsqueeze(1))


def draw(keys: Sequence[tuple[int | str, ...]], count: int, size: tuple[int, int]) -> Tensor:
    """Draw points, uniformly over the image.

    Args:
        keys: Key of each image, on which its points depend alone: (seed, epoch, id).
        count: Points of each.
        size: Height and width of the image.

    Returns:
        (N, count, 2), on the CPU.
    """
    drawn = [torch.rand(count, 2, generator=generator("points", *key)) for key in keys]
    return torch.stack(drawn) * torch.tensor([size[1], size[0]])


def choose(points: Tensor, coarse: Tensor, valid: Tensor, counts: Counts, stride: int) -> Tensor:
    """Choose training points among those that were drawn.

    Args:
        points: `counts.drawn + counts.random` points of each image, (N, P, 2).
        coarse: Coarse logits (N, 1, h, w), whose distance from 0 is certainty.
        valid: Field of view in {0, 1}, (N, 1, H, W); points outside are uncertain only where no others are left.
        counts: How many are drawn and taken.
        stride: Pixels of the image for one of `coarse`.

    Returns:
        (N, `counts.uncertain + counts.random`, 2).
    """
    drawn, random = points[:, : counts.drawn], points[:, counts.drawn :]
    uncertainty = -sample(coarse.detach(), drawn, stride).abs()
    uncertainty = uncertainty.masked_fill(inside(valid, drawn) == 0, OUTSIDE).squeeze(1)
    found = uncertainty.topk(counts.uncertain, dim=1, sorted=False).indices
    taken = drawn.gather(1, found.unsqueeze(2).expand(-1, -1, 2))
    return torch.cat([taken, random], dim=1)


def most_uncertain(logits: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Find the pixels whose logits are nearest to 0.

    Args:
        logits: (N, 1, H, W).
        count: Pixels of each image.

    Returns:
        Their row-major indices (N, count), and their centres (N, count, 2).
    """
    width = logits.shape[-1]
    found = logits.flatten(1).abs().topk(count, dim=1, largest=False, sorted=False).indices
    centres = torch.stack([found % width, found.div(width, rounding_mode="floor")], dim=2)
    return found, centres + 0.5


def point_loss(logits: Tensor, target: Tensor, counted: Tensor) -> Tensor:
    """Binary cross-entropy at points: a mean over the counted points of an image, then over images.

    Args:
        logits: (N, 1, P).
        target: The mask at the points, in [0, 1] since it is read between pixels, (N, 1, P).
        counted: 1 for points that count, 0 for others, (N, 1, P).

    Returns:
        A scalar, in float32 also under mixed precision. An image without a counted point adds 0.
    """
    losses = F.binary_cross_entropy_with_logits(logits.float(), target, reduction="none") * counted
    return (losses.sum((1, 2)) / counted.sum((1, 2)).clamp(min=1)).mean()
