"""FANet, a residual U-Net with its previous mask as a second input.

Paper: Tomar et al., "FANet: A Feedback Attention Network for Improved Biomedical Image Segmentation", 2022. The
design follows the released code where the paper differs (see `blocks` and `mixpool`), and has its exact sizes. Ours
deviates in three points: a mask means "non-zero" everywhere, in the output layer too; whether the gate learns is a
choice; and the part that doesn't depend on the mask can be reused in further iterations, with identical results.

Legend: stages e1 to e4 go down, d1 to d4 up; e1 and d4 work at the image's size, e4 and d1 at an eighth of it. A stage
consists of SE-Residual blocks and MixPool; skip connections branch off between the two.
"""

from collections.abc import Sequence
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from polybench.core.errors import ConfigError
from polybench.models.blocks import require_sides, require_widths
from polybench.models.fanet.blocks import Excitation, SEResidual
from polybench.models.fanet.mixpool import Gating, MixPool, Precomputed

StageName = Literal["e1", "e2", "e3", "e4", "d1", "d2", "d3", "d4"]
STAGES: tuple[StageName, ...] = ("e1", "e2", "e3", "e4", "d1", "d2", "d3", "d4")
WIDTHS = (32, 64, 128, 256)
_STRIDE = 16


class FANet(nn.Module):
    """The feedback attention network, or one of the paper's ablations; MACs are for one image of 256x256.

    | option | paper | parameters | MACs |
    |---|---|---|---|
    | all defaults | B2 (one iteration), B4 (ten) | 7,720,266 | 20.270 G |
    | `mixpools=[]` | B1, where only the output layer sees the mask | 5,756,818 | 14.224 G |
    | `mixpools=[e1, d4]` | B3 | 5,780,196 | 15.737 G |
    | `se_blocks=1` | table XI | 5,645,146 | 13.894 G |
    | `se_blocks=3` | table XI | 9,795,386 | 26.645 G |
    | `se_blocks=4` | table XI | 11,870,506 | 33.020 G |
    | `ungated=False` | table XI, "w/o F_l"; no size is published | 7,720,266 | 20.270 G |
    | `excitation="text"` | section III-A; no size is published | 7,633,626 | 19.934 G |
    | `gate="none"` | ours | 6,738,178 | 17.244 G |

    The gate that MixPool combines with the mask:

    * `frozen`: 1 where the gate's probability exceeds 0.5, as released. No gradient passes the step, so that the
      gate's 48 tensors (982,088 parameters) keep their random initialisation and are frozen here; only its batch
      statistics are updated. Its selectivity depends on the seed only.
    * `straight_through`: the same values, but gradients pass as if the step were not there, and the gate learns.
    * `soft`: the probability itself, learned; soft attention, which the paper decided against.
    * `none`: no gate; attention is the mask alone, and an empty mask leaves the gated half without features.

    Where the mask is on, the gate has no effect and no gradient. There is no `.encoder`, since the features depend on
    the mask. Weights have torch's default initialisation, as released.

    Args:
        mixpools: The stages with MixPool; all of them by default.
        gate: Gate that is combined with the mask: `frozen`, `straight_through`, `soft` or `none`.
        se_blocks: SE-Residual blocks per stage.
        ungated: Keep MixPool's ungated branch F_l; False gives its channels to the gated branch.
        widths: Channels of the four encoder stages, multiples of 4; the decoder stages have half, in reverse.
        excitation: Squeeze-and-excitation as the released `code` has it, or as the paper's `text`, see `SEResidual`.

    Raises:
        ConfigError: If the widths or the number of blocks are invalid.
    """

    version: ClassVar[int] = 1
    heatmap_stages = STAGES

    def __init__(
        self,
        mixpools: Sequence[StageName] = STAGES,
        gate: Gating = "frozen",
        se_blocks: int = 2,
        ungated: bool = True,
        widths: tuple[int, int, int, int] = WIDTHS,
        excitation: Excitation = "code",
    ) -> None:
        super().__init__()
        require_widths("FANet", widths, 4, 4, multiple=4)
        if se_blocks < 1:
            raise ConfigError(f"FANet needs at least one SE-Residual block per stage, not {se_blocks}.")

        def mixpool(stage: StageName, width: int) -> MixPool | None:
            return MixPool(width, gate, ungated) if stage in mixpools else None

        w1, w2, w3, w4 = widths
        self.e1 = Stage(3, w1, se_blocks, mixpool("e1", w1), excitation)
        self.e2 = Stage(w1, w2, se_blocks, mixpool("e2", w2), excitation)
        self.e3 = Stage(w2, w3, se_blocks, mixpool("e3", w3), excitation)
        self.e4 = Stage(w3, w4, se_blocks, mixpool("e4", w4), excitation)
        self.d1 = DecoderStage(w4, w4, w4 // 2, se_blocks, mixpool("d1", w4 // 2), excitation)
        self.d2 = DecoderStage(w4 // 2, w3, w3 // 2, se_blocks, mixpool("d2", w3 // 2), excitation)
        self.d3 = DecoderStage(w3 // 2, w2, w2 // 2, se_blocks, mixpool("d3", w2 // 2), excitation)
        self.d4 = DecoderStage(w2 // 2, w1, w1 // 2, se_blocks, mixpool("d4", w1 // 2), excitation)
        self.head = nn.Conv2d(w1 // 2 + 1, 1, 1)

    def forward(self, images: Tensor, feedback: Tensor | None = None) -> Tensor:
        """Predict logits from images and the previous mask.

        Args:
            images: (N, 3, H, W), sides divisible by 16.
            feedback: The previous mask, (N, 1, H, W), of any type; non-zero is foreground. None for
                an empty one.

        Returns:
            Raw logits (N, 1, H, W).

        Raises:
            ConfigError: If a side isn't divisible by 16.
        """
        return self.refine(self.precompute(images), torch.zeros_like(images[:, :1]) if feedback is None else feedback)

    def precompute(self, images: Tensor) -> Precomputed:
        """Compute the part that doesn't depend on the mask, once for all iterations: 14 % of the MACs.

        Args:
            images: (N, 3, H, W), sides divisible by 16.

        Returns:
            Features for `refine`; batch first, so that samples can be replaced.

        Raises:
            ConfigError: If a side isn't divisible by 16.
        """
        require_sides("FANet", images, _STRIDE)
        return self.e1.precompute(images)

    def refine(self, precomputed: Precomputed, feedback: Tensor) -> Tensor:
        """Predict logits from precomputed features, identical to those of `forward`.

        Args:
            precomputed: Features of images in a batch of the same size.
            feedback: The previous mask, (N, 1, H, W), of any type; non-zero is foreground.

        Returns:
            Raw logits (N, 1, H, W).
        """
        masks = _mask_pyramid(feedback)
        skips = [precomputed.features]
        features = self.e1(precomputed, masks[0])
        for encoder, mask in zip((self.e2, self.e3, self.e4), masks[1:], strict=True):
            state = encoder.precompute(F.max_pool2d(features, 2))
            skips.append(state.features)
            features = encoder(state, mask)
        features = F.max_pool2d(features, 2)
        for decoder, skip, mask in zip((self.d1, self.d2, self.d3, self.d4), skips[::-1], masks[::-1], strict=True):
            features = decoder(decoder.precompute(decoder.join(features, skip)), mask)
        result: Tensor = self.head(torch.cat([features, masks[0].to(features.dtype)], dim=1))
        return result


class Stage(nn.Module):
    """A stage: SE-Residual blocks, then MixPool.

    Args:
        in_channels: Channels of the input.
        width: C, channels of the output.
        se_blocks: Number of blocks.
        mixpool: Of C channels; None for none.
        excitation: As for `SEResidual`.
    """

    def __init__(
        self, in_channels: int, width: int, se_blocks: int, mixpool: MixPool | None, excitation: Excitation
    ) -> None:
        super().__init__()
        further = (SEResidual(width, width, excitation) for _ in range(se_blocks - 1))
        self.blocks = nn.Sequential(SEResidual(in_channels, width, excitation), *further)
        self.mixpool = mixpool

    def precompute(self, features: Tensor) -> Precomputed:
        """Compute the part that doesn't depend on the mask, from an input (N, in_channels, H, W)."""
        features = self.blocks(features)
        return Precomputed(features) if self.mixpool is None else self.mixpool.precompute(features)

    def forward(self, state: Precomputed, mask: Tensor) -> Tensor:
        """Apply the attention with a boolean mask (N, 1, H, W), and return (N, C, H, W)."""
        return state.features if self.mixpool is None else self.mixpool(state, mask)


class DecoderStage(Stage):
    """A stage that first upsamples and concatenates a skip connection.

    Args:
        below: Channels of the stage below.
        skip: Channels of the skip connection.
        width: C, channels of the output.
        se_blocks: Number of blocks.
        mixpool: Of C channels; None for none.
        excitation: As for `SEResidual`.
    """

    def __init__(
        self, below: int, skip: int, width: int, se_blocks: int, mixpool: MixPool | None, excitation: Excitation
    ) -> None:
        super().__init__(below + skip, width, se_blocks, mixpool, excitation)
        self.up = nn.ConvTranspose2d(below, below, 4, stride=2, padding=1)

    def join(self, features: Tensor, skip: Tensor) -> Tensor:
        """Upsample and concatenate (N, below, H / 2, W / 2) and (N, skip, H, W) to (N, below + skip, H, W)."""
        return torch.cat([self.up(features), skip], dim=1)


def _mask_pyramid(feedback: Tensor) -> list[Tensor]:
    """Resize the mask to each encoder stage, finest first; a cell is on if any of its pixels is."""
    masks = [(feedback != 0).float()]
    for _ in range(3):
        masks.append(F.max_pool2d(masks[-1], 2))
    return [mask.bool() for mask in masks]
