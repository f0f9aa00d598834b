"""Adversarial training: each net learns from its own loss alone, evaluation is that of masks, sizes are pix2pix's."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from polybench.core.errors import ConfigError
from polybench.losses import BCEDiceLoss, ProbabilityL1Loss
from polybench.methods.adversarial import AdversarialSegmentationTask
from polybench.models import Pix2Pix, UNet
from polybench.models.pix2pix import PatchDiscriminator
from tests.models.arithmetic import conv, norm


class Judge(nn.Module):
    """A discriminator of one weight: its logit is the mean of the mask times the weight."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(2.0))

    def forward(self, images: Tensor, masks: Tensor) -> Tensor:
        return self.weight * masks.mean((1, 2, 3)) + 0 * images.sum()


class Net(nn.Module):
    """A generator of one weight: every logit is the weight."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(0.5))
        self.discriminator = Judge()

    def forward(self, images: Tensor) -> Tensor:
        return self.weight.expand(len(images), 1, *images.shape[-2:])


def batch() -> Any:
    mask = torch.zeros(2, 1, 4, 4)
    mask[:, :, :2] = 1
    return {"image": torch.rand(2, 3, 4, 4), "mask": mask, "valid": torch.ones_like(mask), "id": ["a", "b"]}


def task(weight: float = 0.0) -> AdversarialSegmentationTask:
    return AdversarialSegmentationTask(Net(), BCEDiceLoss(), weight=weight).train()


def test_losses_and_gradients_are_those_by_hand() -> None:
    trained = task()
    shown = batch()
    terms = trained.batch_terms(trained.batch_outputs(shown), shown)
    p = 1 / (1 + math.exp(-0.5))
    softplus = lambda x: math.log1p(math.exp(x))  # noqa: E731
    generator = softplus(-2 * p)
    discriminator = (softplus(-2 * 0.5) + softplus(2 * p)) / 2
    assert terms.named["generator_loss"].item() == pytest.approx(generator, rel=1e-5)
    assert terms.named["discriminator_loss"].item() == pytest.approx(discriminator, rel=1e-5)
    terms.total.backward()  # type: ignore[no-untyped-call]
    sigmoid = lambda x: 1 / (1 + math.exp(-x))  # noqa: E731
    of_net = -sigmoid(-2 * p) * 2 * p * (1 - p)  # of the generator's loss alone
    of_judge = (-sigmoid(-1.0) * 0.5 + sigmoid(2 * p) * p) / 2  # of the discriminator's alone
    net: Any = trained.net
    assert net.weight.grad.item() == pytest.approx(of_net, rel=1e-4)
    assert net.discriminator.weight.grad.item() == pytest.approx(of_judge, rel=1e-4)


def test_mask_is_weighed_in_training_and_alone_in_evaluation() -> None:
    trained, shown = task(weight=100.0), batch()
    outputs = trained.batch_outputs(shown)
    alone = BCEDiceLoss()(outputs, shown["mask"], shown["valid"])
    terms = trained.batch_terms(outputs, shown)
    torch.testing.assert_close(terms.named["mask_loss"], 100 * alone)
    torch.testing.assert_close(terms.total, sum(terms.named.values()))
    torch.testing.assert_close(trained.batch_terms(outputs, shown, finest=True).total, alone)


def test_discriminator_is_not_shown_what_lies_outside_of_the_field_of_view() -> None:
    trained, shown = task(), batch()
    shown["valid"] = torch.zeros_like(shown["valid"])
    terms = trained.batch_terms(trained.batch_outputs(shown), shown)
    assert terms.named["generator_loss"].item() == pytest.approx(math.log(2), rel=1e-5)


def test_net_without_a_discriminator_and_a_negative_weight_are_refused() -> None:
    with pytest.raises(ConfigError, match="UNet brings no discriminator: give it to SegmentationTask"):
        AdversarialSegmentationTask(UNet((4, 8)), BCEDiceLoss())
    with pytest.raises(ConfigError, match="weight must be 0 or more, not -1"):
        task(weight=-1)


def test_sizes_are_those_that_pix2pix_prints_but_for_its_three_colours() -> None:
    with torch.device("meta"):
        net = Pix2Pix()
    discriminator = sum(one.numel() for one in net.discriminator.parameters())
    generator = sum(one.numel() for one in net.parameters()) - discriminator
    colours = generator + 2 * (128 * 16 + 1)  # three outputs in the place of one
    assert round(colours / 1e6, 3) == 54.414
    assert round((discriminator + 2 * 64 * 16) / 1e6, 3) == 2.769  # six inputs in the place of four
    middle = sum(conv(64 * 2**k, 128 * 2**k, 4, bias=False) + norm(128 * 2**k) for k in range(3))
    assert discriminator == conv(4, 64, 4) + middle + conv(512, 1, 4)
    assert net.eval()(torch.empty(1, 3, 256, 512, device="meta")).shape == (1, 1, 256, 512)


def test_a_judgement_sees_70_by_70_pixels() -> None:
    judge = PatchDiscriminator(2).eval()
    images = torch.rand(1, 3, 128, 128).requires_grad_()
    judged = judge(images, torch.rand(1, 1, 128, 128))
    assert judged.shape == (1, 1, 14, 14)
    judged[0, 0, 7, 7].backward()
    assert images.grad is not None
    seen = images.grad.abs().sum((0, 1))
    rows, columns = seen.sum(1).nonzero(), seen.sum(0).nonzero()
    assert int(rows.max() - rows.min()) + 1 == int(columns.max() - columns.min()) + 1 == 70


def test_l1_of_probabilities_counts_the_field_of_view() -> None:
    logits, mask = torch.zeros(1, 1, 1, 4), torch.tensor([[[[1.0, 0.0, 1.0, 1.0]]]])
    valid = torch.tensor([[[[1.0, 1.0, 0.0, 0.0]]]])
    logits[..., 0] = math.log(3)  # a probability of 3/4
    assert ProbabilityL1Loss()(logits, mask, valid).item() == pytest.approx((0.25 + 0.5) / 2)
    half = ProbabilityL1Loss()(logits.bfloat16(), mask, valid)
    assert half.dtype == torch.float32
    assert F.l1_loss(torch.sigmoid(logits), mask).item() == pytest.approx(
        ProbabilityL1Loss()(logits, mask, torch.ones_like(mask)).item()
    )
