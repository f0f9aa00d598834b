import pytest
import torch
from segmentation_models_pytorch import PSPNet, Unet
from torch import nn

from polybench.models.unused import parameters_without_gradient


def test_psp_net_never_reads_its_last_stages() -> None:
    net = PSPNet("resnet18", encoder_weights=None)
    stages = {name.split(".")[1] for name in parameters_without_gradient(net, (64, 64))}
    assert stages == {"layer3", "layer4"}


def test_agrees_with_a_real_backward() -> None:
    net = PSPNet("resnet18", encoder_weights=None)
    found = parameters_without_gradient(net, (64, 64))
    net(torch.rand(2, 3, 64, 64)).sum().backward()
    assert found == [name for name, p in net.named_parameters() if p.grad is None]


def test_net_without_a_tail_has_none_and_is_left_alone() -> None:
    net = Unet("resnet18", encoder_weights=None)
    before = torch.random.get_rng_state()
    assert parameters_without_gradient(net, (64, 64)) == []
    assert all(p.grad is None for p in net.parameters())
    assert torch.equal(torch.random.get_rng_state(), before)


def test_forward_that_reads_values_is_an_error() -> None:
    class Reads(nn.Conv2d):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(x) * x.mean().item()

    with pytest.raises(RuntimeError):
        parameters_without_gradient(Reads(3, 1, 1), (8, 8))
