"""Transformers of TransUNet and TransFuse against timm's, from weights in a file; fusions by their equations."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from timm.layers.std_conv import StdConv2dSame
from timm.models.resnetv2 import ResNetV2
from timm.models.vision_transformer import VisionTransformer
from timm.models.vision_transformer_hybrid import HybridEmbed
from torch import Tensor, nn
from torch.nn import functional as F

from polybench.core.errors import ConfigError
from polybench.models import LDNet, TransFuse, TransUNet
from polybench.models.ldnet import CrossAttention, KernelUpdate, SelfAttention
from polybench.models.transfuse import BiFusion
from polybench.models.vit import Tokens

HYBRID: dict[str, Any] = {
    **{"widths": (128, 128, 128), "layers": (1, 1, 1), "dim": 16, "depth": 2, "heads": 2},
    "decoder": (8, 8, 8, 8, 8),
}
NARROW: dict[str, Any] = {"dim": 16, "depth": 1, "heads": 2, "encoder": "resnet18", "encoder_weights": None}
SIDE = 14 * 16


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def seeded(part: Any) -> Any:
    random = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in part.parameters():
            parameter.copy_(0.3 * torch.randn(parameter.shape, generator=random))
    return part.eval()


def hybrid(class_token: bool = False) -> VisionTransformer:
    """timm's hybrid with the sizes of `HYBRID`."""
    torch.manual_seed(0)
    backbone = ResNetV2(
        layers=[1, 1, 1],
        channels=(128, 128, 128),
        num_classes=0,
        global_pool="",
        preact=False,
        stem_chs=32,
        stem_type="same",
        conv_layer=partial(StdConv2dSame, eps=1e-8),
    )
    embed = partial(HybridEmbed, backbone=backbone, proj=True)
    sizes: dict[str, Any] = {
        "img_size": SIDE,
        "patch_size": 1,
        "embed_dim": 16,
        "depth": 2,
        "num_heads": 2,
        "num_classes": 0,
    }
    return VisionTransformer(**sizes, embed_layer=embed, class_token=class_token, global_pool="").eval()


def saved(net: nn.Module, folder: Path) -> str:
    torch.save(net.state_dict(), folder / "weights.pth")
    return str(folder / "weights.pth")


def test_encoder_of_transunet_is_timm_s_hybrid(tmp_path: Path) -> None:
    theirs = seeded(hybrid())
    encoder = TransUNet(**HYBRID, pretrained=saved(theirs, tmp_path)).eval().encoder
    images = noise(1, 3, SIDE, SIDE)
    with torch.no_grad():
        tokens = theirs.forward_features(images)
        pyramid = encoder(images)
    torch.testing.assert_close(pyramid[-1], tokens.mT.reshape(1, 16, 14, 14), rtol=1e-3, atol=1e-4)
    assert [tuple(one.shape[1:]) for one in pyramid] == [(32, 112, 112), (128, 56, 56), (128, 28, 28), (16, 14, 14)]


def test_class_token_and_its_position_are_left_out(tmp_path: Path) -> None:
    theirs = hybrid(class_token=True)
    encoder = TransUNet(**HYBRID, pretrained=saved(theirs, tmp_path)).encoder
    torch.testing.assert_close(encoder.tokens.positions, theirs.pos_embed[:, 1:])


def test_transformer_of_transfuse_takes_the_first_blocks_and_resized_positions(tmp_path: Path) -> None:
    torch.manual_seed(0)
    theirs = VisionTransformer(img_size=SIDE, patch_size=16, embed_dim=16, depth=3, num_heads=2, num_classes=0)
    net = TransFuse(**NARROW, pretrained=saved(theirs, tmp_path))
    torch.testing.assert_close(net.embedding.weight, theirs.patch_embed.proj.weight)
    assert theirs.pos_embed is not None
    maps = theirs.pos_embed[:, 1:].mT.reshape(1, 16, 14, 14)
    expected = F.interpolate(maps, (12, 16), mode="bicubic").flatten(2).mT
    torch.testing.assert_close(net.tokens.positions, expected)
    first = theirs.blocks[0].state_dict()
    assert all(torch.equal(value, first[key]) for key, value in net.tokens.blocks[0].state_dict().items())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"depth": 3}, "The weights have no 'blocks.2.norm1.weight'"),
        ({"dim": 32}, "don't fit: 'patch_embed.proj.weight' has the shape"),
    ],
)
def test_weights_that_do_not_fit_are_refused(options: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=said):
        TransUNet(**{**HYBRID, **options}, pretrained=saved(hybrid(), tmp_path))


def test_missing_file_is_named() -> None:
    with pytest.raises(ConfigError, match=r"there is no file 'missing.pth': give a state dict of timm's vit_base_r50"):
        TransUNet(**HYBRID, pretrained="missing.pth")


def test_positions_follow_the_size_of_the_map() -> None:
    tokens = seeded(Tokens(8, 1, 2, (4, 6)))
    assert tokens(noise(1, 8, 4, 6)).shape == (1, 8, 4, 6)
    wide = tokens._positions_at((8, 12)).mT.reshape(1, 8, 8, 12)
    own = tokens.positions.mT.reshape(1, 8, 4, 6)
    torch.testing.assert_close(wide, F.interpolate(own, scale_factor=2, mode="bicubic"))


def test_fusion_weighs_places_and_channels() -> None:
    part = seeded(BiFusion(4, 6, 8, 2, 0.0))
    g, t = noise(2, 4, 5, 5), noise(2, 6, 5, 5, seed=1)
    places = part.places(torch.cat([g.max(1, keepdim=True).values, g.mean(1, keepdim=True)], 1)).sigmoid()
    channels = part.channels(t.mean((2, 3), keepdim=True)).sigmoid()
    product = part.product(part.of_map(g) * part.of_tokens(t))
    joined = torch.cat([g * places, t * channels, product], 1)
    torch.testing.assert_close(part(g, t), part.residual(joined) + part.shortcut(joined))


def test_self_attention_sees_means_over_1_9_and_25_cells() -> None:
    part = seeded(SelfAttention(4, 1, 8))
    x = noise(1, 4, 15, 15)
    q, k, v = part.entry(x).chunk(3, 1)

    def pooled(one: Tensor) -> Tensor:
        cells = [
            one.unfold(2, 15 // side, 15 // side).unfold(3, 15 // side, 15 // side).mean((4, 5)) for side in (1, 3, 5)
        ]
        return torch.cat([cell.flatten(2) for cell in cells], 2)

    weights = (torch.einsum("ncp,nck->npk", q.flatten(2), pooled(k)) / 8).softmax(-1)
    found = torch.einsum("npk,nck->npc", weights, pooled(v))
    tokens = x.flatten(2).mT + part.exit(found)
    tokens = tokens + part.perceptron(tokens)
    torch.testing.assert_close(part(x), tokens.mT.reshape(1, 4, 15, 15))


def test_cross_attention_adds_the_mean_value_under_the_mask_to_every_place() -> None:
    part = seeded(CrossAttention(4, 1, 8))
    x, logits = noise(1, 4, 6, 6), noise(1, 1, 6, 6, seed=1)
    v, mask = part.entry(x).chunk(3, 1)[2], logits.sigmoid()
    mean = (v * mask).sum((2, 3)) / (mask.sum((2, 3)) + 5e-4)
    tokens = x.flatten(2).mT + part.exit(mean)[:, None]
    tokens = tokens + part.perceptron(tokens)
    torch.testing.assert_close(part(x, logits), tokens.mT.reshape(1, 4, 6, 6))


def test_kernel_is_updated_through_two_gates() -> None:
    part = seeded(KernelUpdate(4))
    kernel, features, logits = noise(2, 4), noise(2, 4, 6, 6, seed=1), noise(2, 1, 3, 3, seed=2)
    mask = F.interpolate(logits, (6, 6), mode="bilinear").sigmoid()
    region = part.of_region(torch.einsum("nohw,nchw->nc", mask, features))
    own = part.of_kernel(kernel)
    both = region[:, :4] * own[:, :4]
    mixed = part.gates[0](both).sigmoid() * part.norms[0](region[:, 4:])
    mixed = mixed + part.gates[1](both).sigmoid() * part.norms[1](own[:, 4:])
    torch.testing.assert_close(part(kernel, features, logits), part.exit(mixed))


def test_kernel_of_an_image_is_its_own() -> None:
    sizes: dict[str, Any] = {"widths": (8, 8, 8, 16), "channels": 8, "heads": 1, "hidden": 8}
    net = LDNet(**sizes, encoder="tu-test_resnet", encoder_weights=None).eval()
    images = noise(2, 3, 64, 64)
    with torch.no_grad():
        together = net(images)
        torch.testing.assert_close(together[:1], net(images[:1]), rtol=1e-3, atol=1e-4)
        torch.testing.assert_close(together[1:], net(images[1:]), rtol=1e-3, atol=1e-4)
