"""SE-Residual blocks, the building blocks of every stage of FANet.

Paper: Tomar et al., "FANet: A Feedback Attention Network for Improved Biomedical Image Segmentation", 2022, section
III-A. As in the released code, and unlike the paper's figure 2 (a), the shortcut is a 1x1 convolution even where the
widths match, squeeze-and-excitation scales the shortcut and not the residual, and its hidden layer has one unit.
"""

from torch import Tensor, nn


class SEResidual(nn.Module):
    """Two 3x3 convolutions beside a squeezed and excited 1x1 shortcut.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            nn.Conv2d(in_channels, out_channels, 3, padding=1),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(out_channels, out_channels, 3, padding=1),
            nn.BatchNorm2d(out_channels),
        )
        self.shortcut = nn.Sequential(nn.Conv2d(in_channels, out_channels, 1), nn.BatchNorm2d(out_channels))
        self.excitation = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(out_channels, 1, 1, bias=False),
            nn.ReLU(inplace=True),
            nn.Conv2d(1, out_channels, 1, bias=False),
            nn.Sigmoid(),
        )

    def forward(self, features: Tensor) -> Tensor:
        """Map (N, in_channels, H, W) to (N, out_channels, H, W)."""
        shortcut = self.shortcut(features)
        result: Tensor = (self.residual(features) + shortcut * self.excitation(shortcut)).relu_()
        return result
