"""U-Net's form, which several nets share: an encoder, a decoder that takes all its maps, and one convolution."""

from collections.abc import Sequence

from torch import Tensor, nn

from polybench.models.blocks import require_sides


class EncoderDecoder(nn.Module):
    """A net of an encoder that halves the size from scale to scale, a decoder up to the finest, and a 1x1 convolution.

    Args:
        name: The net, for messages.
        widths: Channels of the encoder's scales.
        encoder: Maps images to one map per scale, finest first.
        decoder: Maps these to one map of the finest size, with as many channels as the finest scale.
        bottom: Changes the deepest map before it is decoded; None for nothing.
    """

    def __init__(
        self, name: str, widths: Sequence[int], encoder: nn.Module, decoder: nn.Module, bottom: nn.Module | None = None
    ) -> None:
        super().__init__()
        self.name = name
        self.stride = 2 ** (len(widths) - 1)
        self.encoder = encoder
        self.bottom = bottom
        self.decoder = decoder
        self.head = nn.Conv2d(widths[0], 1, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Segment.

        Args:
            images: (N, 3, H, W), sides divisible by 2 to the power of the scales less one: by 16 with five widths.

        Returns:
            Raw logits (N, 1, H, W).

        Raises:
            ConfigError: If a side isn't divisible.
        """
        require_sides(self.name, images, self.stride)
        features = self.encoder(images)
        if self.bottom is not None:
            features = [*features[:-1], self.bottom(features[-1])]
        result: Tensor = self.head(self.decoder(features))
        return result
