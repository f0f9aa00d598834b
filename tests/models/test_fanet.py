"""FANet and its ablations: published sizes, the design written out once more, masks, exact reuse across iterations."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from polybench.core.errors import ConfigError
from polybench.models import FANet
from polybench.models.fanet import Precomputed
from polybench.models.fanet.blocks import SEResidual
from polybench.models.fanet.mixpool import Gate
from polybench.models.unused import parameters_without_gradient

SMALL = (8, 16, 32, 64)
STAGES = ("e1", "e2", "e3", "e4", "d1", "d2", "d3", "d4")
B1: dict[str, Any] = {"mixpools": []}
B3: dict[str, Any] = {"mixpools": ["e1", "d4"]}
B4: dict[str, Any] = {}
VARIANTS: dict[str, dict[str, Any]] = {
    "b1": B1,
    "b3": B3,
    "b4": B4,
    "straight_through": {"gate": "straight_through"},
    "soft": {"gate": "soft"},
    "no_gate": {"gate": "none"},
    "no_ungated": {"ungated": False},
    "one_block": {"se_blocks": 1},
    "three_blocks": {"se_blocks": 3},
}
EACH_VARIANT = pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS)


def small_net(**options: Any) -> FANet:
    """A narrow net in evaluation mode, with batch statistics unlike a fresh one's, each gate about half open."""
    torch.manual_seed(0)
    net = FANet(**options, widths=SMALL)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            for tensor in (module.weight, module.bias, module.running_mean):
                nn.init.normal_(tensor, 0.1, 0.5)
            nn.init.uniform_(module.running_var, 0.5, 2)
    net.eval()
    hooks = [module.logits.register_forward_hook(half_open) for module in net.modules() if isinstance(module, Gate)]
    with torch.no_grad():
        net(*images_and_mask())
    for hook in hooks:
        hook.remove()
    return net


def half_open(logits: nn.Sequential, inputs: tuple[Tensor], output: Tensor) -> Tensor:
    """Move a gate's logits while they pass, so that about half are on and none is so near 0 that rounding decides."""
    middle = output.flatten().sort().values[int(0.4 * output.numel()) : int(0.6 * output.numel())]
    widest = int(middle.diff().argmax())
    shift, scale = (middle[widest] + middle[widest + 1]) / 2, 1 / output.std()
    logits.get_parameter("3.bias").sub_(shift).mul_(scale)
    logits.get_parameter("3.weight").mul_(scale)
    return (output - shift) * scale


def images_and_mask(height: int = 32, width: int = 48) -> tuple[Tensor, Tensor]:
    """Two images, and masks of 2 % scattered pixels: about half of the 8x8 cells hold one."""
    generator = torch.Generator().manual_seed(1)
    images = torch.rand(2, 3, height, width, generator=generator)
    return images, (torch.rand(2, 1, height, width, generator=generator) < 0.02).float()


def written_out(net: FANet, images: Tensor, mask: Tensor, gate: str, blocks: int) -> Tensor:
    """FANet after the facts about its released code, with torch's functions on the state dict, nothing precomputed."""
    state = net.state_dict()

    def conv(name: str, x: Tensor) -> Tensor:
        weight = state[f"{name}.weight"]
        return F.conv2d(x, weight, state.get(f"{name}.bias"), padding=weight.shape[-1] // 2)

    def norm(name: str, x: Tensor) -> Tensor:
        mean, variance = state[f"{name}.running_mean"], state[f"{name}.running_var"]
        return F.batch_norm(x, mean, variance, state[f"{name}.weight"], state[f"{name}.bias"])

    def residual_block(name: str, x: Tensor) -> Tensor:
        y = norm(f"{name}.residual.1", conv(f"{name}.residual.0", x)).relu()
        y = norm(f"{name}.residual.4", conv(f"{name}.residual.3", y))
        s = norm(f"{name}.shortcut.1", conv(f"{name}.shortcut.0", x))
        squeezed = conv(f"{name}.excitation.1", s.mean((2, 3), keepdim=True)).relu()
        return (y + s * conv(f"{name}.excitation.3", squeezed).sigmoid()).relu()

    def attention(name: str, x: Tensor) -> Tensor:
        if f"{name}.mixpool.gated.0.weight" not in state:
            return x
        ratio = mask.shape[-1] // x.shape[-1]
        cells = mask.bool().reshape(len(mask), 1, x.shape[2], ratio, x.shape[3], ratio).any(5).any(3)
        union = cells.float()
        if gate != "none":
            hidden = norm(f"{name}.mixpool.gate.logits.1", conv(f"{name}.mixpool.gate.logits.0", x)).relu()
            opened = conv(f"{name}.mixpool.gate.logits.3", hidden).sigmoid()
            union = torch.where(cells, 1, opened) if gate == "soft" else (cells | (opened > 0.5)).float()
        branches = [("gated", x * union), ("ungated", x)]
        present = [(branch, y) for branch, y in branches if f"{name}.mixpool.{branch}.0.weight" in state]
        halves = [
            norm(f"{name}.mixpool.{branch}.1", conv(f"{name}.mixpool.{branch}.0", y)).relu() for branch, y in present
        ]
        return torch.cat(halves, 1)

    x = images
    skips: list[Tensor] = []
    for name in ("e1", "e2", "e3", "e4", "d1", "d2", "d3", "d4"):
        if name.startswith("d"):
            up = F.conv_transpose2d(x, state[f"{name}.up.weight"], state[f"{name}.up.bias"], stride=2, padding=1)
            x = torch.cat([up, skips.pop()], 1)
        for index in range(blocks):
            x = residual_block(f"{name}.blocks.{index}", x)
        if name.startswith("e"):
            skips.append(x)
        x = attention(name, x)
        if name.startswith("e"):
            x = F.max_pool2d(x, 2)
    return conv("head", torch.cat([x, mask], 1))


@EACH_VARIANT
def test_equals_the_design_written_out(options: dict[str, Any]) -> None:
    net = small_net(**options)
    images, mask = images_and_mask()
    with torch.no_grad():
        expected = written_out(net, images, mask, options.get("gate", "frozen"), options.get("se_blocks", 2))
        torch.testing.assert_close(net(images, mask), expected, rtol=1e-5, atol=1e-6)  # the order of sums may differ


@EACH_VARIANT
def test_precomputed_features_serve_any_number_of_masks_bit_for_bit(options: dict[str, Any]) -> None:
    net = small_net(**options)
    images, mask = images_and_mask()
    with torch.no_grad():
        state = net.precompute(images)
        for feedback in (mask, 1 - mask, mask):
            assert torch.equal(net.refine(state, feedback), net(images, feedback))


@pytest.mark.parametrize("options", [B1, B4, {"gate": "none"}, {"ungated": False}], ids=["b1", "b4", "gate", "f_l"])
def test_samples_of_precomputed_features_can_be_exchanged(options: dict[str, Any]) -> None:
    net = small_net(**options)
    images, mask = images_and_mask()
    others = images.flip(2)
    with torch.no_grad():
        mixed = net.precompute(images)
        mixed[0] = mixed[1]
        mixed[1] = net.precompute(others)[0]
        assert torch.equal(net.refine(mixed, mask), net(torch.stack([images[1], others[0]]), mask))


def test_exchange_takes_gate_and_ungated_branch_of_the_same_samples_along() -> None:
    def state(*samples: float) -> Precomputed:
        values = torch.tensor(samples).reshape(-1, 1, 1, 1)
        return Precomputed(values, values + 10, values + 20)

    mixed = state(0, 1, 2)[[2, 0, 0]]
    mixed[2] = state(3, 4)[1]
    assert mixed.gate is not None
    assert mixed.ungated is not None
    assert mixed.features.flatten().tolist() == [2, 0, 4]
    assert mixed.gate.flatten().tolist() == [12, 10, 14]
    assert mixed.ungated.flatten().tolist() == [22, 20, 24]


@pytest.mark.parametrize(
    ("options", "published"),
    [(B1, 5_756_818), (B3, 5_780_196), (B4, 7_720_266), ({"gate": "none"}, 7_720_266 - 982_088)],
    ids=["b1", "b3", "b4", "no_gate"],
)
def test_has_the_published_number_of_parameters(options: dict[str, Any], published: int) -> None:
    assert parameters(meta_net(**options)) == published


@pytest.mark.parametrize(("blocks", "millions"), [(1, 5.65), (2, 7.72), (3, 9.80), (4, 11.87)])
def test_each_further_block_adds_what_arithmetic_says(blocks: int, millions: float) -> None:
    per_block = 0  # at unchanged width c: two 3x3 and one 1x1 convolution, three normalisations, squeeze-and-excitation
    for c in (32, 64, 128, 256, 128, 64, 32, 16):
        per_block += 2 * (9 * c * c + c) + (c * c + c) + 3 * 2 * c + 2 * c
    count = parameters(meta_net(se_blocks=blocks))
    assert count == 7_720_266 + (blocks - 2) * per_block
    assert round(count / 1e6, 2) == millions


def test_without_the_ungated_branch_the_number_of_parameters_stays() -> None:
    assert parameters(meta_net(ungated=False)) == 7_720_266


def test_stages_have_the_published_numbers_of_parameters() -> None:
    net = meta_net()
    counts = {name: parameters(child) for name, child in net.named_children()}
    published = [48_993, 210_753, 839_297, 3_349_761, 2_461_569, 616_385, 154_593, 38_897, 18]
    assert counts == dict(zip([*STAGES, "head"], published, strict=True))


@pytest.mark.parametrize(
    ("options", "side", "giga"),
    [(B1, 256, 14.224), (B3, 256, 15.737), (B4, 256, 20.270), (B4, 512, 81.079)],
    ids=["b1", "b3", "b4", "b4_512"],
)
def test_has_the_measured_multiply_accumulates(options: dict[str, Any], side: int, giga: float) -> None:
    net = meta_net(**options)
    images, mask = torch.empty(1, 3, side, side, device="meta"), torch.empty(1, 1, side, side, device="meta")
    assert round(multiply_accumulates(lambda: net(images, mask)) / 1e9, 3) == giga


def test_precomputes_all_of_the_14_percent_that_need_no_mask() -> None:
    net, images = meta_net(), torch.empty(1, 3, 512, 512, device="meta")
    assert round(multiply_accumulates(lambda: net.precompute(images)) / 1e9, 3) == 11.400


def test_named_stages_can_be_hooked_at_their_sizes() -> None:
    net = meta_net()
    shapes: dict[str, tuple[int, ...]] = {}
    for name in STAGES:
        net.get_submodule(name).register_forward_hook(
            lambda module, inputs, output, name=name: shapes.__setitem__(name, tuple(output.shape))
        )
    assert net(torch.empty(2, 3, 64, 96, device="meta"), torch.empty(2, 1, 64, 96, device="meta")).shape == (
        2,
        1,
        64,
        96,
    )
    assert shapes == {
        "e1": (2, 32, 64, 96),
        "e2": (2, 64, 32, 48),
        "e3": (2, 128, 16, 24),
        "e4": (2, 256, 8, 12),
        "d1": (2, 128, 8, 12),
        "d2": (2, 64, 16, 24),
        "d3": (2, 32, 32, 48),
        "d4": (2, 16, 64, 96),
    }


@pytest.mark.parametrize("options", [B3, B4, {"gate": "none"}], ids=["b3", "b4", "no_gate"])
def test_mask_reaches_the_output_through_mixpool_alone(options: dict[str, Any]) -> None:
    net = small_net(**options)
    nn.init.zeros_(net.head.weight[:, -1:])
    images, mask = images_and_mask()
    with torch.no_grad():
        assert not torch.equal(net(images, mask), net(images, 0 * mask))


def test_without_mixpool_only_the_output_layer_sees_the_mask() -> None:
    net = small_net(**B1)
    images, mask = images_and_mask()
    with torch.no_grad():
        difference = net(images, mask) - net(images, 0 * mask)
        torch.testing.assert_close(difference, mask * net.head.weight[0, -1], atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    "encode",
    [Tensor.bool, lambda mask: 0.3 * mask, lambda mask: -mask.double(), lambda mask: (255 * mask).to(torch.uint8)],
    ids=["bool", "soft", "negative", "uint8"],
)
def test_whatever_is_not_zero_is_foreground(encode: Callable[[Tensor], Tensor]) -> None:
    net = small_net()
    images, mask = images_and_mask()
    with torch.no_grad():
        assert torch.equal(net(images, encode(mask)), net(images, mask))


def test_one_pixel_switches_a_whole_cell_of_the_coarsest_stages_on() -> None:
    net = small_net(mixpools=["e4", "d1"], gate="none")
    nn.init.zeros_(net.head.weight[:, -1:])
    images, _ = images_and_mask()
    sparse = torch.zeros(2, 1, 32, 48)
    sparse[..., 7::8, 3::8] = 1
    with torch.no_grad():
        assert torch.equal(net(images, sparse), net(images, torch.ones(2, 1, 32, 48)))


def test_repeats_exactly_and_keeps_its_statistics_in_evaluation() -> None:
    net = small_net()
    images, mask = images_and_mask()
    before = {key: value.clone() for key, value in net.state_dict().items()}
    with torch.no_grad():
        assert torch.equal(net(images, mask), net(images, mask))
    assert all(torch.equal(value, before[key]) for key, value in net.state_dict().items())


@pytest.mark.parametrize("gate", ["frozen", "straight_through", "soft", "none"])
def test_works_under_bfloat16_autocast_and_channels_last(gate: Any) -> None:
    net = small_net(gate=gate)
    images, mask = images_and_mask()
    net = net.to(memory_format=torch.channels_last)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        logits = net(images.to(memory_format=torch.channels_last), mask)
    assert logits.dtype == torch.bfloat16
    assert logits.isfinite().all()


@pytest.mark.parametrize(
    ("height", "width", "smaller", "larger"),
    [(250, 256, "240x256", "256x256"), (64, 60, "64x48", "64x64"), (5, 16, "16x16", "16x16")],
)
def test_names_the_nearest_sizes_for_one_it_cannot_take(height: int, width: int, smaller: str, larger: str) -> None:
    net = meta_net()
    images, mask = torch.empty(1, 3, height, width, device="meta"), torch.empty(1, 1, height, width, device="meta")
    with pytest.raises(ConfigError, match=rf"not {height}x{width} .*{smaller} or {larger}"):
        net(images, mask)


@pytest.mark.parametrize("widths", [(8, 16, 32), (8, 16, 34, 64), (0, 8, 16, 32)])
def test_refuses_widths_that_cannot_be_halved_twice(widths: tuple[int, ...]) -> None:
    with pytest.raises(ConfigError, match="four positive multiples of 4"):
        FANet(widths=widths)  # type: ignore[arg-type]


def test_refuses_stages_without_a_block() -> None:
    with pytest.raises(ConfigError, match="at least one SE-Residual block per stage, not 0"):
        FANet(se_blocks=0)


def meta_net(**options: Any) -> FANet:
    with torch.device("meta"):
        return FANet(**options)


def parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def multiply_accumulates(run: Callable[[], object]) -> float:
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        run()
    return counter.get_total_flops() / 2


@pytest.mark.parametrize("options", [B1, B4], ids=["b1", "b4"])
def test_no_feedback_is_an_empty_mask(options: dict[str, Any]) -> None:
    net = small_net(**options)
    images, mask = images_and_mask()
    with torch.no_grad():
        assert torch.equal(net(images), net(images, torch.zeros_like(mask)))
        assert not torch.equal(net(images), net(images, mask))


@EACH_VARIANT
def test_a_gradient_reaches_all_that_is_trained(options: dict[str, Any]) -> None:
    assert parameters_without_gradient(FANet(**options, widths=SMALL), (32, 32)) == []


def test_excitation_of_the_text_has_the_size_that_arithmetic_says() -> None:
    count = 7_720_266
    for width in (32, 64, 128, 256, 128, 64, 32, 16):
        count += 2 * (2 * width * (width // 16) - 2 * width)  # hidden layers of a 16th, in both blocks of the stage
        count -= width * width + 3 * width  # the identity of the second: no convolution, no batch norm
    assert parameters(meta_net(excitation="text")) == count == 7_633_626


def test_excitation_of_the_text_scales_the_residual_beside_the_identity() -> None:
    block = SEResidual(32, 32, "text").eval()
    features = torch.randn(2, 32, 8, 8, generator=torch.Generator().manual_seed(0))
    residual = block.residual(features)
    first, second = block.excitation[1], block.excitation[3]
    hidden = F.relu(residual.mean(dim=(2, 3)) @ first.weight[:, :, 0, 0].T)
    scale = torch.sigmoid(hidden @ second.weight[:, :, 0, 0].T)[:, :, None, None]
    assert hidden.shape == (2, 2)
    torch.testing.assert_close(block(features), F.relu(residual * scale + features))
