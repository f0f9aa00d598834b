"""MixPool, FANet's hard attention: features inside the previous mask or a learned gate, and ungated features.

Paper: Tomar et al., "FANet: A Feedback Attention Network for Improved Biomedical Image Segmentation", 2022, section
III-B. The gate of the released code is a step function without a gradient, so that it never learns; here that is one
of four options.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

Gating = Literal["frozen", "straight_through", "soft", "none"]


@dataclass(frozen=True, eq=False)
class Precomputed:
    """The part of a stage that doesn't depend on a mask; `state[samples] = other` replaces single samples.

    Attributes:
        features: The stage's features F_l, also its skip connection, (N, C, H, W).
        gate: The gate M'_l, (N, 1, H, W); None where there is no gate.
        ungated: The ungated branch F'_l, (N, C / 2, H, W); None where there is none.
    """

    features: Tensor
    gate: Tensor | None = None
    ungated: Tensor | None = None

    def __len__(self) -> int:
        return len(self.features)

    def __getitem__(self, samples: Tensor | slice | list[int] | int) -> "Precomputed":
        gate, ungated = (None if tensor is None else tensor[samples] for tensor in (self.gate, self.ungated))
        return Precomputed(self.features[samples], gate, ungated)

    def __setitem__(self, samples: Tensor | slice | list[int] | int, other: "Precomputed") -> None:
        self.features[samples] = other.features
        for own, new in ((self.gate, other.gate), (self.ungated, other.ungated)):
            if own is not None and new is not None:
                own[samples] = new


class Gate(nn.Module):
    """Spatial attention map M'_l of equation 1, one channel.

    Its logit is compared with 0 where the paper compares the sigmoid with 0.5: equivalent, but exact in half precision.

    Args:
        channels: Channels of the features.
        gating: All but `none` of FANet's choices.
    """

    def __init__(self, channels: int, gating: Gating) -> None:
        super().__init__()
        self.gating = gating
        self.logits = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, 1, 1),
        )
        if gating == "frozen":
            self.requires_grad_(False)

    def forward(self, features: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, 1, H, W): 0 or 1, or between them for the soft gate."""
        if self.gating == "frozen":
            with torch.no_grad():
                return _step(self.logits(features))
        logits = self.logits(features)
        probability = torch.sigmoid(logits)
        if self.gating == "soft":
            return probability
        return _step(logits) + (probability - probability.detach())


class MixPool(nn.Module):
    """Attention within the union of mask and gate, equation 2; the number of channels is unchanged.

    Args:
        channels: C, even.
        gating: Gate that is combined with the mask, see `FANet`.
        ungated: Compute half of the output channels from all features; False computes all from the attended ones.
    """

    def __init__(self, channels: int, gating: Gating, ungated: bool) -> None:
        super().__init__()
        self.gate = None if gating == "none" else Gate(channels, gating)
        self.gated = _conv(channels, channels // 2 if ungated else channels)
        self.ungated = _conv(channels, channels // 2) if ungated else None

    def precompute(self, features: Tensor) -> Precomputed:
        """Compute the part that doesn't depend on the mask, from features (N, C, H, W)."""
        return Precomputed(
            features,
            None if self.gate is None else self.gate(features),
            None if self.ungated is None else self.ungated(features),
        )

    def forward(self, state: Precomputed, mask: Tensor) -> Tensor:
        """Apply the attention.

        Args:
            state: Precomputed features, (N, C, H, W).
            mask: The previous mask at their size, boolean (N, 1, H, W).

        Returns:
            (N, C, H, W).
        """
        union = mask if state.gate is None else state.gate.masked_fill(mask, 1)
        attended: Tensor = self.gated(state.features * union)
        return attended if state.ungated is None else torch.cat([attended, state.ungated], dim=1)


def _step(logits: Tensor) -> Tensor:
    return (logits > 0).to(logits.dtype)


def _conv(in_channels: int, out_channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 3, padding=1), nn.BatchNorm2d(out_channels), nn.ReLU(inplace=True)
    )
