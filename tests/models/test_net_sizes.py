"""Comparison nets have the published number of parameters; each stage has those of its description, and its shape."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from polybench import models
from polybench.experiments.record import count_macs
from polybench.models.dunet import DeformableConv
from tests.models.arithmetic import PUBLISHED, SIDE, UNPUBLISHED, Published, Stage

ALL = {**PUBLISHED, **UNPUBLISHED}


def built(one: Published) -> nn.Module:
    device = (
        "cpu" if one.net in ("SSFormer", "ColonFormer") else "meta"
    )  # MiT reads numbers off its tensors while it is built
    with torch.device(device):
        net: nn.Module = getattr(models, one.net)(**one.options)
    return net.to("meta").eval()


def count(part: nn.Module) -> int:
    return sum(parameter.numel() for parameter in part.parameters())


def last_shape(output: Any) -> tuple[int, ...]:
    while not isinstance(output, Tensor):
        output = output[-1]
    return tuple(output.shape[1:])


def found_stages(net: nn.Module, paths: list[str]) -> list[Stage]:
    """Each stage as the net has it, with the shape of what it returned last."""
    shapes: dict[str, tuple[int, ...]] = {}

    def remember(path: str) -> Any:
        return lambda module, inputs, output: shapes.update({path: last_shape(output)})

    for path in paths:
        net.get_submodule(path).register_forward_hook(remember(path))
    net.train()  # so that outputs of deep supervision are computed
    with torch.no_grad():
        net(torch.empty(2, 3, SIDE, SIDE, device="meta"))
    return [Stage(path, count(net.get_submodule(path)), shapes[path]) for path in paths]


@pytest.mark.parametrize("name", ALL)
def test_stages_have_the_parameters_and_shapes_of_their_description(name: str) -> None:
    one = ALL[name]
    net = built(one)
    assert found_stages(net, [stage.path for stage in one.stages]) == one.stages
    assert sum(stage.parameters for stage in one.stages) == count(net) == one.counted - one.beside


def test_recurrence_and_residual_have_no_parameters() -> None:
    sizes = {
        count(built(Published("R2UNet", options, 0, 0, [])))
        for options in ({}, {"steps": 0}, {"residual": False}, {"steps": 3})
    }
    assert sizes == {39_091_393}


def test_deep_supervision_adds_output_layers_alone() -> None:
    net = built(Published("UNetPlusPlus", {"deep_supervision": True}, 0, 0, []))
    assert count(net) == 9_163_329 + 3 * 33


def test_cost_of_a_deformable_convolution_is_that_of_its_convolutions() -> None:
    with torch.device("meta"):
        part = DeformableConv(3, 5)
    by_place = 9 * 3 * 18 + 9 * 3 * 5  # offsets, and what is read at them
    assert count_macs(part, (32, 48)) == 32 * 48 * by_place
