import pytest
import torch

from polybench.losses import BCEDiceLoss, FocalStructureLoss, StructureLoss, TransFuseLoss, UACANetLoss


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


def loops_of_weights(mask: torch.Tensor) -> torch.Tensor:
    """1 + 5 |mean over 31x31 - g| of one mask (H, W), pixel by pixel, 0 beyond the image."""
    height, width = mask.shape
    weights = torch.ones(height, width)
    for y in range(height):
        for x in range(width):
            window = mask[max(0, y - 15) : y + 16, max(0, x - 15) : x + 16]
            weights[y, x] += 5 * abs(float(window.sum()) / 31**2 - float(mask[y, x]))
    return weights


def disc_and_logits(size: int = 40) -> tuple[torch.Tensor, torch.Tensor]:
    y, x = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    mask = ((y - 18) ** 2 + (x - 22) ** 2 < 90).float()
    return mask, torch.randn(size, size, generator=torch.Generator().manual_seed(2))


def test_structure_loss_is_that_of_its_equations() -> None:
    mask, logits = disc_and_logits()
    w, p = loops_of_weights(mask), torch.sigmoid(logits)
    cross_entropy = -(mask * p.log() + (1 - mask) * (1 - p).log())
    overlap = (w * p * mask).sum()
    expected = (w * cross_entropy).sum() / w.sum() + 1 - (overlap + 1) / ((w * (p + mask)).sum() - overlap + 1)
    found = StructureLoss()(logits[None, None], mask[None, None], torch.ones(1, 1, 40, 40))
    torch.testing.assert_close(found, expected)


def test_focal_structure_loss_is_that_of_its_equations() -> None:
    mask, logits = disc_and_logits()
    w, p = loops_of_weights(mask), torch.sigmoid(logits)
    focal = -0.25 * mask * (1 - p) ** 2 * p.log() - 0.75 * (1 - mask) * p**2 * (1 - p).log()
    overlap = (w * p * mask).sum()
    expected = (w * focal).sum() / w.sum() + 1 - (overlap + 1) / ((w * (p + mask)).sum() - overlap + 1)
    found = FocalStructureLoss()(logits[None, None], mask[None, None], torch.ones(1, 1, 40, 40))
    torch.testing.assert_close(found, expected)


def test_loss_of_uacanet_is_that_of_its_equations() -> None:
    mask, logits = disc_and_logits()
    w, p = loops_of_weights(mask), torch.sigmoid(logits)
    cross_entropy = -(mask * p.log() + (1 - mask) * (1 - p).log())
    iou = 1 - (p * mask + 1) / (p + mask - p * mask + 1)
    found = UACANetLoss()(logits[None, None], mask[None, None], torch.ones(1, 1, 40, 40))
    torch.testing.assert_close(found, (w * (cross_entropy + iou)).sum() / w.sum())


@pytest.mark.parametrize("loss", [StructureLoss(), FocalStructureLoss(), UACANetLoss()])
def test_boundary_losses_see_the_field_of_view_alone(loss: torch.nn.Module) -> None:
    mask, logits = (one[None, None] for one in disc_and_logits())
    valid = torch.ones_like(mask)
    valid[..., :5] = 0
    outside = logits.clone()
    outside[..., :5] = 50
    torch.testing.assert_close(loss(outside, mask, valid), loss(logits, mask, valid))
    assert loss(logits, mask, torch.ones_like(mask)) != loss(logits, mask, valid)
    assert loss(logits, mask, torch.zeros_like(mask)).isfinite()


@pytest.mark.parametrize("loss", [StructureLoss(), FocalStructureLoss(), UACANetLoss()])
def test_boundary_losses_of_a_batch_are_means_and_in_single_precision(loss: torch.nn.Module) -> None:
    mask, logits = (one[None, None] for one in disc_and_logits())
    masks, several = torch.cat([mask, 1 - mask]), torch.cat([logits, logits])
    valid = torch.ones_like(masks)
    alone = [loss(several[k : k + 1], masks[k : k + 1], valid[k : k + 1]) for k in range(2)]
    torch.testing.assert_close(loss(several, masks, valid), torch.stack(alone).mean())
    assert loss(several.bfloat16(), masks, valid).dtype == torch.float32
    assert loss((masks * 2 - 1) * 100, masks, valid).item() == pytest.approx(0, abs=1e-6)


def test_three_outputs_of_transfuse_are_weighed() -> None:
    mask, logits = (one[None, None] for one in disc_and_logits())
    batch = {"mask": mask, "valid": torch.ones_like(mask)}
    outputs = [logits, 2 * logits, -logits]
    alone = [StructureLoss()(one, mask, batch["valid"]) for one in outputs]
    assert TransFuseLoss()(outputs, batch) == {
        "fused": 0.5 * alone[0],
        "transformer": 0.3 * alone[1],
        "coarse": 0.2 * alone[2],
    }
    assert TransFuseLoss()(logits, batch) == {"fused": 0.5 * alone[0]}
