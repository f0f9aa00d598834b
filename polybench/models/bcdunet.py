"""BCDU-Net, a U-Net with densely connected convolutions at the bottom and convolutional LSTMs on its skip connections.

Paper: Azad et al., "Bi-Directional ConvLSTM U-Net with Densley Connected Convolutions", ICCVW 2019. Sizes follow the
released code, whose LSTMs see the upsampled map, then the skip connection, in this one direction; the paper describes
both directions, which is an option here. A cell has no peepholes, as Keras's, and a sigmoid where Keras's default is
its piecewise linear form. Weights are initialised after He, as in the code. Keras counts two further numbers for each
channel of batch normalisation: 8,862,341 and 20,660,869.
"""

from typing import ClassVar

import torch
from torch import Tensor, nn

from polybench.core.errors import ConfigError
from polybench.models.blocks import PooledEncoder, he_initialised, require_sides, require_widths


class BCDUNet(nn.Module):
    """The BCDU-Net; it has 20,659,973 parameters with three dense blocks, 8,861,445 with one.

    Args:
        widths: Channels of the encoder's four scales, even.
        blocks: Densely connected pairs of convolutions at the bottom, d in the paper.
        bidirectional: Read skip connection and upsampled map in both orders, each with an LSTM of its own.
        dropout: Share of the values that are dropped behind the third scale and behind each dense block, in training.

    Raises:
        ConfigError: If the widths or the blocks are invalid.
    """

    version: ClassVar[int] = 1

    def __init__(
        self,
        widths: tuple[int, int, int, int] = (64, 128, 256, 512),
        blocks: int = 3,
        bidirectional: bool = False,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        require_widths("BCDU-Net", widths, 4, 4, multiple=2)
        if blocks < 1:
            raise ConfigError(f"BCDU-Net needs one dense block or more, not {blocks}.")
        w1, w2, w3, w4 = widths
        third = nn.Sequential(_pair(w2, w3), nn.Dropout(dropout))
        bottom = _DenseBottom(w3, w4, blocks, dropout)
        self.encoder = PooledEncoder([_pair(3, w1), _pair(w1, w2), third, bottom], widths)
        self.stages = nn.ModuleList(
            _Stage(below, width, bidirectional) for width, below in ((w1, w2), (w2, w3), (w3, w4))
        )
        self.last = nn.Sequential(nn.Conv2d(w1, 2, 3, padding=1), nn.ReLU(inplace=True))
        self.head = nn.Conv2d(2, 1, 1)
        he_initialised(self)

    def forward(self, images: Tensor) -> Tensor:
        """Segment.

        Args:
            images: (N, 3, H, W), sides divisible by 8.

        Returns:
            Raw logits (N, 1, H, W).

        Raises:
            ConfigError: If a side isn't divisible.
        """
        require_sides("BCDU-Net", images, 8)
        *skips, decoded = self.encoder(images)
        for level in reversed(range(len(skips))):
            decoded = self.stages[level](skips[level], decoded)
        result: Tensor = self.head(self.last(decoded))
        return result


class ConvLSTM(nn.Module):
    """A convolutional LSTM (Shi et al., 2015) that returns its last state.

    Args:
        in_channels: Channels of each step's input.
        hidden: Channels of the state.
    """

    def __init__(self, in_channels: int, hidden: int) -> None:
        super().__init__()
        self.of_input = nn.Conv2d(in_channels, 4 * hidden, 3, padding=1)
        self.of_state = nn.Conv2d(hidden, 4 * hidden, 3, padding=1, bias=False)

    def forward(self, steps: list[Tensor]) -> Tensor:
        """Read a sequence of maps (N, in_channels, H, W), and return the last state, (N, hidden, H, W)."""
        state = cell = None
        for step in steps:
            gates = self.of_input(step)
            if state is not None:
                gates = gates + self.of_state(state)
            enter, forget, out, new = gates.chunk(4, dim=1)
            added = torch.sigmoid(enter) * torch.tanh(new)
            cell = added if cell is None else torch.sigmoid(forget) * cell + added
            state = torch.sigmoid(out) * torch.tanh(cell)
        assert state is not None
        return state


class _Stage(nn.Module):
    """Upsampling, the LSTM over upsampled map and skip connection, and a pair of convolutions."""

    def __init__(self, below: int, width: int, bidirectional: bool) -> None:
        super().__init__()
        self.up = nn.Sequential(
            nn.ConvTranspose2d(below, width, 2, stride=2), nn.BatchNorm2d(width), nn.ReLU(inplace=True)
        )
        self.merge = ConvLSTM(width, width // 2)
        self.back = ConvLSTM(width, width // 2) if bidirectional else None
        self.convs = _pair(width // 2 * (2 if bidirectional else 1), width)

    def forward(self, skip: Tensor, below: Tensor) -> Tensor:
        steps = [self.up(below), skip]
        merged = self.merge(steps)
        if self.back is not None:
            merged = torch.cat([merged, self.back(steps[::-1])], dim=1)
        result: Tensor = self.convs(merged)
        return result


class _DenseBottom(nn.Module):
    """Pairs of convolutions; each takes the outputs of all before it, the first one the input."""

    def __init__(self, in_channels: int, width: int, blocks: int, dropout: float) -> None:
        super().__init__()
        inputs = [in_channels, *(width * before for before in range(1, blocks))]
        self.blocks = nn.ModuleList(nn.Sequential(_pair(channels, width), nn.Dropout(dropout)) for channels in inputs)

    def forward(self, features: Tensor) -> Tensor:
        outputs: list[Tensor] = [self.blocks[0](features)]
        for block in self.blocks[1:]:
            outputs.append(block(torch.cat(outputs, dim=1)))
        return outputs[-1]


def _pair(in_channels: int, out_channels: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for channels in (in_channels, out_channels):
        layers += [nn.Conv2d(channels, out_channels, 3, padding=1), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)
