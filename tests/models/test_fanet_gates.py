"""What learns under each of FANet's gates."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from polybench.models import FANet
from polybench.models.fanet.mixpool import Gate

SMALL = (8, 16, 32, 64)
LEARNED = pytest.mark.parametrize("gate", ["straight_through", "soft"])


def gate_parameters(net: FANet) -> dict[str, nn.Parameter]:
    return {name: parameter for name, parameter in net.named_parameters() if ".mixpool.gate." in name}


def step(net: FANet, mask: Tensor) -> None:
    torch.manual_seed(1)
    net(torch.rand(2, 3, 32, 32), mask).square().mean().backward()


def small_net(gate: Any) -> FANet:
    torch.manual_seed(0)
    return FANet(gate=gate, widths=SMALL)


def test_frozen_gate_has_the_48_tensors_that_the_released_code_never_trains() -> None:
    with torch.device("meta"):
        gate = gate_parameters(FANet(gate="frozen"))
    assert len(gate) == 48
    assert sum(parameter.numel() for parameter in gate.values()) == 982_088
    assert not any(parameter.requires_grad for parameter in gate.values())


@pytest.mark.parametrize("gate", ["frozen", "straight_through", "soft", "none"])
def test_every_parameter_that_is_not_frozen_gets_a_gradient(gate: Any) -> None:
    net = small_net(gate)
    frozen = set(gate_parameters(net)) if gate == "frozen" else set()
    step(net, torch.zeros(2, 1, 32, 32))
    assert {name for name, parameter in net.named_parameters() if parameter.grad is None} == frozen


def test_only_the_batch_statistics_of_a_frozen_gate_move() -> None:
    net = small_net("frozen")
    gate: dict[str, Tensor] = {key: value for key, value in net.state_dict().items() if ".mixpool.gate." in key}
    before = {key: value.clone() for key, value in gate.items()}
    optimizer = torch.optim.AdamW(net.parameters(), weight_decay=0.1)
    step(net, torch.zeros(2, 1, 32, 32))
    optimizer.step()
    moved = {key for key, value in gate.items() if not torch.equal(value, before[key])}
    assert moved == {key for key in gate if "running" in key or "num_batches" in key}


@LEARNED
def test_gate_learns_where_the_mask_is_off_and_has_no_say_where_it_is_on(gate: Any) -> None:
    net = small_net(gate)
    step(net, torch.ones(2, 1, 32, 32))
    assert all(p.grad is not None and not p.grad.any() for p in gate_parameters(net).values())
    net.zero_grad()
    step(net, torch.zeros(2, 1, 32, 32))
    weights = [p.grad for name, p in gate_parameters(net).items() if name.endswith("logits.3.weight")]
    assert len(weights) == 8
    assert all(gradient is not None and gradient.any() for gradient in weights)


@pytest.mark.parametrize("gate", ["frozen", "straight_through", "soft"])
def test_full_mask_makes_the_gate_irrelevant(gate: Any) -> None:
    net = small_net(gate).eval()
    images, full = torch.rand(2, 3, 32, 32), torch.ones(2, 1, 32, 32)
    with torch.no_grad():
        before = net(images, full)
        for parameter in gate_parameters(net).values():
            nn.init.normal_(parameter)
        assert torch.equal(net(images, full), before)
        assert not torch.equal(net(images, 0 * full), before)


@pytest.mark.parametrize("gate", ["frozen", "straight_through", "soft"])
def test_empty_mask_leaves_attention_to_the_gate(gate: Any) -> None:
    net = small_net(gate).eval()
    images, empty = torch.rand(2, 3, 32, 32), torch.zeros(2, 1, 32, 32)
    shut, opened = -100.0, 100.0

    def logits_with_gates_at(bias: float, mask: Tensor) -> Tensor:
        for name, parameter in gate_parameters(net).items():
            if name.endswith("logits.3.bias"):
                nn.init.constant_(parameter, bias)
        with torch.no_grad():
            return net(images, mask)  # type: ignore[no-any-return]

    nn.init.zeros_(net.head.weight[:, -1:])
    assert torch.equal(logits_with_gates_at(opened, empty), logits_with_gates_at(shut, 1 - empty))
    assert not torch.equal(logits_with_gates_at(shut, empty), logits_with_gates_at(opened, empty))


def test_straight_through_has_the_frozen_gate_s_values_and_the_soft_gate_s_gradients() -> None:
    def values_and_gradients(gating: Any) -> tuple[Tensor, list[Tensor | None]]:
        torch.manual_seed(0)
        gate = Gate(8, gating)
        features = torch.randn(2, 8, 16, 16)
        values = gate(features)
        if gating != "frozen":
            (values * torch.linspace(-1, 1, 16)).sum().backward()
        return values.detach(), [parameter.grad for parameter in gate.parameters()]

    hard, none = values_and_gradients("frozen")
    straight, gradients = values_and_gradients("straight_through")
    soft, soft_gradients = values_and_gradients("soft")
    assert none == [None] * 6
    assert set(hard.flatten().tolist()) == {0.0, 1.0}
    assert torch.equal(straight, hard)
    assert torch.equal((soft > 0.5).float(), hard)
    for gradient, soft_gradient in zip(gradients, soft_gradients, strict=True):
        assert gradient is not None
        assert soft_gradient is not None
        torch.testing.assert_close(gradient, soft_gradient)
