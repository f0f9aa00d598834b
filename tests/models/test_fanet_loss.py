"""FANet's loss against another library's terms."""

import segmentation_models_pytorch as smp
import torch
from torch.nn import functional as F

from polybench.models.fanet import FANetLoss


def batch() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(3, 1, 6, 7, generator=generator)
    return logits, (torch.rand(3, 1, 6, 7, generator=generator) > 0.6).float()


def test_is_half_cross_entropy_and_half_dice_over_the_batch() -> None:
    logits, mask = batch()
    dice = smp.losses.DiceLoss(mode="binary", smooth=0.5)(logits, mask)  # which it adds to halves of both sums
    expected = (F.binary_cross_entropy_with_logits(logits, mask) + dice) / 2
    torch.testing.assert_close(FANetLoss()(logits, mask, torch.ones_like(mask)), expected)


def test_pixels_outside_the_field_of_view_count_in_no_term() -> None:
    logits, mask = batch()
    valid = torch.ones_like(mask)
    valid[..., 4:, :] = 0
    expected = FANetLoss()(logits[..., :4, :], mask[..., :4, :], valid[..., :4, :])
    torch.testing.assert_close(FANetLoss()(logits, mask, valid), expected)


def test_half_precision_is_computed_in_single() -> None:
    logits, mask = batch()
    assert FANetLoss()(logits.bfloat16(), mask, torch.ones_like(mask)).dtype == torch.float32
