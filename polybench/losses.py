"""Losses that segmentation-models-pytorch lacks."""

from collections.abc import Mapping
from typing import Any, ClassVar

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


class ProbabilityL1Loss(nn.Module):
    """Mean absolute difference of probabilities and mask over the pixels of a batch (pix2pix, eq. 3)."""

    version: ClassVar[int] = 1

    def forward(self, logits: Tensor, mask: Tensor, valid: Tensor) -> Tensor:
        """Compute the loss of a batch.

        Args:
            logits: Raw outputs, (N, C, H, W).
            mask: Targets in {0, 1}, (N, C, H, W).
            valid: Field of view in {0, 1}, (N, 1, H, W); pixels outside are ignored.

        Returns:
            A scalar, in float32 also under mixed precision.
        """
        apart = (torch.sigmoid(logits.float()) - mask).abs() * valid
        return apart.sum() / valid.expand_as(mask).sum().clamp(min=1)


class StructureLoss(nn.Module):
    """Weighted cross-entropy plus weighted IoU loss, both of which count pixels near boundaries more (PraNet, eq. 5).

    The weight of a pixel is ``w = 1 + 5 |mean31(g) - g|``, mean31 the mean of the mask over 31x31 pixels around it. The
    IoU term of an image is ``1 - (sum(w p g) + 1) / (sum(w (p + g - p g)) + 1)`` with p the sigmoid of the logits. The
    cross-entropy is weighted as the paper prints it; the released code averages it over all pixels first, so that its
    weights cancel. Outputs of deep supervision are summed by the task.
    """

    version: ClassVar[int] = 1

    def forward(self, logits: Tensor, mask: Tensor, valid: Tensor) -> Tensor:
        """Compute the loss of a batch.

        Args:
            logits: Raw outputs, (N, C, H, W).
            mask: Targets in {0, 1}, (N, C, H, W).
            valid: Field of view in {0, 1}, (N, 1, H, W); pixels outside are ignored.

        Returns:
            A scalar, in float32 also under mixed precision: a mean over images and classes.
        """
        logits = logits.float()
        weights = boundary_weights(mask, valid)
        of_pixels = _weighted_mean(self.of_pixels(logits, mask), weights)
        probability = torch.sigmoid(logits)
        overlap = (weights * probability * mask).sum(_PLACES)
        union = (weights * (probability + mask)).sum(_PLACES) - overlap
        return (of_pixels + 1 - (overlap + 1) / (union + 1)).mean()

    def of_pixels(self, logits: Tensor, mask: Tensor) -> Tensor:
        """Compute the cross-entropy of each pixel, (N, C, H, W)."""
        return F.binary_cross_entropy_with_logits(logits, mask, reduction="none")


class FocalStructureLoss(StructureLoss):
    """`StructureLoss` with a focal loss (Lin et al., ICCV 2017) in place of the cross-entropy, as ColonFormer has it.

    The loss of a pixel is ``a (1 - q)^2`` times its cross-entropy, q the probability of the class that it has, a 0.25
    for the foreground and 0.75 for the background. It is weighted as the paper prints it; the released code averages it
    over all pixels first, so that its weights cancel.
    """

    version: ClassVar[int] = 1

    foreground: ClassVar[float] = 0.25
    """The factor a of the foreground."""

    def of_pixels(self, logits: Tensor, mask: Tensor) -> Tensor:
        """Compute the focal loss of each pixel, (N, C, H, W)."""
        cross_entropy = super().of_pixels(logits, mask)
        factor = self.foreground * mask + (1 - self.foreground) * (1 - mask)
        return factor * (1 - torch.exp(-cross_entropy)) ** 2 * cross_entropy


class TransFuseLoss(nn.Module):
    """`StructureLoss` of TransFuse's three outputs, weighed 0.5, 0.3 and 0.2 (TransFuse, section 2, and its code).

    The terms are those of the fused logits, of the transformer's own and of the coarse fused ones. In evaluation, where
    a net returns its prediction alone, the first term is the only one.
    """

    version: ClassVar[int] = 1

    terms: ClassVar[Mapping[str, float]] = {"fused": 0.5, "transformer": 0.3, "coarse": 0.2}
    """Name of a term -> its weight, in the order of the outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.structure = StructureLoss()

    def forward(self, outputs: Tensor | list[Tensor], batch: Mapping[str, Any]) -> dict[str, Tensor]:
        """Compute the terms of a batch.

        Args:
            outputs: Raw logits (N, 1, H, W), or a list of three of them, the prediction first.
            batch: Has `mask` and `valid`, (N, 1, H, W).

        Returns:
            Name of each term -> a scalar, in float32 also under mixed precision.
        """
        several = outputs if isinstance(outputs, list) else [outputs]
        return {
            name: weight * self.structure(logits, batch["mask"], batch["valid"])
            for (name, weight), logits in zip(self.terms.items(), several, strict=False)
        }


class UACANetLoss(nn.Module):
    """Weighted cross-entropy plus weighted IoU of single pixels, as the released code of UACANet has it.

    The weights are those of `StructureLoss`. The IoU term of a pixel is ``1 - (p g + 1) / (p + g - p g + 1)``, where
    that of `StructureLoss` is of sums over the image. Both terms are weighted means over the pixels of an image.
    Outputs of deep supervision are summed by the task.
    """

    version: ClassVar[int] = 1

    def forward(self, logits: Tensor, mask: Tensor, valid: Tensor) -> Tensor:
        """Compute the loss of a batch.

        Args:
            logits: Raw outputs, (N, C, H, W).
            mask: Targets in {0, 1}, (N, C, H, W).
            valid: Field of view in {0, 1}, (N, 1, H, W); pixels outside are ignored.

        Returns:
            A scalar, in float32 also under mixed precision: a mean over images and classes.
        """
        logits = logits.float()
        probability = torch.sigmoid(logits)
        overlap = probability * mask
        iou = 1 - (overlap + 1) / (probability + mask - overlap + 1)
        cross_entropy = F.binary_cross_entropy_with_logits(logits, mask, reduction="none")
        return _weighted_mean(cross_entropy + iou, boundary_weights(mask, valid)).mean()


def boundary_weights(mask: Tensor, valid: Tensor) -> Tensor:
    """Weigh pixels by how much a mask differs from its mean over 31x31 pixels around them.

    Args:
        mask: g, targets in {0, 1}, (N, C, H, W); beyond the image it is 0.
        valid: Field of view in {0, 1}, (N, 1, H, W).

    Returns:
        ``1 + 5 |mean31(g) - g|``, from 1 to 6, and 0 outside of the field of view, (N, C, H, W).
    """
    mean = F.avg_pool2d(mask, kernel_size=31, stride=1, padding=15)
    return (1 + 5 * (mean - mask).abs()) * valid


_PLACES = (-2, -1)


def _weighted_mean(values: Tensor, weights: Tensor) -> Tensor:
    """Weighted means over places, (N, C), of values (N, C, H, W)."""
    return (weights * values).sum(_PLACES) / weights.sum(_PLACES).clamp(min=1)
