"""Parts of the comparison nets against their equations, by other means than the nets use."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from polybench.models import R2UNet, SANet, UNetPlusPlus
from polybench.models.attention_unet import AttentionGate
from polybench.models.bcdunet import ConvLSTM
from polybench.models.dense_unet import DenseBlock
from polybench.models.doubleunet import DoubleUNet
from polybench.models.dunet import DeformableConv
from polybench.models.fcn import bilinear_up
from polybench.models.iternet import IterNet
from polybench.models.pranet import PraNet, ReverseAttention
from polybench.models.r2unet import RecurrentBlock
from polybench.models.sanet import corrected
from polybench.models.uacanet import AxialAttention, ContextAttention, regions

TINY = {"encoder": "tu-test_resnet", "encoder_weights": None}


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def seeded(part: nn.Module) -> nn.Module:
    """Normal numbers in all parameters, and statistics as if they had been seen."""
    random = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in part.parameters():
            parameter.copy_(0.5 * torch.randn(parameter.shape, generator=random))
    return part.eval()


def test_gate_weighs_each_place_of_the_skip_by_a_number_between_0_and_1() -> None:
    gate = seeded(AttentionGate(4))
    skip, signal = noise(2, 4, 5, 6), noise(2, 4, 5, 6, seed=1)
    weights = gate(skip, signal) / skip
    torch.testing.assert_close(weights, weights[:, :1].expand_as(weights))
    assert 0 < weights.min().item() < weights.max().item() < 1
    assert not torch.allclose(weights, gate(skip, signal + 1) / skip)


def test_recurrent_block_adds_its_input_before_each_further_pass() -> None:
    block = seeded(RecurrentBlock(3, 4, steps=2, residual=True))
    images = noise(1, 3, 6, 6)
    x0 = block.entry(images)
    first, second = block.convs
    y = first(x0)
    y = first(x0 + y)
    y = first(x0 + y)
    z = second(y)
    z = second(y + z)
    z = second(y + z)
    torch.testing.assert_close(block(images), x0 + z)


def test_residual_unet_runs_each_convolution_once_and_recurrent_unet_adds_nothing() -> None:
    counts = {}
    for steps in (0, 2):
        net = R2UNet((4, 8), steps=steps).eval()
        calls: list[int] = []
        net.encoder.stages[0].convs[0].register_forward_hook(lambda *_, calls=calls: calls.append(1))  # type: ignore[union-attr, index]
        net(noise(1, 3, 4, 4))
        counts[steps] = len(calls)
    assert counts == {0: 1, 2: 3}
    block = seeded(RecurrentBlock(3, 4, steps=0, residual=False))
    images = noise(1, 3, 6, 6)
    torch.testing.assert_close(block(images), block.convs[1](block.convs[0](block.entry(images))))


def test_layer_of_a_dense_block_sees_all_before_it() -> None:
    block = seeded(DenseBlock(3, 8))
    x = noise(1, 3, 4, 4)
    maps = [x]
    for layer in block.layers:
        maps.append(layer(torch.cat(maps, 1)))
    torch.testing.assert_close(block(x), torch.cat(maps[1:], 1))


def test_deformable_convolution_starts_as_an_ordinary_one_and_then_moves() -> None:
    part = DeformableConv(3, 4)
    x = noise(2, 3, 8, 8)
    weight = part.sampled.weight
    torch.testing.assert_close(part(x), F.conv2d(x, weight, padding=1), atol=1e-5, rtol=1e-4)
    assert part.offsets.bias is not None
    with torch.no_grad():
        part.offsets.bias[::2] = 1.0  # offsets are (y, x) for each of nine places: one pixel down
    moved = F.conv2d(F.pad(x[:, :, 1:], (0, 0, 0, 1)), weight, padding=1)
    torch.testing.assert_close(part(x)[:, :, 1:-1], moved[:, :, 1:-1], atol=1e-5, rtol=1e-4)


def test_conv_lstm_follows_its_equations() -> None:
    cell = seeded(ConvLSTM(2, 3))
    steps = [noise(1, 2, 4, 5), noise(1, 2, 4, 5, seed=1)]
    h, c = torch.zeros(1, 3, 4, 5), torch.zeros(1, 3, 4, 5)
    for x in steps:
        gates = cell.of_input(x) + cell.of_state(h)
        i, f, o, g = gates[:, :3], gates[:, 3:6], gates[:, 6:9], gates[:, 9:]
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
    torch.testing.assert_close(cell(steps), h)


def test_transposed_convolution_of_fcn_starts_as_bilinear_interpolation() -> None:
    x = noise(1, 2, 5, 6)
    for factor in (2, 8, 16):
        expected = F.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=False)
        inner = slice(factor, -factor)  # the border of a transposed convolution fades to zero
        torch.testing.assert_close(bilinear_up(2, factor)(x)[..., inner, inner], expected[..., inner, inner])


def test_nested_unet_averages_its_heads_in_evaluation_and_returns_the_deepest_first() -> None:
    net = UNetPlusPlus((4, 4, 8), deep_supervision=True)
    for parameter in net.heads[0].parameters():
        nn.init.zeros_(parameter)
    images = noise(2, 3, 8, 8)
    deep, shallow = net.train()(images)
    assert bool((shallow == 0).all())
    assert bool((deep != 0).any())
    net.eval()
    seen = net(images)
    with torch.no_grad():
        for parameter in net.heads[1].parameters():
            parameter.mul_(2)
    torch.testing.assert_close(net(images), 2 * seen)


def test_iterations_share_their_unet_and_the_last_is_the_prediction() -> None:
    net = seeded(IterNet(width=2, iterations=3))
    images = noise(1, 3, 16, 16)
    predicted = net(images)
    torch.testing.assert_close(net.train()(images)[0], predicted)
    assert len(net(images)) == 4
    assert len([name for name, _ in net.named_parameters() if name.startswith("small.first.0.")]) == 2


def test_second_unet_sees_the_image_under_the_first_mask() -> None:
    net = DoubleUNet((4, 4, 4, 4), 4, "vgg11", None).eval()
    images = noise(1, 3, 32, 32)
    seen: list[Tensor] = []
    net.encoder2.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    head: list[Tensor] = []
    net.head.register_forward_hook(lambda module, inputs, output: head.append(output))
    net(images)
    torch.testing.assert_close(seen[0], images * head[0].sigmoid())


def test_reverse_attention_looks_where_the_deeper_map_found_nothing() -> None:
    part = seeded(ReverseAttention(4, 3, 3, 2))
    features = noise(1, 4, 6, 6)
    everywhere = torch.full((1, 1, 3, 3), 40.0)
    blank = part(torch.zeros_like(features), everywhere)
    torch.testing.assert_close(part(features, everywhere), blank)
    assert not torch.allclose(part(features, -everywhere) + 80, blank)


def test_pranet_adds_each_stage_to_the_map_before_it() -> None:
    net = PraNet(8, reverse=(8, 8), **TINY)  # type: ignore[arg-type]
    for stage in net.stages:
        nn.init.zeros_(stage.exit[1].weight)  # type: ignore[union-attr, index]
    coarse: list[Tensor] = []
    net.partial.register_forward_hook(lambda module, inputs, output: coarse.append(output))
    finest_first = net(noise(2, 3, 64, 64))
    expected, sizes = coarse[0], [(2, 2), (4, 4), (8, 8)]
    assert expected.shape == (2, 1, 8, 8)
    for found, size in zip(finest_first[2::-1], sizes, strict=True):
        expected = F.interpolate(expected, size, mode="bilinear")
        torch.testing.assert_close(found, F.interpolate(expected, (64, 64), mode="bilinear"))
    torch.testing.assert_close(finest_first[3], F.interpolate(coarse[0], (64, 64), mode="bilinear"))


def test_correction_divides_each_sign_by_its_share() -> None:
    logits = torch.tensor([[[[3.0, -1.0], [-2.0, -6.0]]], [[[-1.0, -2.0], [-4.0, -8.0]]]])
    expected = torch.tensor([[[[12.0, -4 / 3], [-8 / 3, -8.0]]], [[[-1.0, -2.0], [-4.0, -8.0]]]])
    torch.testing.assert_close(corrected(logits), expected)
    net = SANet(8, **TINY).eval()  # type: ignore[arg-type]
    images = noise(2, 3, 32, 32)
    with torch.no_grad():
        once = net(images)
        net.correction = False
        torch.testing.assert_close(once, corrected(net(images)))


def test_regions_are_foreground_background_and_what_is_uncertain() -> None:
    probability = torch.tensor([0.0, 0.2, 0.5, 0.9]).reshape(1, 1, 1, 4)
    expected = torch.tensor([[0, 0, 0, 0.4], [0.5, 0.3, 0, 0], [0, 0.2, 0.5, 0.1]]).reshape(1, 3, 1, 4)
    torch.testing.assert_close(regions(probability), expected)


def test_axial_attention_mixes_places_of_one_line_alone() -> None:
    x = noise(1, 8, 4, 5)
    changed = x.clone()
    changed[..., 2, 3] += 1
    for along, others in (("height", (slice(None), [0, 1, 2, 4])), ("width", ([0, 1, 3], slice(None)))):
        part = seeded(AxialAttention(8, along))
        moved = (part(changed) - part(x)).abs().sum(1)[0]
        assert bool((moved[others] == 0).all())
        line = moved[:, 3] if along == "height" else moved[2]
        assert bool((line > 0).all())


def test_axial_attention_is_the_dense_one_of_each_column() -> None:
    part = seeded(AxialAttention(8, "height"))
    x = noise(1, 8, 4, 3)
    q, k, v = part.query(x), part.key(x), part.value(x)
    weights = torch.einsum("ncyx,nczx->nxyz", q, k).softmax(-1)
    torch.testing.assert_close(part(x), x + part.weight * torch.einsum("nxyz,nczx->ncyx", weights, v))


def test_context_attention_is_the_dense_one_over_three_mean_features() -> None:
    part = seeded(ContextAttention(4, 8))
    x, logits = noise(1, 4, 3, 5), noise(1, 1, 3, 5, seed=1)
    areas = regions(logits.sigmoid()).reshape(1, 3, 15)
    means = torch.einsum("nrp,ncp->ncr", areas, x.reshape(1, 4, 15)).unsqueeze(3)
    q = part.query(x).reshape(1, 8, 15)
    k, v = part.key(means).squeeze(3), part.value(means).squeeze(3)
    weights = (torch.einsum("ncp,ncr->npr", q, k) / 8**0.5).softmax(-1)
    context = part.context(torch.einsum("npr,ncr->ncp", weights, v).reshape(1, 8, 3, 5))
    features = part.fusion(torch.cat([x, context], 1))
    found = part(x, logits)
    torch.testing.assert_close(found[0], features)
    torch.testing.assert_close(found[1], part.head(features) + logits)
