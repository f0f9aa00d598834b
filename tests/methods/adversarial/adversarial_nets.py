"""A net with a discriminator, without batch normalisation, so that two processes compute what one does."""

import torch
from torch import Tensor, nn


class Judged(nn.Module):
    """A convolution that draws, and one that judges."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.features = nn.Conv2d(3, 4, 3, padding=1)
        self.head = nn.Conv2d(4, 1, 1)
        self.discriminator = Judge()

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.head(torch.tanh(self.features(images)))
        return logits


class Judge(nn.Module):
    """Logits of patches of images and masks."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(4, 4, 4, stride=2), nn.LeakyReLU(0.2), nn.Conv2d(4, 1, 4))

    def forward(self, images: Tensor, masks: Tensor) -> Tensor:
        logits: Tensor = self.layers(torch.cat([images, masks], dim=1))
        return logits
