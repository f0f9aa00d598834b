"""EFEN and its ablations: published sizes, the paper's equations, ImageNet weights, memory."""

import math
from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest
import segmentation_models_pytorch as smp
import torch
import torchvision
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from polybench.core.errors import ConfigError
from polybench.models import EFEN
from polybench.models.efen import AttentionSkip, sinusoidal_positions

SMALL = (8, 16, 32, 64)
UNET = {"feature_reextraction": False, "skip": "plain"}
PROCESS1 = {"skip": "plain"}
ATTENTION: dict[str, Any] = {}
CONFIGURATIONS = pytest.mark.parametrize("options", [UNET, PROCESS1, ATTENTION], ids=["unet", "process1", "efen"])


def small_net(**options: Any) -> EFEN:
    torch.manual_seed(0)
    return EFEN(widths=SMALL, pretrained=False, **options)


@pytest.mark.parametrize(
    ("options", "published"),
    [(UNET, 18_932_225), (PROCESS1, 26_763_937), (ATTENTION, 29_442_945)],
    ids=["unet", "process1", "efen"],
)
def test_has_the_published_number_of_parameters(options: dict[str, Any], published: int) -> None:
    with torch.device("meta"):
        net = EFEN(**options)
    assert sum(parameter.numel() for parameter in net.parameters()) == published


@CONFIGURATIONS
def test_full_size_logits_have_the_images_size(options: dict[str, Any]) -> None:
    with torch.device("meta"):
        net = EFEN(**options, classes=2)
        assert net(torch.empty(3, 3, 256, 320)).shape == (3, 2, 256, 320)


@CONFIGURATIONS
def test_every_parameter_gets_a_gradient(options: dict[str, Any]) -> None:
    net = small_net(**options)
    net(torch.rand(2, 3, 32, 32)).square().mean().backward()
    assert [name for name, parameter in net.named_parameters() if parameter.grad is None] == []


def test_attention_weights_learn_from_the_first_step() -> None:
    net = small_net()
    net(torch.rand(2, 3, 32, 32)).square().mean().backward()
    learning = [p.grad for name, p in net.named_parameters() if name.endswith(("query.weight", "key.weight"))]
    assert len(learning) == 12
    assert all(gradient is not None and gradient.abs().max() > 0 for gradient in learning)


def test_output_is_logits_around_the_foreground_prior() -> None:
    net = small_net()
    nn.init.zeros_(net.head.weight)
    torch.testing.assert_close(net(torch.rand(2, 3, 16, 16)).sigmoid(), torch.full((2, 1, 16, 16), 0.1))


@pytest.mark.parametrize("options", [UNET, ATTENTION], ids=["unet", "efen"])
def test_works_under_bfloat16_autocast_and_channels_last(options: dict[str, Any]) -> None:
    net = small_net(**options).eval()
    images = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        expected = net(images)
        with torch.autocast("cpu", torch.bfloat16):
            reduced = net.to(memory_format=torch.channels_last)(images.to(memory_format=torch.channels_last))
    assert reduced.dtype == torch.bfloat16
    torch.testing.assert_close(reduced.float(), expected, atol=0.1, rtol=0.05)


def test_repeats_exactly_under_deterministic_algorithms() -> None:
    def gradients() -> list[Tensor]:
        net = small_net()
        net(torch.linspace(0, 1, 2 * 3 * 32 * 32).reshape(2, 3, 32, 32)).square().mean().backward()
        return [parameter.grad for parameter in net.parameters() if parameter.grad is not None]

    torch.use_deterministic_algorithms(True)
    try:
        first, second = gradients(), gradients()
    finally:
        torch.use_deterministic_algorithms(False)
    assert all(map(torch.equal, first, second))


@pytest.mark.parametrize(
    ("height", "width", "smaller", "larger"),
    [(250, 252, "248x248", "256x256"), (64, 60, "64x56", "64x64"), (5, 16, "8x16", "8x16")],
)
def test_names_the_nearest_sizes_for_one_it_cannot_take(height: int, width: int, smaller: str, larger: str) -> None:
    with torch.device("meta"):
        net = EFEN(widths=SMALL, pretrained=False)
    with pytest.raises(ConfigError, match=rf"not {height}x{width} .*{smaller} or {larger}"):
        net(torch.empty(1, 3, height, width, device="meta"))


@pytest.mark.parametrize("widths", [(8, 16, 32), (8, 16, 34, 64), (0, 8, 16, 32)])
def test_refuses_widths_that_cannot_be_halved_twice(widths: tuple[int, ...]) -> None:
    with pytest.raises(ConfigError, match="four positive multiples of 4"):
        EFEN(widths=widths, pretrained=False)  # type: ignore[arg-type]


def test_positions_follow_box_1_of_the_paper() -> None:
    # C = 4: angles t and t / 100, sine on the even channels, cosine on the odd ones
    expected = [[math.sin(t), math.cos(t), math.sin(t / 100), math.cos(t / 100)] for t in range(3)]
    torch.testing.assert_close(sinusoidal_positions(3, 4), torch.tensor(expected, dtype=torch.float64))


def box_1(features: Tensor) -> Tensor:
    """FE' or FD' by loops over pixels and channels: t counts pixels row by row."""
    _, channels, height, width = features.shape
    moved = features.clone()
    for y in range(height):
        for x in range(width):
            for c in range(channels):
                angle = (y * width + x) / 10_000 ** (2 * (c // 2) / channels)
                moved[:, c, y, x] += math.cos(angle) if c % 2 else math.sin(angle)
    return moved


def test_attention_skip_equals_the_dense_equations() -> None:
    torch.manual_seed(1)
    skip = AttentionSkip(encoder_channels=8, decoder_channels=12, out_channels=6).eval().double()
    for projection in (skip.query, skip.key, skip.value):
        nn.init.normal_(projection.weight)  # far from uniform attention, so that the scale matters
    encoded, decoded = torch.randn(2, 8, 6, 10).double(), torch.randn(2, 12, 3, 5).double()
    with torch.no_grad():
        moved, d_k = box_1(encoded), 4
        fd = decoded.reshape(2, 12, 15).permute(0, 2, 1)
        v = skip.op1(moved).reshape(2, d_k, 15).permute(0, 2, 1) @ skip.value.weight.T
        scores = torch.einsum("nqc,nkc->nqk", fd @ skip.query.weight.T, fd @ skip.key.weight.T) / d_k
        av = torch.exp(scores) / torch.exp(scores).sum(2, keepdim=True) @ v
        gate = skip.op2(av.permute(0, 2, 1).reshape(2, d_k, 3, 5))
        expected = torch.cat([moved * gate, skip.op3(box_1(decoded))], dim=1)
        torch.testing.assert_close(skip(encoded, decoded), expected)


class LargestTensor(TorchDispatchMode):
    """Remembers the number of elements of the largest tensor that any operation returns."""

    elements = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for tensor in result if isinstance(result, list | tuple) else [result]:
            if isinstance(tensor, Tensor):
                self.elements = max(self.elements, tensor.numel())
        return result


def test_attention_never_stores_the_dense_matrix() -> None:
    skip = AttentionSkip(encoder_channels=8, decoder_channels=16, out_channels=8)
    encoded, decoded = torch.rand(1, 8, 128, 64), torch.rand(1, 16, 64, 32)
    tokens = 64 * 32
    with LargestTensor() as seen:
        skip(encoded, decoded).sum().backward()
    with LargestTensor() as seen_dense:
        torch.softmax(skip.query.weight.new_zeros(tokens, 1) @ torch.zeros(1, tokens), dim=1)
    assert seen_dense.elements == tokens**2
    assert seen.elements <= 16 * 128 * 64  # its own output; A would be 32 times as large


def test_encoder_yields_the_features_of_smp_s_vgg19() -> None:
    reference = smp.encoders.get_encoder("vgg19", depth=3, weights=None)
    with torch.device("meta"):
        encoder = EFEN(pretrained=False).encoder
    encoder.load_state_dict({key: reference.state_dict()[key] for key in encoder.state_dict()}, assign=True)
    images = torch.randn(1, 3, 32, 48)
    with torch.no_grad():
        features, expected = encoder(images), reference(images)
    assert encoder.out_channels == [feature.shape[1] for feature in features] == [64, 128, 256, 512]
    for feature, reference_feature in zip(features, expected, strict=True):
        torch.testing.assert_close(feature, reference_feature)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty torch hub folder, and no network."""

    def refuse(*args: Any, **kwargs: Any) -> None:
        raise URLError("no route to host")

    monkeypatch.setattr(torch.hub, "download_url_to_file", refuse)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    (tmp_path / "checkpoints").mkdir()
    return tmp_path / "checkpoints" / "vgg19-dcbb9e9d.pth"


def test_takes_torchvision_s_imagenet_weights_bit_for_bit(hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("polybench.models.pretrained.provider.checked_sha256", lambda *_: "")  # other bytes, same keys
    with torch.device("meta"):
        shapes = {key: value.shape for key, value in torchvision.models.vgg19(weights=None).state_dict().items()}
    state = {
        key: torch.rand(shape) if "features" in key else torch.zeros(1).expand(shape) for key, shape in shapes.items()
    }
    torch.save(state, hub)
    encoder = EFEN(**UNET).encoder
    loaded = encoder.state_dict()
    assert len(loaded) == 2 * 12
    assert all(torch.equal(value, state[key]) for key, value in loaded.items())


def test_says_which_file_to_fetch_when_there_is_no_network(hub: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        EFEN(**UNET)
    message = str(caught.value)
    assert "https://download.pytorch.org/models/vgg19-dcbb9e9d.pth" in message
    assert str(hub.parent) in message
    assert "no route to host" in message
    assert "pretrained false" in message


@pytest.mark.parametrize("content", [b"", b"<html>not found</html>"])
def test_says_so_when_the_weight_file_is_broken(hub: Path, content: bytes) -> None:
    hub.write_bytes(content)
    with pytest.raises(ConfigError, match=r"vgg19-dcbb9e9d\.pth"):
        EFEN(**UNET)


def test_refuses_imagenet_weights_for_other_widths() -> None:
    with pytest.raises(ConfigError, match=r"\[64, 128, 256, 512\], not \[8, 16, 32, 64\]"):
        EFEN(widths=SMALL)


def test_meta_device_never_asks_for_the_weights(hub: Path) -> None:
    with torch.device("meta"):
        assert EFEN().head.weight.is_meta
