"""AlexNet has the paper's parameters and torchvision's, and draws its start weights with Caffe's deviations."""

import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torchvision.models import alexnet

from polybench.core.errors import ConfigError
from polybench.models import AlexNet, TorchvisionAlexNet
from polybench.models.initialisers import Initialiser, initialise

NARROW = (8, 8, 8, 8, 8, 16, 16)


def parameters(net: nn.Module) -> int:
    return sum(parameter.numel() for parameter in net.parameters())


def test_parameters_are_those_of_the_paper() -> None:
    with torch.device("meta"):
        assert parameters(AlexNet()) == 56_876_418
        assert parameters(AlexNet(grouped=False)) == 58_289_538
        assert parameters(AlexNet(classes=3)) == 56_876_418 + 4097
        assert parameters(TorchvisionAlexNet(weights=None)) == 57_012_034


def test_maps_have_the_sizes_of_table_one() -> None:
    net, seen = AlexNet(widths=NARROW), {}
    for name, layer in net.named_children():
        layer.register_forward_hook(lambda _, __, output, name=name: seen.setdefault(name, []).append(output.shape[2:]))
    assert net.eval()(torch.rand(1, 3, 227, 227)).shape == (1, 2)
    assert [seen[f"conv{n}"][0][0] for n in range(1, 6)] == [55, 27, 13, 13, 13]
    assert [shape[0] for shape in seen["pool"]] == [27, 13, 6]


def test_other_sizes_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"takes images of 227x227, not 224x224: set data.size 227"):
        AlexNet(widths=NARROW)(torch.rand(1, 3, 224, 224))


def test_normalisation_comes_before_pooling_and_can_be_left_out() -> None:
    torch.manual_seed(0)
    net, image = AlexNet(widths=NARROW, initialiser="msra").eval(), torch.rand(1, 3, 227, 227) * 200
    plain = AlexNet(widths=NARROW, normalised=False).eval()
    plain.load_state_dict(net.state_dict())
    first = torch.relu(net.conv1(image))
    padded = nn.functional.pad(first.square(), (0, 0, 0, 0, 2, 2))
    sums = sum(padded[:, place : place + 8] for place in range(5))
    expected = first / (1 + 1e-4 / 5 * sums) ** 0.75  # of Krizhevsky et al., section 3.3, with Caffe's alpha over n
    torch.testing.assert_close(net.norm(first), expected)
    assert not torch.allclose(net(image), plain(image))


def test_torchvisions_net_is_torchvisions() -> None:
    torch.manual_seed(0)
    ours, theirs = TorchvisionAlexNet(weights=None).eval(), alexnet(num_classes=2).eval()
    theirs.load_state_dict(ours.state_dict())  # of the same keys
    image = torch.rand(1, 3, 64, 64)
    torch.testing.assert_close(ours(image), theirs(image))


@pytest.mark.parametrize(
    ("kind", "convolution", "linear"),
    [("gaussian", 0.01, 0.005), ("xavier", 1 / math.sqrt(75), 1 / 20), ("msra", math.sqrt(2 / 75), math.sqrt(2) / 20)],
)
def test_deviations_of_start_weights(kind: Initialiser, convolution: float, linear: float) -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 200, 5), nn.BatchNorm2d(200), nn.Flatten(), nn.Linear(400, 300), nn.Linear(300, 2))
    nn.init.constant_(net[1].weight, 7.0)
    initialise(net, kind)
    assert net[0].weight.std().item() == pytest.approx(convolution, rel=0.02)
    assert net[3].weight.std().item() == pytest.approx(linear, rel=0.02)
    assert net[0].bias.abs().sum() == net[3].bias.abs().sum() == 0
    assert (net[1].weight == 1).all()
    if kind == "xavier":
        assert net[0].weight.abs().max().item() == pytest.approx(math.sqrt(3 / 75), rel=0.01)


def test_weights_of_a_file_fill_all_layers_but_the_last(tmp_path: Path) -> None:
    torch.manual_seed(1)
    source, path = AlexNet(classes=5, widths=NARROW), tmp_path / "source.safetensors"
    save_file(source.state_dict(), path)
    net = AlexNet(weights=str(path), widths=NARROW)
    same = {name for name, value in net.state_dict().items() if torch.equal(value, source.state_dict()[name])}
    assert {name for name in net.state_dict() if not name.startswith("fc8.")} == same
    assert net.fc8.weight.shape == (2, 16)


def test_weights_of_another_layout_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "source.safetensors"
    save_file(AlexNet(grouped=False, widths=NARROW).state_dict(), path)
    with pytest.raises(ConfigError, match=r"'conv2.weight' is \(8, 8, 5, 5\) there and \(8, 4, 5, 5\) here"):
        AlexNet(weights=str(path), widths=NARROW)
    with pytest.raises(ConfigError, match=r"There is no file 'absent.pth' of weights"):
        AlexNet(weights="absent.pth", widths=NARROW)
