import pytest
import torch
from segmentation_models_pytorch import PSPNet, Unet
from torch import nn

from polybench.models.unused import CannotCopyError, meta_copy, parameters_without_gradient


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


class Watch:
    """What a profiler hangs on a net: no copy can be made of it."""

    def __init__(self) -> None:
        self.calls = 0

    def __deepcopy__(self, memo: object) -> "Watch":
        raise RuntimeError("tried to deepcopy")

    def before(self, module: nn.Module, inputs: object) -> None:
        self.calls += 1


def test_what_hooks_belong_to_is_not_copied() -> None:
    net = nn.Sequential(nn.Conv2d(3, 1, 1))
    net[0].register_forward_pre_hook(Watch().before)
    assert parameters_without_gradient(net, (8, 8)) == []
    assert next(meta_copy(net).parameters()).is_meta


def test_a_net_that_can_not_be_copied_says_so() -> None:
    net = nn.Sequential(nn.Conv2d(3, 1, 1))
    net.watch = Watch()
    with pytest.raises(CannotCopyError, match="the net can't be copied: tried to deepcopy"):
        meta_copy(net)
