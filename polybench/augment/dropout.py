"""Coarse dropout: square holes in the image, not in the mask.

DeVries & Taylor, "Improved Regularization of Convolutional Neural Networks with Cutout", 2017, with several holes, each
completely inside the image as in albumentations' `CoarseDropout` (Cutout's single hole may cross the edge).
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from polybench.augment.operations import PixelOperation, uniform


@dataclass(frozen=True)
class CoarseDropout(PixelOperation):
    """Black squares at random positions, which may overlap.

    Args:
        holes: Number of holes.
        share: Their side, as a share of the image's shorter side; rounded to integer pixels, at least 1.
    """

    holes: int = 8
    share: float = 1 / 8

    def draw(self, generator: torch.Generator) -> tuple[float, ...]:
        """Draw the position of each hole, y and x, as shares of the possible positions."""
        return uniform(generator, *[(0, 1)] * (2 * self.holes))

    def apply(self, images: Tensor, parameters: Tensor) -> Tensor:
        """Cut the holes into images (n, 3, H, W)."""
        height, width = images.shape[-2:]
        side = max(1, round(self.share * min(height, width)))
        places = parameters.view(len(images), self.holes, 2, 1)
        rows = _inside(places[:, :, 0], height, side).to(images)
        columns = _inside(places[:, :, 1], width, side).to(images)
        covered = rows.transpose(1, 2) @ columns
        return images * (covered == 0)[:, None]


def _inside(places: Tensor, length: int, side: int) -> Tensor:
    """Return which pixels of an axis each hole covers (n, holes, length), for positions (n, holes, 1)."""
    offsets = torch.arange(length) - (places * (length - side + 1)).floor()
    return (offsets >= 0) & (offsets < side)
