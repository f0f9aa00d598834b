"""Losses that segmentation-models-pytorch lacks."""

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class BCEDiceLoss(nn.Module):
    """Binary cross-entropy plus Dice loss with squared denominators (EFEN, eqs. 10 to 12).

    The Dice term of an image is ``1 - (2 sum(p g) + theta) / (sum(p^2) + sum(g^2) + theta)`` with p the sigmoid of the
    logits and g the mask, summed over the pixels of one image as in the paper, and averaged over the batch.

    Args:
        theta: Smoothing term; 1 as in the paper.
    """

    version: ClassVar[int] = 1

    def __init__(self, theta: float = 1.0) -> None:
        super().__init__()
        self.theta = theta

    def forward(self, logits: Tensor, mask: Tensor, valid: Tensor) -> Tensor:
        """Compute the loss of a batch.

        Args:
            logits: Raw outputs, (N, C, H, W).
            mask: Targets in {0, 1}, (N, C, H, W).
            valid: Field of view in {0, 1}, (N, 1, H, W); pixels outside are ignored.

        Returns:
            A scalar, in float32 also under mixed precision.
        """
        logits = logits.float()
        valid = valid.expand_as(mask)
        pixels = F.binary_cross_entropy_with_logits(logits, mask, reduction="none") * valid
        cross_entropy = pixels.sum() / valid.sum().clamp(min=1)
        probability = torch.sigmoid(logits) * valid
        target = mask * valid
        axes = (-2, -1)
        overlap = 2 * (probability * target).sum(axes) + self.theta
        squares = probability.square().sum(axes) + target.square().sum(axes) + self.theta
        return cross_entropy + (1 - overlap / squares).mean()
