import pytest
import torch

from polybench.losses import BCEDiceLoss


def test_value_by_hand() -> None:
    logits = torch.zeros(1, 1, 1, 2)
    mask = torch.tensor([[[[1.0, 0.0]]]])
    dice = 1 - (2 * 0.5 + 1) / (2 * 0.25 + 1 + 1)
    expected = torch.log(torch.tensor(2.0)) + dice
    torch.testing.assert_close(BCEDiceLoss()(logits, mask, torch.ones_like(mask)), expected)


def test_perfect_prediction_costs_nothing() -> None:
    mask = (torch.rand(2, 1, 8, 8, generator=torch.Generator().manual_seed(0)) > 0.5).float()
    logits = (mask * 2 - 1) * 100
    assert BCEDiceLoss()(logits, mask, torch.ones_like(mask)).item() == pytest.approx(0, abs=1e-6)


def test_empty_mask_and_empty_prediction_cost_nothing() -> None:
    mask = torch.zeros(1, 1, 4, 4)
    assert BCEDiceLoss()(mask - 100, mask, torch.ones_like(mask)).item() == pytest.approx(0, abs=1e-6)


def test_pixels_outside_the_field_of_view_have_no_gradient() -> None:
    logits = torch.zeros(1, 1, 2, 2, requires_grad=True)
    valid = torch.tensor([[[[1.0, 0.0], [1.0, 1.0]]]])
    BCEDiceLoss()(logits, torch.ones(1, 1, 2, 2), valid).backward()
    assert logits.grad is not None
    assert logits.grad[0, 0].bool().tolist() == [[True, False], [True, True]]


def test_loss_of_a_batch_is_the_mean_of_its_images() -> None:
    random = torch.Generator().manual_seed(0)
    logits, mask = torch.randn(3, 1, 4, 4, generator=random), torch.ones(3, 1, 4, 4)
    valid = torch.ones_like(mask)
    alone = torch.stack([BCEDiceLoss()(logits[k : k + 1], mask[k : k + 1], valid[k : k + 1]) for k in range(3)])
    torch.testing.assert_close(BCEDiceLoss()(logits, mask, valid), alone.mean())


def test_half_precision_logits_give_a_single_precision_loss() -> None:
    mask = torch.ones(1, 1, 4, 4)
    assert BCEDiceLoss()(torch.zeros(1, 1, 4, 4, dtype=torch.bfloat16), mask, mask).dtype == torch.float32
