"""Sizes of the comparison nets by hand: parameters and output shape of each stage, from the papers' descriptions.

Nothing here is read off a net. A stage is a path of modules; its shape is that of its last (or only) map for an image
of 256x256.
"""

from itertools import pairwise
from typing import Any, NamedTuple

SIDE = 256
UNET = (64, 128, 256, 512, 1024)
RES2NET50 = 25_718_352 - 2_049_000
"""timm's `res2net50d` as published, without the classifier (2048 x 1000 + 1000)."""


class Stage(NamedTuple):
    """Parameters, and channels, height and width of the output (channels alone of a vector)."""

    path: str
    parameters: int
    shape: tuple[int, ...]


class Published(NamedTuple):
    """A net as published.

    Attributes:
        net: Its class.
        options: What gives it.
        counted: The published or counted number of parameters.
        beside: What that number counts and the net lacks.
        stages: All of its stages.
    """

    net: str
    options: dict[str, Any]
    counted: int
    beside: int
    stages: list[Stage]


def conv(inputs: int, outputs: int, kernel: int = 3, bias: bool = True) -> int:
    return kernel * kernel * inputs * outputs + (outputs if bias else 0)


def norm(channels: int) -> int:
    return 2 * channels


def conv_norm(inputs: int, outputs: int, kernel: int = 3, bias: bool = True) -> int:
    return conv(inputs, outputs, kernel, bias) + norm(outputs)


def pair(inputs: int, outputs: int) -> int:
    return conv_norm(inputs, outputs) + conv_norm(outputs, outputs)


def plain_pair(inputs: int, outputs: int) -> int:
    return conv(inputs, outputs) + conv(outputs, outputs)


def transposed(below: int, width: int) -> int:
    return conv(below, width, 2)


def gate(width: int) -> int:
    return 2 * conv_norm(width, width // 2, 1) + conv_norm(width // 2, 1, 1)


def encoder(widths: tuple[int, ...], block: Any, name: str = "encoder") -> list[Stage]:
    return [
        Stage(f"{name}.stages.{scale}", block(before, width), (width, SIDE >> scale, SIDE >> scale))
        for scale, (before, width) in enumerate(pairwise((3, *widths)))
    ]


def decoder(widths: tuple[int, ...], up: Any, block: Any, gated: bool = False, name: str = "decoder") -> list[Stage]:
    stages = []
    for scale, (width, below) in enumerate(pairwise(widths)):
        shape = (width, SIDE >> scale, SIDE >> scale)
        stages.append(Stage(f"{name}.ups.{scale}", up(below, width), shape))
        stages.append(Stage(f"{name}.blocks.{scale}", block(2 * width, width), shape))
        stages += [Stage(f"{name}.gates.{scale}", gate(width), shape)] if gated else []
    return stages


def head(width: int, path: str = "head", side: int = SIDE) -> Stage:
    return Stage(path, conv(width, 1, 1), (1, side, side))


def unet_like(widths: tuple[int, ...], block: Any, up: Any, gated: bool = False) -> list[Stage]:
    return [*encoder(widths, block), *decoder(widths, up, block, gated), head(widths[0])]


def dense_block(inputs: int, width: int) -> int:
    return sum(conv_norm(inputs + before * width // 4, width // 4) for before in range(4))


def recurrent_block(inputs: int, width: int) -> int:
    return conv(inputs, width, 1) + 2 * conv_norm(width, width)


def nested() -> list[Stage]:
    widths = (32, 64, 128, 256, 512)
    blocks = [
        Stage(
            f"nested.{scale}.{before - 1}",
            pair(before * widths[scale] + widths[scale + 1], widths[scale]),
            (widths[scale], SIDE >> scale, SIDE >> scale),
        )
        for scale in range(4)
        for before in range(1, 5 - scale)
    ]
    return [*encoder(widths, pair), *blocks, head(32, "heads.0")]


def residual_unit(inputs: int, width: int) -> int:
    first = 0 if inputs == 3 else norm(inputs)
    return first + conv_norm(inputs, width) + conv(width, width) + conv(inputs, width, 1)


def resunet(widths: tuple[int, ...]) -> list[Stage]:
    blocks = [
        Stage(f"decoder.blocks.{scale}", residual_unit(width + below, width), (width, SIDE >> scale, SIDE >> scale))
        for scale, (width, below) in enumerate(pairwise(widths))
    ]
    return [*encoder(widths, residual_unit), *blocks, head(widths[0])]


def squeezed_unit(inputs: int, width: int) -> int:
    return residual_unit(inputs, width) + norm(width) + 2 * width * (width // 8)


def resunetplusplus() -> list[Stage]:
    def pyramid(inputs: int, width: int) -> int:
        return 4 * conv_norm(inputs, width) + conv(width, width, 1)

    def attention(skip: int, below: int) -> int:
        return norm(skip) + conv(skip, below) + 2 * (norm(below) + conv(below, below))

    shapes = [(32, 256), (64, 128), (128, 64)]
    joined = [(16, 64), (32, 128), (64, 256)]
    return [
        *encoder((16, 32, 64, 128), squeezed_unit),
        Stage("bridge", pyramid(128, 256), (256, 32, 32)),
        *(
            Stage(f"attentions.{k}", attention(skip, below), (below, shapes[k][1] // 2, shapes[k][1] // 2))
            for k, (skip, below) in enumerate(joined)
        ),
        *(
            Stage(f"stages.{k}", squeezed_unit(skip + below, shapes[k][0]), (shapes[k][0], shapes[k][1], shapes[k][1]))
            for k, (skip, below) in enumerate(joined)
        ),
        Stage("pyramid", pyramid(32, 16), (16, 256, 256)),
        head(16),
    ]


def dilated() -> list[Stage]:
    widths = (64, 128, 256, 512)
    bottom = Stage("bottom", 4 * conv_norm(512, 512), (512, 32, 32))
    return [*encoder(widths, pair), bottom, *decoder(widths, transposed, pair), head(64)]


def dunet() -> list[Stage]:
    def deformable(inputs: int, outputs: int) -> int:
        return sum(conv(one, 18) + conv(one, outputs, bias=False) + norm(outputs) for one in (inputs, outputs))

    down = [pair(1, 16), deformable(16, 32), deformable(32, 64), pair(64, 128), pair(128, 128)]
    widths = (16, 32, 64, 128, 128)
    up = [(deformable(32, 16), 16), (deformable(64, 16), 16), (pair(128, 32), 32), (pair(256, 64), 64)]
    return [
        *(
            Stage(f"encoder.stages.{k}", count, (width, SIDE >> k, SIDE >> k))
            for k, (count, width) in enumerate(zip(down, widths, strict=True))
        ),
        *(Stage(f"decoder.blocks.{k}", count, (width, SIDE >> k, SIDE >> k)) for k, (count, width) in enumerate(up)),
        head(17),
    ]


def iternet() -> list[Stage]:
    widths = (32, 64, 128, 256, 512)
    small = decoder(widths[:3], transposed, plain_pair, name="small.decoder")
    return [
        *encoder(widths, plain_pair),
        *decoder(widths, transposed, plain_pair),
        Stage("small.first", plain_pair(32, 32), (32, 256, 256)),
        Stage("small.stages.0", plain_pair(32, 64), (64, 128, 128)),
        Stage("small.stages.1", plain_pair(64, 128), (128, 64, 64)),
        *small,
        *(Stage(f"reductions.{k}", conv(32 * (2 + k), 32, 1), (32, 256, 256)) for k in range(3)),
        *(head(32, f"heads.{k}") for k in range(4)),
    ]


def bcdunet(blocks: int) -> list[Stage]:
    def lstm(inputs: int) -> int:
        hidden = inputs // 2
        return 4 * (9 * (inputs + hidden) * hidden + hidden)

    bottoms = [plain_pair(256, 512), *(plain_pair(512 * before, 512) for before in range(1, blocks))]
    stages = []
    for scale, (width, below) in enumerate(pairwise((64, 128, 256, 512))):
        shape = (width, SIDE >> scale, SIDE >> scale)
        count = transposed(below, width) + norm(width) + lstm(width) + plain_pair(width // 2, width)
        stages.append(Stage(f"stages.{scale}", count, shape))
    return [
        *encoder((64, 128, 256), plain_pair),
        *(Stage(f"encoder.stages.3.blocks.{k}", count, (512, 32, 32)) for k, count in enumerate(bottoms)),
        *stages,
        Stage("last", conv(64, 2), (2, 256, 256)),
        head(2),
    ]


def vgg(convs: tuple[int, ...]) -> int:
    count, inputs = 0, 3
    for width, number in zip((64, 128, 256, 512, 512), convs, strict=True):
        for _ in range(number):
            count, inputs = count + conv(inputs, width), width
    return count


def fcn(stride: int, hidden: int = 4096) -> list[Stage]:
    scores = [(512, 16), (256, 32)][: {8: 2, 16: 1, 32: 0}[stride]]
    return [
        Stage("encoder", vgg((2, 2, 3, 3, 3)), (512, 8, 8)),
        Stage("classifier", conv(512, hidden, 7) + conv(hidden, hidden, 1), (hidden, 8, 8)),
        Stage("score", conv(hidden, 2, 1), (2, 8, 8)),
        *(Stage(f"scores.{k}", conv(width, 2, 1), (2, side, side)) for k, (width, side) in enumerate(scores)),
        *(Stage(f"ups.{k}", conv(2, 2, 4, bias=False), (2, side, side)) for k, (_, side) in enumerate(scores)),
        Stage("last", conv(2, 2, 2 * stride, bias=False), (2, 256, 256)),
    ]


def doubleunet() -> list[Stage]:
    def squeezed(inputs: int, outputs: int) -> int:
        return pair(inputs, outputs) + 2 * outputs * (outputs // 8)

    def pyramid(inputs: int) -> int:
        parts = sum(conv_norm(inputs, 64, kernel, bias=False) for kernel in (1, 3, 3, 3))
        return conv_norm(inputs, 64, 1) + parts + conv_norm(5 * 64, 64, 1, bias=False)

    widths, skips, lower = (32, 64, 128, 256), (64, 128, 256, 512), (64, 128, 256, 64)

    def blocks(name: str, skips: tuple[int, ...]) -> list[Stage]:
        return [
            Stage(f"{name}.blocks.{k}", squeezed(below + skip, width), (width, SIDE >> k, SIDE >> k))
            for k, (below, skip, width) in enumerate(zip(lower, skips, widths, strict=True))
        ]

    return [
        Stage("encoder", vgg((2, 2, 4, 4, 4)), (512, 8, 8)),
        Stage("pyramid", pyramid(512), (64, 16, 16)),
        *blocks("decoder", skips),
        head(32),
        *encoder(widths, squeezed, "encoder2"),
        Stage("pyramid2", pyramid(256), (64, 16, 16)),
        *blocks("decoder2", tuple(map(sum, zip(skips, widths, strict=True)))),
        head(32, "head2"),
    ]


def line_pair(width: int, side: int) -> int:
    return 2 * (side * width * width + norm(width))


def bare(inputs: int, outputs: int, kernel: int) -> int:
    return conv_norm(inputs, outputs, kernel, bias=False)


def pranet() -> list[Stage]:
    def field(inputs: int) -> int:
        branches = sum(bare(inputs, 32, 1) + line_pair(32, side) + bare(32, 32, 3) for side in (3, 5, 7))
        return bare(inputs, 32, 1) + branches + bare(4 * 32, 32, 3) + bare(inputs, 32, 1)

    def reverse(inputs: int, width: int, kernel: int, convs: int, last: int) -> int:
        return bare(inputs, width, 1) + convs * bare(width, width, kernel) + bare(width, 1, last)

    partial = 4 * bare(32, 32, 3) + 2 * bare(64, 64, 3) + 2 * bare(96, 96, 3) + conv(96, 1, 1)
    return [
        Stage("encoder", RES2NET50, (2048, 8, 8)),
        *(Stage(f"fields.{k}", field(512 << k), (32, 32 >> k, 32 >> k)) for k in range(3)),
        Stage("partial", partial, (1, 32, 32)),
        Stage("stages.0", reverse(512, 64, 3, 2, 3), (1, 32, 32)),
        Stage("stages.1", reverse(1024, 64, 3, 2, 3), (1, 16, 16)),
        Stage("stages.2", reverse(2048, 256, 5, 3, 1), (1, 8, 8)),
    ]


def sanet() -> list[Stage]:
    laterals = [Stage(f"laterals.{k}", conv_norm(512 << k, 64, 1), (64, 32 >> k, 32 >> k)) for k in range(3)]
    return [Stage("encoder", RES2NET50, (2048, 8, 8)), *laterals, head(3 * 64, side=32)]


def uacanet(width: int = 32) -> list[Stage]:
    axial = 2 * bare(width, width // 8, 1) + bare(width, width, 1) + 1

    def context(inputs: int) -> int:
        branches = sum(
            bare(inputs, width, 1) + line_pair(width, side) + 2 * axial + bare(width, width, 3) for side in (3, 5, 7)
        )
        return bare(inputs, width, 1) + branches + bare(4 * width, width, 3) + bare(inputs, width, 1)

    def two(inputs: int, kernel: int) -> int:
        return bare(inputs, width, kernel) + bare(width, width, kernel)

    attention = (
        two(2 * width, 3) + 2 * two(2 * width, 1) + bare(width, width, 3) + two(3 * width, 3) + bare(width, 1, 1)
    )
    decoding = bare(3 * width, width, 3) + 2 * axial + 3 * bare(width, width, 3) + conv(width, 1, bias=False)
    return [
        Stage("encoder", RES2NET50, (2048, 8, 8)),
        *(Stage(f"contexts.{k}", context(512 << k), (width, 32 >> k, 32 >> k)) for k in range(3)),
        Stage("decoder", decoding, (1, 32, 32)),
        *(Stage(f"attentions.{k}", attention, (1, 32 >> k, 32 >> k)) for k in range(3)),
    ]


def mix_transformer(depths: tuple[int, int, int, int]) -> int:
    """SegFormer's MiT: patches embedded, attention with reduced keys, a perceptron with a depthwise convolution."""
    widths, reductions, count, before = (64, 128, 320, 512), (8, 4, 2, 1), 0, 3
    for scale, (width, depth, reduction) in enumerate(zip(widths, depths, reductions, strict=True)):
        attention = 4 * (width * width + width)  # queries; keys and values; projection
        attention += conv(width, width, reduction) + norm(width) if reduction > 1 else 0
        perceptron = 2 * 4 * width * width + 4 * width + width + 4 * width * 9 + 4 * width
        count += conv(before, width, 3 if scale else 7) + norm(width)
        count += depth * (2 * norm(width) + attention + perceptron) + norm(width)
        before = width
    return count


def ssformer(depths: tuple[int, int, int, int]) -> list[Stage]:
    emphases = [
        Stage(f"emphases.{k}", conv(width, 256, bias=False) + conv(256, 256, bias=False), (256, 64 >> k, 64 >> k))
        for k, width in enumerate((64, 128, 320, 512))
    ]
    fusions = [Stage(f"fusions.{k}", bare(512, 256, 1), (256, 64, 64)) for k in range(3)]
    return [Stage("encoder", mix_transformer(depths), (512, 8, 8)), *emphases, *fusions, head(256, side=64)]


def colonformer() -> list[Stage]:
    """UPerNet's decoder of 128 channels, and three corrections; their sizes by hand."""

    def activated(channels: int) -> int:
        return norm(channels) + channels  # and a PReLU

    def grouped(inputs: int, outputs: int, groups: int) -> int:
        return 9 * inputs // groups * outputs + activated(outputs)

    def pyramid(width: int) -> int:
        groups, thin, thick = width // 16, width // 16, width // 8
        branch = grouped(width // 4, thin, groups) + grouped(thin, thin, groups) + grouped(thin, thick, groups)
        return 2 * activated(width) + grouped(width, width // 4, 1) + 4 * branch + width * width

    def axial(width: int) -> int:
        return 2 * width * (width // 8) + width * width + 1

    pooled = 4 * bare(512, 128, 1) + bare(512 + 4 * 128, 128, 3)
    paths = sum(bare(width, 128, 1) + bare(128, 128, 3) for width in (64, 128, 320))
    stages = [Stage("encoder", mix_transformer((3, 4, 18, 3)), (512, 8, 8))]
    stages.append(Stage("decoder", pooled + paths + bare(4 * 128, 128, 3) + conv(128, 1, 1), (1, 64, 64)))
    for k, width in enumerate((128, 320, 512)):
        side, path = 32 >> k, f"stages.{k}"
        convs = grouped(width, 32, 1) + grouped(32, 32, 1) + grouped(32, 1, 1)
        stages += [
            Stage(f"{path}.pyramid", pyramid(width), (width, side, side)),
            Stage(f"{path}.entry", 10 * width * width, (width, side, side)),
            Stage(f"{path}.axes", 2 * axial(width), (width, side, side)),
            Stage(f"{path}.convs", convs, (1, side, side)),
        ]
    return stages


def linear(inputs: int, outputs: int) -> int:
    return inputs * outputs + outputs


def transformer(dim: int, depth: int, places: int) -> int:
    """Positions, blocks of attention and of a perceptron four times as wide, and a last normalisation."""
    block = 2 * norm(dim) + linear(dim, 3 * dim) + linear(dim, dim) + linear(dim, 4 * dim) + linear(4 * dim, dim)
    return places * dim + depth * block + norm(dim)


def transunet() -> list[Stage]:
    def bottlenecks(inputs: int, width: int, number: int) -> int:
        """Without biases: 1x1 to a quarter, 3x3, 1x1, and a 1x1 shortcut in the first, all normalised."""
        inner, count = width // 4, bare(inputs, width, 1)
        for _ in range(number):
            count, inputs = count + bare(inputs, inner, 1) + bare(inner, inner, 3) + bare(inner, width, 1), width
        return count

    def two(inputs: int, width: int) -> int:
        return bare(inputs, width, 3) + bare(width, width, 3)

    return [
        Stage("encoder.backbone.stem.conv", conv(3, 64, 7, bias=False), (64, 128, 128)),
        Stage("encoder.backbone.stem.norm", norm(64), (64, 128, 128)),
        Stage("encoder.backbone.stages.0", bottlenecks(64, 256, 3), (256, 64, 64)),
        Stage("encoder.backbone.stages.1", bottlenecks(256, 512, 4), (512, 32, 32)),
        Stage("encoder.backbone.stages.2", bottlenecks(512, 1024, 9), (1024, 16, 16)),
        Stage("encoder.embedding", conv(1024, 768, 1), (768, 16, 16)),
        Stage("encoder.tokens", transformer(768, 12, 14 * 14), (768, 16, 16)),
        Stage("entry", bare(768, 512, 3), (512, 16, 16)),
        Stage("stages.0", two(512 + 512, 256), (256, 32, 32)),
        Stage("stages.1", two(256 + 256, 128), (128, 64, 64)),
        Stage("stages.2", two(128 + 64, 64), (64, 128, 128)),
        Stage("stages.3", two(64, 16), (16, 256, 256)),
        Stage("head", conv(16, 1), (1, 256, 256)),
    ]


def levit_unet() -> list[Stage]:
    """LeViT-384, whose attention has keys of 32 channels, and the decoder of LeViT-UNet."""

    def perceptron(width: int) -> int:
        return bare(width, 2 * width, 1) + bare(2 * width, width, 1)

    def block(width: int, heads: int, places: int) -> int:
        attention = bare(width, heads * 4 * 32, 1) + bare(heads * 64, width, 1) + heads * places
        return attention + perceptron(width)

    def subsampled(before: int, width: int, places: int) -> int:
        heads = before // 32
        keys = bare(before, heads * 5 * 32, 1) + bare(before, heads * 32, 1)
        return keys + bare(heads * 128, width, 1) + heads * places + perceptron(width)

    def two(inputs: int, width: int) -> int:
        return bare(inputs, width, 3) + bare(width, width, 3)

    stem = [
        Stage(f"encoder.stem.conv{k + 1}", bare(before, width, 3), (width, 128 >> k, 128 >> k))
        for k, (before, width) in enumerate(pairwise((3, 48, 96, 192, 384)))
    ]
    return [
        *stem,
        Stage("encoder.stages.0", 4 * block(384, 6, 14 * 14), (384, 16, 16)),
        Stage("encoder.stages.1", subsampled(384, 512, 14 * 14) + 4 * block(512, 9, 7 * 7), (512, 8, 8)),
        Stage("encoder.stages.2", subsampled(512, 768, 7 * 7) + 4 * block(768, 12, 4 * 4), (768, 4, 4)),
        Stage("stages.0", two(384 + 384 + 512 + 768, 512), (512, 32, 32)),
        Stage("stages.1", two(512 + 192, 256), (256, 64, 64)),
        Stage("stages.2", two(256 + 96, 128), (128, 128, 128)),
        Stage("head", conv(128 + 48, 1), (1, 128, 128)),
    ]


def transfuse() -> list[Stage]:
    def resnet34() -> int:
        """Stem and three stages of pairs of 3x3 convolutions, 3, 4 and 6 of them; stride comes with a 1x1 shortcut."""
        count = bare(3, 64, 7) + 3 * 2 * bare(64, 64, 3)
        for before, width, number in ((64, 128, 4), (128, 256, 6)):
            count += bare(before, width, 3) + bare(before, width, 1) + (2 * number - 1) * bare(width, width, 3)
        return count

    def fusion(width: int, dim: int, reduction: int) -> int:
        by_channel = linear(dim, dim // reduction) + linear(dim // reduction, dim)
        product = conv_norm(width, width, 1) + conv_norm(dim, width, 1) + conv_norm(width, width)
        joined, half = 2 * width + dim, width // 2
        residual = norm(joined) + conv_norm(joined, half, 1) + conv_norm(half, half) + conv(half, width, 1)
        return by_channel + bare(2, 1, 7) + product + residual + conv(joined, width, 1)

    def up(below: int, width: int, skip: int = 0) -> int:
        gated = conv_norm(below, width, 1) + conv_norm(skip, width, 1) + conv_norm(width, 1, 1) if skip else 0
        return gated + pair(below + skip, width) + conv_norm(below + skip, width, 1)

    last = conv_norm(64, 64) + conv(64, 1)
    return [
        Stage("encoder", resnet34(), (256, 16, 16)),
        Stage("embedding", conv(3, 384, 16), (384, 16, 16)),
        Stage("tokens", transformer(384, 8, 12 * 16), (384, 16, 16)),
        Stage("up1", up(384, 128), (128, 32, 32)),
        Stage("up2", up(128, 64), (64, 64, 64)),
        Stage("fusion3", fusion(256, 384, 4), (256, 16, 16)),
        Stage("fusion2", fusion(128, 128, 2), (128, 32, 32)),
        Stage("fusion1", fusion(64, 64, 1), (64, 64, 64)),
        Stage("joint2", up(256, 128, 128), (128, 32, 32)),
        Stage("joint1", up(128, 64, 64), (64, 64, 64)),
        Stage("coarse_head", conv_norm(256, 64, 1) + last, (1, 16, 16)),
        Stage("token_head", last, (1, 64, 64)),
        Stage("head", last, (1, 64, 64)),
    ]


def ldnet() -> list[Stage]:
    def attention(dim: int) -> int:
        perceptron = norm(dim) + linear(dim, 512) + linear(512, dim)
        return conv(dim, 3 * 8 * 64, 1, bias=False) + linear(8 * 64, dim) + perceptron

    def decoding(inputs: int, outputs: int) -> int:
        return conv_norm(inputs, inputs // 4) + conv_norm(inputs // 4, outputs)

    widths, outs, skips = (64, 128, 256, 512), (64, 64, 128, 256, 512), (64, 64, 128, 256)
    update = 2 * linear(64, 128) + 3 * linear(64, 64) + 5 * norm(64)
    return [
        Stage("encoder", RES2NET50, (2048, 8, 8)),
        *(
            Stage(f"reductions.{k}", conv(256 << k, width, 1), (width, 64 >> k, 64 >> k))
            for k, width in enumerate(widths)
        ),
        Stage("deepest", decoding(512, 512), (512, 16, 16)),
        *(Stage(f"self_attentions.{k}", attention(dim), (dim, 128 >> k, 128 >> k)) for k, dim in enumerate(skips)),
        *(Stage(f"cross_attentions.{k}", attention(dim), (dim, 128 >> k, 128 >> k)) for k, dim in enumerate(outs[1:])),
        *(
            Stage(f"decodings.{k}", decoding(below + skip, out), (out, SIDE >> k, SIDE >> k))
            for k, (out, below, skip) in enumerate(zip(outs, outs[1:], skips, strict=False))
        ),
        *(Stage(f"unified.{k}", conv(out, 64, 1), (64, SIDE >> k, SIDE >> k)) for k, out in enumerate(outs)),
        Stage("context", norm(512), (512, 1, 1)),
        Stage("kernel", linear(512, 64), (64,)),
        *(Stage(f"updates.{k}", update, (64,)) for k in range(4)),
    ]


CLASSIFIER = 2048 * 1000 + 1000
"""Of Res2Net-50, which released code keeps and never uses."""

RANDOM: dict[str, Any] = {"encoder_weights": None}

PUBLISHED = {
    "unet": Published("UNet", {}, 31_043_521, 0, unet_like(UNET, pair, transposed)),
    "attention_unet": Published("AttentionUNet", {}, 34_878_573, 0, unet_like(UNET, pair, conv_norm, gated=True)),
    "unetplusplus": Published("UNetPlusPlus", {}, 9_163_329, 0, nested()),
    "resunet": Published("ResUNet", {}, 8_220_993, 0, resunet((64, 128, 256, 512))),
    "resunetplusplus": Published("ResUNetPlusPlus", {}, 4_062_993, 0, resunetplusplus()),
    "r2unet": Published("R2UNet", {}, 39_091_393, 0, unet_like(UNET, recurrent_block, conv_norm)),
    "attention_r2unet": Published(
        "R2UNet", {"attention": True}, 39_442_925, 0, unet_like(UNET, recurrent_block, conv_norm, gated=True)
    ),
    "bcdunet_d1": Published("BCDUNet", {"blocks": 1}, 8_862_341, 2 * (64 + 128 + 256), bcdunet(1)),
    "bcdunet_d3": Published("BCDUNet", {}, 20_660_869, 2 * (64 + 128 + 256), bcdunet(3)),
    "dunet": Published("DUNet", {}, 883_442, 0, dunet()),
    "iternet": Published("IterNet", {}, 8_244_356, 0, iternet()),
    "fcn8s": Published("FCN", RANDOM, 134_271_430, 0, fcn(8)),
    "doubleunet": Published(  # Keras counts mean and variance of each channel too: 24 + 5 + 5 batch normalisations
        "DoubleUNet", RANDOM, 29_297_570, 2 * (3 * 2 * (32 + 64 + 128 + 256) + 2 * 6 * 64), doubleunet()
    ),
    "pranet": Published("PraNet", RANDOM, 32_547_319, CLASSIFIER, pranet()),
    "sanet": Published("SANet", RANDOM, 23_899_497, 0, sanet()),
    "uacanet_s": Published("UACANet", RANDOM, 26_904_874, CLASSIFIER, uacanet()),
    "transunet": Published("TransUNet", {}, 105_275_921, 0, transunet()),
    "transfuse_s": Published("TransFuse", RANDOM, 26_248_725, 384, transfuse()),  # a class token that it never uses
    "ldnet": Published("LDNet", RANDOM, 33_375_608, 0, ldnet()),
    "levit_unet_384": Published(  # the code has nine outputs in place of one, and one input channel in place of three
        "LeViTUNet", {}, 52_166_029, 8 * conv(176, 1) - 2 * 9 * 48, levit_unet()
    ),
    "ssformer_s": Published(  # the code has a 1x1 convolution over all four scales that it never uses
        "SSFormer", {**RANDOM, "encoder": "mit_b2"}, 29_572_545, bare(4 * 256, 256, 1), ssformer((3, 4, 6, 3))
    ),
}
"""Name -> a net whose size is published or was counted in its released code."""

UNPUBLISHED = {
    "wide_unet": Published(
        "UNet", {"widths": (35, 70, 140, 280, 560)}, 9_289_316, 0, unet_like((35, 70, 140, 280, 560), pair, transposed)
    ),
    "resunet_mod": Published(
        "ResUNet", {"widths": (16, 32, 64, 128, 256)}, 2_075_601, 0, resunet((16, 32, 64, 128, 256))
    ),
    "denseblock_unet": Published("DenseBlockUNet", {}, 21_219_649, 0, unet_like(UNET, dense_block, transposed)),
    "dilated_unet": Published("DilatedUNet", {}, 17_146_305, 0, dilated()),
    "fcn16s": Published("FCN", {**RANDOM, "stride": 16}, 134_273_924, 0, fcn(16)),
    "fcn32s": Published("FCN", {**RANDOM, "stride": 32}, 134_285_122, 0, fcn(32)),
    "colonformer_l": Published("ColonFormer", RANDOM, 52_944_528, 0, colonformer()),  # printed: 52.9 M
    "ssformer_l": Published(
        "SSFormer", {**RANDOM, "encoder": "mit_b4"}, 66_218_945, bare(4 * 256, 256, 1), ssformer((3, 8, 27, 3))
    ),
}
"""Name -> a net of a layout of ours, or without a published number; its number is that of the arithmetic."""
