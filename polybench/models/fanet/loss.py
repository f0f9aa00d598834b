"""FANet's loss: cross-entropy and Dice in equal parts.

Paper: Tomar et al., "FANet: A Feedback Attention Network for Improved Biomedical Image Segmentation", 2022, describes a
combined binary cross-entropy and Dice loss; this follows the released code. Ours ignores pixels outside the field of
view, which the paper doesn't have.
"""

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class FANetLoss(nn.Module):
    """``(BCE + 1 - (2 sum(p g) + 1) / (sum(p) + sum(g) + 1)) / 2``, p the sigmoid of the logits and g the mask.

    The sums run over the pixels of the whole batch.
    """

    version: ClassVar[int] = 1

    def forward(self, logits: Tensor, mask: Tensor, valid: Tensor) -> Tensor:
        """Compute the loss of a batch.

        Args:
            logits: Raw outputs, (N, 1, H, W).
            mask: Targets in {0, 1}, (N, 1, H, W).
            valid: Field of view in {0, 1}, (N, 1, H, W); pixels outside count in neither term.

        Returns:
            A scalar, in float32 also under mixed precision.
        """
        logits = logits.float()
        pixels = F.binary_cross_entropy_with_logits(logits, mask, reduction="none") * valid
        cross_entropy = pixels.sum() / valid.sum().clamp(min=1)
        probability, target = torch.sigmoid(logits) * valid, mask * valid
        dice = (2 * (probability * target).sum() + 1) / (probability.sum() + target.sum() + 1)
        return (cross_entropy + 1 - dice) / 2
