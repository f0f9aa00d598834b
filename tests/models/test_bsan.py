"""BSAN and its ablations: published size, parts, switches, padding, start weights."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from polybench.core.errors import ConfigError
from polybench.models import BSAN
from polybench.models.bsan_attention import FeatureSpaceAttention, ImageSpaceAttention
from polybench.models.swin import STAGE, SwinBlock

NARROW: dict[str, Any] = {
    **{"widths": (8, 8, 16, 16), "depths": (1, 2, 1, 1), "groups": 4},
    **{"dim": 12, "window": 2, "blocks": 2, "hidden": 8},
}
ISAM, FSAM, POINT_HEAD = 4 * 758_226, 4 * 250_662, 29_185
SWITCHES = {"isam": ISAM, "fsam": FSAM, "rendering": POINT_HEAD}


def count(part: Any) -> int:
    return sum(parameter.numel() for parameter in part.parameters())


def narrow(**options: Any) -> BSAN:
    torch.manual_seed(3)
    return BSAN(**{**NARROW, **options})


def logits(net: BSAN, images: Tensor) -> Tensor:
    output = net(images)
    return output if isinstance(output, Tensor) else output["logits"]


@pytest.fixture(scope="module")
def published() -> BSAN:
    """The net of the paper, on the meta device."""
    with torch.device("meta"):
        return BSAN(pretrained=True).eval()  # which asks for no weights there


def test_each_part_has_its_number_of_parameters(published: BSAN) -> None:
    net = published
    assert count(net) == 6_356_290  # the paper: 6.36 M
    assert count(net.encoder) == 1_450_880
    assert count(net.laterals) == 92_928
    assert net.isam is not None
    assert net.fsam is not None
    assert [count(part) for part in net.isam] == 4 * [758_226]
    assert [count(part) for part in net.fsam] == 4 * [250_662]
    assert count(net.fusions) + count(net.head) == 747_745
    assert count(net.renderer) == POINT_HEAD
    assert net.multiple == 128


@pytest.mark.parametrize("off", [[name] for name in SWITCHES] + [list(SWITCHES)], ids="-".join)
def test_part_that_is_off_has_no_parameters(off: list[str]) -> None:
    with torch.device("meta"):
        net = BSAN(**dict.fromkeys(off, False))  # type: ignore[arg-type]
    assert count(net) == 6_356_290 - sum(SWITCHES[name] for name in off)


def test_operations_of_the_published_size(published: BSAN) -> None:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        output = published(torch.empty(1, 3, 256, 256, device="meta"))
    assert counter.get_total_flops() / 2e9 == pytest.approx(30.2, abs=0.05)
    assert {name: tuple(value.shape) for name, value in output.items()} == {
        "logits": (1, 1, 256, 256),
        "coarse": (1, 1, 128, 128),
        "features": (1, 96, 128, 128),
    }


def test_encoder_follows_the_contract_of_smp(published: BSAN) -> None:
    encoder = published.encoder
    pyramid = encoder(torch.empty(1, 3, 64, 128, device="meta"))
    assert encoder.out_channels == [64, 128, 256, 512]
    assert [tuple(features.shape[1:]) for features in pyramid] == [
        *((64, 32, 64), (128, 16, 32), (256, 8, 16), (512, 4, 8)),
    ]


@pytest.mark.parametrize("off", ["", *SWITCHES])
def test_every_parameter_gets_a_gradient(off: str) -> None:
    net = narrow(**({off: False} if off else {}))
    output = net(torch.rand(2, 3, 64, 64))
    loss = logits(net, torch.rand(2, 3, 64, 64)).square().mean()
    if net.renderer is not None:
        loss = loss + net.renderer(output["features"].flatten(2), output["coarse"].flatten(2)).square().mean()
    loss.backward()
    still = [name for name, p in net.named_parameters() if p.grad is None or not p.grad.abs().max() > 0]
    assert still == []


@pytest.mark.parametrize("off", ["isam", "fsam"])
def test_part_that_is_off_changes_the_output(off: str) -> None:
    whole, without = narrow().eval(), narrow(**{off: False}).eval()
    shared = {key: value for key, value in whole.state_dict().items() if not key.startswith(off)}
    without.load_state_dict(shared)  # all that is left has the same names
    images = torch.rand(1, 3, 32, 32)
    with torch.no_grad():
        assert (logits(whole, images) - logits(without, images)).abs().max() > 1e-3


def test_point_head_that_is_off_leaves_the_logits() -> None:
    whole, without = narrow().eval(), narrow(rendering=False).eval()
    without.load_state_dict({key: v for key, v in whole.state_dict().items() if not key.startswith("renderer")})
    images = torch.rand(1, 3, 32, 32)
    with torch.no_grad():
        output = without(images)
        assert isinstance(output, Tensor)
        assert torch.equal(output, logits(whole, images))


def test_sides_that_are_no_multiples_are_padded_with_the_border_and_cropped() -> None:
    net = narrow().eval()
    assert (net.multiple, BSAN(**{**NARROW, "isam": False}).multiple) == (32, 16)
    images = torch.rand(1, 3, 37, 50)
    rows, columns = torch.arange(64).clamp(max=36), torch.arange(64).clamp(max=49)
    with torch.no_grad():
        found, whole = net(images), net(images[:, :, rows][..., columns])
    assert torch.equal(found["logits"], whole["logits"][..., :37, :50])
    assert torch.equal(found["features"], whole["features"])


def test_coarse_logits_are_half_as_large() -> None:
    output = narrow()(torch.rand(2, 3, 32, 64))
    doubled = F.interpolate(output["coarse"], size=(32, 64), mode="bilinear", align_corners=False)
    torch.testing.assert_close(output["logits"], doubled)


def test_image_space_attention_follows_its_equation() -> None:
    torch.manual_seed(0)
    isam = ImageSpaceAttention(dim=12, heads=3, window=4, blocks=3).eval()
    assert [block.shift for block in isam.blocks] == [0, 2, 0]
    features = torch.randn(2, 12, 8, 8)
    tokens = features.permute(0, 2, 3, 1)
    with torch.no_grad():
        for block in isam.blocks:
            tokens = block(tokens)
        torch.testing.assert_close(isam(features), features + isam.conv(tokens.permute(0, 3, 1, 2)))


def test_feature_space_attention_follows_its_equations() -> None:
    torch.manual_seed(0)
    fsam = FeatureSpaceAttention(32).eval()
    features = torch.randn(2, 32, 9, 7)
    conv, dilated = fsam.receptive
    assert (dilated[0].dilation, dilated[0].bias) == ((2, 2), None)
    first, _, second = fsam.fc
    with torch.no_grad():
        seen = dilated(conv(features))

        def fc(vector: Tensor) -> Tensor:
            return F.relu(vector @ first.weight.T + first.bias) @ second.weight.T + second.bias

        summed = fc(F.adaptive_avg_pool2d(seen, 1)[..., 0, 0]) + fc(F.adaptive_max_pool2d(seen, 1)[..., 0, 0])
        gate = 1 / (1 + torch.exp(-summed))
        expected = features + fsam.conv(features * gate[:, :, None, None])
        torch.testing.assert_close(fsam(features), expected)


def test_works_under_bfloat16_autocast_and_channels_last() -> None:
    net = narrow().eval()
    images = torch.rand(2, 3, 64, 48)
    with torch.no_grad():
        expected = net(images)["logits"]
        with torch.autocast("cpu", torch.bfloat16):
            reduced = net.to(memory_format=torch.channels_last)(images.to(memory_format=torch.channels_last))["logits"]
    assert reduced.dtype == torch.bfloat16
    torch.testing.assert_close(reduced.float(), expected, atol=0.1, rtol=0.05)


def test_repeats_exactly_under_deterministic_algorithms() -> None:
    def gradients() -> list[Tensor]:
        net = narrow(rendering=False)
        logits(net, torch.linspace(0, 1, 2 * 3 * 32 * 32).reshape(2, 3, 32, 32)).square().mean().backward()
        return [parameter.grad for parameter in net.parameters() if parameter.grad is not None]

    torch.use_deterministic_algorithms(True)
    try:
        first, second = gradients(), gradients()
    finally:
        torch.use_deterministic_algorithms(False)
    assert all(map(torch.equal, first, second))


@pytest.mark.slow
def test_is_exported_with_its_weights() -> None:
    net = narrow(depths=(1, 1, 1, 1)).eval()
    images = torch.rand(1, 3, 40, 32)
    program = torch.export.export(net, (images,))
    with torch.no_grad():
        torch.testing.assert_close(program.module()(images)["logits"], net(images)["logits"])


def test_state_holds_parameters_and_running_statistics_alone(tmp_path: Path) -> None:
    net, other = narrow(), BSAN(**NARROW)
    torch.save(net.state_dict(), tmp_path / "net.pt")
    other.load_state_dict(torch.load(tmp_path / "net.pt", weights_only=True))
    expected = {name for name, _ in net.named_parameters()}
    extra = {key.rpartition(".")[2] for key in net.state_dict().keys() - expected}
    assert extra == {"running_mean", "running_var", "num_batches_tracked"}


def test_starts_from_the_first_stage_of_swin_t(tmp_path: Path) -> None:
    donors = [SwinBlock(dim=96, heads=3, window=7, shift=0) for _ in range(2)]
    donor = {f"{STAGE}{i}.{key}": value for i, one in enumerate(donors) for key, value in one.state_dict().items()}
    torch.save(donor, tmp_path / "swin.pth")
    options = {**NARROW, "dim": 96, "blocks": 3, "window": 7}
    net = BSAN(**options, pretrained=str(tmp_path / "swin.pth"))
    assert net.isam is not None
    for attention in net.isam:
        blocks = attention.blocks
        assert isinstance(blocks, nn.ModuleList)
        for block, source in zip(blocks, (0, 1, 0), strict=True):
            for name, value in block.state_dict().items():
                assert torch.equal(value, donor[f"{STAGE}{source}.{name}"])


def test_imagenet_weights_need_image_space_attention() -> None:
    with pytest.raises(ConfigError, match="takes no ImageNet weights"):
        narrow(isam=False, pretrained="imagenet")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"widths": (8, 8, 16)}, "four widths"),
        ({"widths": (8, 8, 16, 20)}, "multiples of twice its groups"),
        ({"depths": (1, 0, 1, 1)}, "four depths"),
        ({"dim": 13}, "multiple of its heads"),
        ({"heads": 0}, "one head"),
        ({"heads": -3}, "one head"),
        ({"dim": 0}, "dim and hidden must be at least 1"),
        ({"dim": -12, "isam": False}, "dim and hidden must be at least 1"),
        ({"hidden": 0}, "dim and hidden must be at least 1"),
    ],
)
def test_numbers_that_do_not_fit_together_are_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        narrow(**options)
