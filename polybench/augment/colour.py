"""Colour operations: grey, brightness, contrast, gamma, hue, saturation, value and channels.

The operations and the order of arithmetic follow albumentations (Buslaev et al., Information 2020), which uses 8-bit
units: its 20 of 255 is 20 / 255 here, and its hue limit of 20, in OpenCV's half degrees, is 40 degrees here.
Nothing is rounded to 8 bits in between.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from polybench.augment.operations import PixelOperation, uniform


@dataclass(frozen=True)
class Grey(PixelOperation):
    """Replacement of each channel by the luma of ITU-R BT.601, 0.299 R + 0.587 G + 0.114 B."""

    def apply(self, images: Tensor, parameters: Tensor) -> Tensor:
        """Make images (n, 3, H, W) grey."""
        from kornia.color import rgb_to_grayscale  # imported when needed, so that fits start sooner

        return rgb_to_grayscale(images).clamp_(0, 1).repeat(1, 3, 1, 1)


@dataclass(frozen=True)
class BrightnessContrast(PixelOperation):
    """Contrast, then brightness: x (1 + c) + b, so contrast keeps black.

    Args:
        brightness: The largest b, either way, as a share of full scale.
        contrast: The largest c, either way.
    """

    brightness: float = 0.2
    contrast: float = 0.2

    def draw(self, generator: torch.Generator) -> tuple[float, ...]:
        """Draw b and c."""
        return uniform(generator, (-self.brightness, self.brightness), (-self.contrast, self.contrast))

    def apply(self, images: Tensor, parameters: Tensor) -> Tensor:
        """Scale and shift images (n, 3, H, W)."""
        shift, gain = _by_sample(images, parameters)
        return (images * (1 + gain)).add_(shift).clamp_(0, 1)


@dataclass(frozen=True)
class Brightness(PixelOperation):
    """Brightness only: x + b.

    Args:
        limit: The largest b, either way, as a share of full scale.
    """

    limit: float = 0.2

    def draw(self, generator: torch.Generator) -> tuple[float, ...]:
        """Draw b."""
        return uniform(generator, (-self.limit, self.limit))

    def apply(self, images: Tensor, parameters: Tensor) -> Tensor:
        """Shift images (n, 3, H, W)."""
        (shift,) = _by_sample(images, parameters)
        return (images + shift).clamp_(0, 1)


@dataclass(frozen=True)
class Contrast(PixelOperation):
    """Contrast only: x (1 + c).

    Args:
        limit: The largest c, either way.
    """

    limit: float = 0.2

    def draw(self, generator: torch.Generator) -> tuple[float, ...]:
        """Draw c."""
        return uniform(generator, (-self.limit, self.limit))

    def apply(self, images: Tensor, parameters: Tensor) -> Tensor:
        """Scale images (n, 3, H, W)."""
        (gain,) = _by_sample(images, parameters)
        return (images * (1 + gain)).clamp_(0, 1)


@dataclass(frozen=True)
class Gamma(PixelOperation):
    """Power law x ** g; a g below 1 brightens.

    Args:
        low: The smallest g.
        high: The largest g.
    """

    low: float = 0.8
    high: float = 1.2

    def draw(self, generator: torch.Generator) -> tuple[float, ...]:
        """Draw g."""
        return uniform(generator, (self.low, self.high))

    def apply(self, images: Tensor, parameters: Tensor) -> Tensor:
        """Raise images (n, 3, H, W), one at a time: a power's last bit depends on its position in a register."""
        gammas = parameters[:, 0].tolist()
        return torch.stack([image**gamma for image, gamma in zip(images, gammas, strict=True)]).clamp_(0, 1)


@dataclass(frozen=True)
class HueSaturationValue(PixelOperation):
    """Rotation of hue, shift of saturation and value, clipped to [0, 1], in the HSV hexcone (Smith, SIGGRAPH 1978).

    A grey pixel has hue 0 and saturation 0, as in OpenCV, so more saturation tints it.

    Args:
        hue: The largest rotation, either way, in degrees.
        saturation: The largest shift, either way, as a share of full scale.
        value: The largest shift, either way, as a share of full scale.
    """

    hue: float = 40.0
    saturation: float = 30 / 255
    value: float = 20 / 255

    def draw(self, generator: torch.Generator) -> tuple[float, ...]:
        """Draw the rotation in degrees and the two shifts."""
        limits = (self.hue, self.saturation, self.value)
        return uniform(generator, *((-limit, limit) for limit in limits))

    def apply(self, images: Tensor, parameters: Tensor) -> Tensor:
        """Recolour images (n, 3, H, W) without a conversion to HSV, in a third of the time of kornia's conversions."""
        turn, more_saturation, more_value = (shift[:, 0] for shift in _by_sample(images, parameters))
        value = images.amax(dim=1)
        chroma = value - images.amin(dim=1)
        sextant = _sextant(images, value, chroma)
        saturation = (chroma / torch.where(value == 0, 1, value)).add_(more_saturation).clamp_(0, 1)
        value = value.add_(more_value).clamp_(0, 1)
        chroma = saturation.mul_(value)
        result = torch.empty_like(images)
        for channel, offset in enumerate((5, 3, 1)):
            place = sextant + (turn / 60 + offset)
            place -= torch.floor(place / 6).mul_(6)
            share = torch.minimum(place, 4 - place).clamp_(0, 1)
            torch.sub(value, share.mul_(chroma), out=result[:, channel])
        return result


@dataclass(frozen=True)
class RGBShift(PixelOperation):
    """An independent shift of each channel.

    Args:
        limit: The largest shift, either way, as a share of full scale.
    """

    limit: float = 20 / 255

    def draw(self, generator: torch.Generator) -> tuple[float, ...]:
        """Draw the shifts of red, green and blue."""
        return uniform(generator, *[(-self.limit, self.limit)] * 3)

    def apply(self, images: Tensor, parameters: Tensor) -> Tensor:
        """Shift the channels of images (n, 3, H, W)."""
        return (images + parameters.to(images)[:, :, None, None]).clamp_(0, 1)


@dataclass(frozen=True)
class ChannelShuffle(PixelOperation):
    """A random permutation of the channels, including the identity."""

    def draw(self, generator: torch.Generator) -> tuple[float, ...]:
        """Draw which channel becomes red, green and blue."""
        return tuple(torch.randperm(3, generator=generator).tolist())

    def apply(self, images: Tensor, parameters: Tensor) -> Tensor:
        """Reorder the channels of images (n, 3, H, W)."""
        samples = torch.arange(len(images), device=images.device)[:, None]
        return images[samples, parameters.long().to(images.device)]


def _by_sample(images: Tensor, parameters: Tensor) -> tuple[Tensor, ...]:
    """Reshape each drawn number to (n, 1, 1, 1), to broadcast with the images."""
    return parameters.to(images)[:, :, None, None, None].unbind(dim=1)


def _sextant(images: Tensor, value: Tensor, chroma: Tensor) -> Tensor:
    """Compute the hue (n, H, W) in units of 60 degrees, in [-1, 5]; 0 where there is no chroma."""
    red, green, blue = images.unbind(dim=1)
    divisor = torch.where(chroma == 0, 1, chroma)
    from_green = torch.where(value == green, (blue - red).div_(divisor).add_(2), (red - green).div_(divisor).add_(4))
    return torch.where(value == red, (green - blue).div_(divisor), from_green)
