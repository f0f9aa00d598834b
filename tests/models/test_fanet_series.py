"""FANets in series: size, hand-over of masks, deep supervision."""

import pytest
import torch
from torch import Tensor, nn

from polybench.core.errors import ConfigError
from polybench.models import FANet, FANetSeries

SMALL = (8, 16, 32, 64)


def images_and_mask() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    return torch.rand(2, 3, 32, 32, generator=generator), torch.rand(2, 1, 32, 32, generator=generator) > 0.9


def small_series(images: Tensor, mask: Tensor) -> tuple[FANetSeries, list[Tensor]]:
    """Three nets in evaluation mode, each calling half of the pixels foreground, and their logits net by net."""
    torch.manual_seed(0)
    series = FANetSeries(nets=3, widths=SMALL).eval()
    chain = []
    with torch.no_grad():
        for net in series.nets:
            assert isinstance(net, FANet)
            nn.init.zeros_(net.head.bias)  # type: ignore[arg-type]
            nn.init.constant_(net.head.bias, -net(images, mask).quantile(0.5).item())  # type: ignore[arg-type]
            chain.append(net(images, mask))
            mask = chain[-1].sigmoid() > 0.5
            assert 0.4 < mask.float().mean() < 0.6
    return series, chain


def test_four_nets_have_four_times_the_parameters() -> None:
    with torch.device("meta"):
        series = FANetSeries()
    assert sum(parameter.numel() for parameter in series.parameters()) == 4 * 7_720_266


def test_each_net_takes_the_mask_that_the_one_before_it_predicts() -> None:
    images, mask = images_and_mask()
    series, chain = small_series(images, mask)
    with torch.no_grad():
        assert torch.equal(series(images, mask), chain[-1])


def test_training_returns_the_last_net_first() -> None:
    images, mask = images_and_mask()
    series, chain = small_series(images, mask)
    series.training = True  # of the series alone: its nets keep their running statistics
    with torch.no_grad():
        outputs = series(images, mask)
    assert len(outputs) == 3
    assert all(map(torch.equal, outputs, chain[::-1]))


def test_each_net_learns_from_its_own_output_alone() -> None:
    series = FANetSeries(nets=3, gate="straight_through", widths=SMALL)
    outputs = series(torch.rand(2, 3, 32, 32), torch.zeros(2, 1, 32, 32))
    outputs[1].square().mean().backward()
    learning = [{p.grad is not None for p in net.parameters()} for net in series.nets]
    assert learning == [{False}, {True}, {False}]


def test_refuses_an_empty_series() -> None:
    with pytest.raises(ConfigError, match="at least one FANet, not 0"):
        FANetSeries(nets=0)
