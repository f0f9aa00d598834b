"""SE-Residual blocks, the building blocks of every stage of FANet: as the released code has them, or as the text does.

Paper: Tomar et al., "FANet: A Feedback Attention Network for Improved Biomedical Image Segmentation", 2022, section
III-A. In the released code, unlike in the paper's figure 2 (a), the shortcut is a 1x1 convolution even where the widths
match, squeeze-and-excitation scales the shortcut and not the residual, and its hidden layer has one unit.
"""

from typing import Literal

from torch import Tensor, nn

Excitation = Literal["code", "text"]
REDUCTION = 16
"""Of the hidden layer: that of Hu et al., whom the text follows; it prints none."""


class SEResidual(nn.Module):
    """Two 3x3 convolutions beside a shortcut, one of which is squeezed and excited.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        excitation: `code` scales a 1x1 shortcut with a hidden layer of one unit. `text` scales the residual with a
            hidden layer of a 16th of the channels, and the shortcut is the identity where the widths match, else 1x1.
    """

    def __init__(self, in_channels: int, out_channels: int, excitation: Excitation = "code") -> None:
        super().__init__()
        self.of_shortcut = excitation == "code"
        hidden = 1 if self.of_shortcut else max(1, out_channels // REDUCTION)
        self.residual = nn.Sequential(
            nn.Conv2d(in_channels, out_channels, 3, padding=1),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(out_channels, out_channels, 3, padding=1),
            nn.BatchNorm2d(out_channels),
        )
        self.shortcut: nn.Module = nn.Identity()
        if self.of_shortcut or in_channels != out_channels:
            self.shortcut = nn.Sequential(nn.Conv2d(in_channels, out_channels, 1), nn.BatchNorm2d(out_channels))
        self.excitation = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(out_channels, hidden, 1, bias=False),
            nn.ReLU(inplace=True),
            nn.Conv2d(hidden, out_channels, 1, bias=False),
            nn.Sigmoid(),
        )

    def forward(self, features: Tensor) -> Tensor:
        """Map (N, in_channels, H, W) to (N, out_channels, H, W)."""
        shortcut, residual = self.shortcut(features), self.residual(features)
        if self.of_shortcut:
            result: Tensor = (residual + shortcut * self.excitation(shortcut)).relu_()
        else:
            result = (residual * self.excitation(residual) + shortcut).relu_()
        return result
