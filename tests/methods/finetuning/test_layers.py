"""Each parameter and each batch norm of a net belongs to exactly one layer; layers stand in the order of the net."""

from collections.abc import Callable

import pytest
import segmentation_models_pytorch as smp
import timm
import torch
import torchvision
from torch import nn

from polybench.core.errors import ConfigError
from polybench.methods.finetuning.layers import layers_of
from polybench.models import EFEN, AlexNet, PatchClassifier, TorchvisionAlexNet
from polybench.tasks.parameter_groups import below

STAGES = ["stem", *(f"blocks.{n}" for n in range(7)), "head"]
ALEXNET = ["conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8"]

NETS: dict[str, tuple[Callable[[], nn.Module], list[str]]] = {
    "ours": (lambda: AlexNet(widths=(8, 8, 8, 8, 8, 16, 16)), ALEXNET),
    "torchvision": (lambda: TorchvisionAlexNet(weights=None), ALEXNET),
    "classifier": (lambda: PatchClassifier("tu-tf_efficientnet_lite0", None), STAGES),
    "segmentation": (lambda: smp.Unet("tu-tf_efficientnet_lite0", encoder_weights=None), STAGES),
    "timm": (lambda: timm.create_model("tf_efficientnet_lite0", num_classes=2), STAGES),
    "flattened": (
        lambda: smp.FPN("tu-convnext_atto", encoder_depth=4, encoder_weights=None),
        ["stem", "stages.0", "stages.1", "stages.2", "head"],
    ),
    "of SMP": (
        lambda: PatchClassifier("resnet18", None),
        ["conv1", "layer1", "layer2", "layer3", "layer4", "head"],
    ),
    "of torchvision": (torchvision.models.resnet18, ["conv1", "layer1", "layer2", "layer3", "layer4", "head"]),
    "in a row": (
        lambda: EFEN(widths=(8, 8, 16, 16), pretrained=False),
        [*(f"features.{n}" for n in (0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25)), "head"],
    ),
    "norm without weights": (
        lambda: nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4, affine=False), nn.Conv2d(4, 1, 1)),
        ["0", "head"],
    ),
}


@pytest.mark.parametrize("name", list(NETS))
def test_every_part_is_in_one_layer(name: str) -> None:
    make, expected = NETS[name]
    with torch.device("meta"):
        net = make()
    layers = layers_of(net)
    assert list(layers) == expected
    norms = [path for path, part in net.named_modules() if isinstance(part, nn.BatchNorm2d)]
    owners = [
        [layer for layer, places in layers.items() if any(below(part, place) for place in places)]
        for part in [*(path for path, _ in net.named_parameters()), *norms]
    ]
    assert all(len(owner) == 1 for owner in owners)
    order = [expected.index(owner[0]) for owner in owners[: len(owners) - len(norms)]]
    assert order == sorted(order)


def test_stages_are_those_of_timm() -> None:
    net = timm.create_model("resnet18")
    layers = layers_of(net, coarse=False)
    assert list(layers) == ["stem", *(f"layer{n}.{k}" for n in range(1, 5) for k in (0, 1)), "head"]
    assert layers["head"] == ["fc"]
    assert {path.rpartition(".")[0] for path in layers["layer2.0"]} >= {"layer2.0", "layer2.0.downsample"}


def test_a_compiled_net_has_the_layers_of_its_own() -> None:
    net = AlexNet(widths=(8, 8, 8, 8, 8, 16, 16))
    assert layers_of(torch.compile(net)) == layers_of(net)  # type: ignore[arg-type]


def test_a_single_layer_is_refused() -> None:
    with pytest.raises(ConfigError, match="Sequential has one layer only"):
        layers_of(nn.Sequential(nn.Flatten(), nn.Linear(12, 2)))
