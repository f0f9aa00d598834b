"""Blur and noise operations: motion, median, Gaussian.

The operations follow albumentations (Buslaev et al., Information 2020), with a fixed kernel size where it draws one.
Images are filtered one by one, so that results don't depend on the batch, and data stays in the CPU cache.
"""

import math
from dataclasses import dataclass
from functools import reduce

import torch
from torch import Tensor
from torch.nn import functional as F

from polybench.augment.operations import PixelOperation, seed, uniform
from polybench.core.errors import ConfigError


@dataclass(frozen=True)
class MotionBlur(PixelOperation):
    """Mean along a centred line, like the blur of a moving camera; mirrored at the border.

    Args:
        kernel: Length of the line in pixels, odd.

    Raises:
        ConfigError: If the kernel is even or less than 3.
    """

    kernel: int = 7

    def __post_init__(self) -> None:
        _refuse_even(self)

    def draw(self, generator: torch.Generator) -> tuple[float, ...]:
        """Draw the line's direction in degrees, anticlockwise from the x axis; 180 is 0 again."""
        return uniform(generator, (0, 180))

    def apply(self, images: Tensor, parameters: Tensor) -> Tensor:
        """Blur images (n, 3, H, W)."""
        from kornia.filters import filter2d  # imported when needed, so that fits start sooner

        lines = [_line(self.kernel, math.radians(degrees)).to(images)[None] for degrees in parameters[:, 0].tolist()]
        blurred = [filter2d(image, line, "reflect") for image, line in zip(images[:, None], lines, strict=True)]
        return torch.cat(blurred).clamp_(0, 1)


@dataclass(frozen=True)
class MedianBlur(PixelOperation):
    """Median of a square window; border pixels are repeated, as in OpenCV.

    Args:
        kernel: Side of the window in pixels, odd; on a CPU 5 takes 7 times as long as 3, 7 takes 30 and 9 takes 80.

    Raises:
        ConfigError: If the kernel is even or less than 3.
    """

    kernel: int = 5

    def __post_init__(self) -> None:
        _refuse_even(self)

    def apply(self, images: Tensor, parameters: Tensor) -> Tensor:
        """Filter images (n, 3, H, W)."""
        return torch.cat([_median(image, self.kernel) for image in images[:, None]])


@dataclass(frozen=True)
class GaussianBlur(PixelOperation):
    """Convolution with a Gaussian truncated to the kernel; mirrored at the border.

    Args:
        kernel: Side of the kernel in pixels, odd.
        sigma: Range of the Gaussian's standard deviation, in pixels.

    Raises:
        ConfigError: If the kernel is even or less than 3.
    """

    kernel: int = 7
    sigma: tuple[float, float] = (0.5, 2.0)

    def __post_init__(self) -> None:
        _refuse_even(self)

    def draw(self, generator: torch.Generator) -> tuple[float, ...]:
        """Draw the standard deviation."""
        return uniform(generator, self.sigma)

    def apply(self, images: Tensor, parameters: Tensor) -> Tensor:
        """Blur images (n, 3, H, W)."""
        from kornia.filters import gaussian_blur2d  # imported when needed, so that fits start sooner

        widths = parameters[:, 0].tolist()
        pairs = zip(images[:, None], widths, strict=True)
        return torch.cat([gaussian_blur2d(image, self.kernel, (width, width)) for image, width in pairs]).clamp_(0, 1)


@dataclass(frozen=True)
class GaussianNoise(PixelOperation):
    """Independent normal noise on each pixel and channel.

    Args:
        deviation: Range of the standard deviation, as shares of full scale.
    """

    deviation: tuple[float, float] = (0.012, 0.028)

    def draw(self, generator: torch.Generator) -> tuple[float, ...]:
        """Draw the noise's seed and its deviation."""
        return (seed(generator), *uniform(generator, self.deviation))

    def apply(self, images: Tensor, parameters: Tensor) -> Tensor:
        """Add noise to images (n, 3, H, W)."""
        noisy = torch.empty_like(images)
        for image, result, (key, deviation) in zip(images, noisy, parameters.tolist(), strict=True):
            generator = torch.Generator(images.device).manual_seed(int(key))
            result.normal_(generator=generator).mul_(deviation).add_(image)
        return noisy.clamp_(0, 1)


def _refuse_even(blur: MotionBlur | MedianBlur | GaussianBlur) -> None:
    if blur.kernel < 3 or blur.kernel % 2 == 0:
        raise ConfigError(f"The kernel of {type(blur).__name__} must be odd and at least 3 pixels, not {blur.kernel}.")


def _line(length: int, angle: float) -> Tensor:
    """Draw a line one pixel wide through the middle of a square (length, length), with weights that sum to 1."""
    offsets = torch.arange(length, dtype=torch.float64) - length // 2
    x, y = offsets[None, :], -offsets[:, None]
    across = (x * math.sin(angle) - y * math.cos(angle)).abs()
    along = (x * math.cos(angle) + y * math.sin(angle)).abs()
    weights = (1 - across).clamp(min=0) * ((length + 1) / 2 - along).clamp(0, 1)
    return weights / weights.sum()


def _median(image: Tensor, size: int) -> Tensor:
    """Select the median of every window of an image (1, C, H, W).

    Columns are sorted once for all windows that share them, and so are runs of adjacent columns; the median is then one
    order statistic of two sorted runs: the least, over ways to take that many numbers from both, of the greatest taken.
    """
    radius = size // 2
    padded = F.pad(image, (radius, radius, radius, radius), mode="replicate")
    columns = _sorted_runs([padded], size, axis=-2)
    width = image.shape[-1]
    left = [values.narrow(-1, 0, width) for values in _sorted_runs(columns, size - radius, axis=-1)]
    right = [values.narrow(-1, size - radius, width) for values in _sorted_runs(columns, radius, axis=-1)]
    rank = (size * size + 1) // 2
    greatest = [torch.maximum(left[rank - taken - 1], right[taken - 1]) for taken in range(1, len(right) + 1)]
    return reduce(torch.minimum, greatest, left[rank - 1])


def _sorted_runs(lines: list[Tensor], length: int, axis: int) -> list[Tensor]:
    """Merge each line along an axis, given as its sorted values, with the `length` - 1 lines that follow it."""
    if length == 1:
        return lines
    first = length - length // 2
    head = _sorted_runs(lines, first, axis)
    tail = head if length % 2 == 0 else _sorted_runs(lines, length // 2, axis)
    places = lines[0].shape[axis] - length + 1
    return _merge([v.narrow(axis, 0, places) for v in head], [v.narrow(axis, first, places) for v in tail])


def _merge(a: list[Tensor], b: list[Tensor]) -> list[Tensor]:
    """Merge two sorted lists element by element (Batcher's odd-even merge, AFIPS 1968)."""
    if not a or not b:
        return a or b
    if len(a) == len(b) == 1:
        return [torch.minimum(a[0], b[0]), torch.maximum(a[0], b[0])]
    even, odd = _merge(a[::2], b[::2]), _merge(a[1::2], b[1::2])
    pairs = [(torch.minimum(x, y), torch.maximum(x, y)) for x, y in zip(odd, even[1:], strict=False)]
    rest = odd[len(even) - 1 :] + even[len(odd) + 1 :]
    return [even[0], *(value for pair in pairs for value in pair), *rest]
