"""How an image of any shape becomes the input of a network: stretched to it, or scaled as a whole and padded."""

from dataclasses import dataclass
from typing import Any, Literal, Self, get_args

import numpy as np
import numpy.typing as npt
from torch import Tensor

from polybench.core.errors import ConfigError
from polybench.data.images import UInt8Array, resize_image, resize_mask
from polybench.metrics.prepare import resize_affine

Fit = Literal["stretch", "letterbox"]

Size = tuple[int, int]
"""Height and width, pixels."""


@dataclass(frozen=True)
class Placement:
    """Where one image is placed in the network's input.

    Attributes:
        native: Size of the image's file.
        size: Size of the network's input.
        inner: Size of the image in it.
        corner: Row and column of the image's first pixel in it.
    """

    native: Size
    size: Size
    inner: Size
    corner: Size = (0, 0)

    @classmethod
    def stretched(cls, native: Size, size: Size) -> Self:
        """Fill the whole input, whatever the image's shape."""
        return cls(native, size, size)

    @classmethod
    def letterboxed(cls, native: Size, size: Size) -> Self:
        """Keep the image's shape, in the middle of the input.

        The image is scaled until one of its sides fills the input; the other is rounded to whole pixels, halves up, and
        is at least one. Of an odd number of padded rows or columns, the additional one is below or at the right.

        Example:
            >>> place = Placement.letterboxed((100, 200), (32, 32))
            >>> place.inner, place.corner
            ((16, 32), (8, 0))
        """
        (height, width), (h, w) = size, native
        if height * w <= width * h:
            inner = (height, max((2 * w * height + h) // (2 * h), 1))
        else:
            inner = (max((2 * h * width + w) // (2 * w), 1), width)
        return cls(native, size, inner, ((height - inner[0]) // 2, (width - inner[1]) // 2))

    @property
    def padded(self) -> bool:
        """Whether some of the input is padding."""
        return self.inner != self.size

    @property
    def inside(self) -> tuple[slice, slice]:
        """Rows and columns of the image in the input."""
        (top, left), (height, width) = self.corner, self.inner
        return slice(top, top + height), slice(left, left + width)

    @property
    def to_native(self) -> Tensor:
        """Affine map (2, 3), float64, from pixels (x, y, 1) of the input to those of the image's file.

        Example:
            >>> Placement.letterboxed((2, 4), (4, 4)).to_native.tolist()
            [[1.0, 0.0, 0.0], [0.0, 1.0, -1.0]]
        """
        affine = resize_affine(self.inner, self.native)
        for axis, first in enumerate(reversed(self.corner)):
            affine[axis, 2] -= affine[axis, axis] * first
        return affine

    def image(self, image: UInt8Array, pad_value: int = 0) -> UInt8Array:
        """Resize an image (h, w, 3) with antialiasing, and pad it with a grey level, (H, W, 3)."""
        return self._pad(image if self.inner == image.shape[:2] else resize_image(image, self.inner), pad_value)

    def mask(self, mask: UInt8Array) -> UInt8Array:
        """Resize a mask (h, w) in {0, 1} by area, and pad it with zeros, (H, W)."""
        return self._pad(resize_mask(mask, self.inner), 0)

    def view(self) -> UInt8Array:
        """Return 1 for each pixel of the image and 0 for padding, (H, W)."""
        return self._pad(np.ones(self.inner, np.uint8), 0)

    def crop(self, values: Tensor) -> Tensor:
        """Cut the padding off values (..., H, W) at the size of the input."""
        rows, columns = self.inside
        return values[..., rows, columns]

    def _pad(self, pixels: npt.NDArray[np.uint8], value: int) -> UInt8Array:
        if not self.padded:
            return pixels
        padded = np.full((*self.size, *pixels.shape[2:]), value, np.uint8)
        padded[self.inside] = pixels
        return padded


@dataclass(frozen=True)
class Fitting:
    """How images are fitted to the network's input.

    Args:
        fit: `stretch` each image to the input, or `letterbox` it: keep its shape, and pad the rest.
        pad_value: Grey level of the padding, 0 to 255.

    Raises:
        ConfigError: If there is no such fit, or the grey level is out of bounds or has no effect.
    """

    fit: Fit = "stretch"
    pad_value: int = 0

    def __post_init__(self) -> None:
        if self.fit not in get_args(Fit):
            raise ConfigError(f"fit must be stretch or letterbox, not '{self.fit}'.")
        if not 0 <= self.pad_value <= 255:
            raise ConfigError(f"pad_value must be a grey level from 0 to 255, not {self.pad_value}.")
        if self.pad_value and self.fit == "stretch":
            raise ConfigError("pad_value has no effect on stretched images: add fit letterbox, or leave it out.")

    @property
    def letterbox(self) -> bool:
        """Whether images keep their shape."""
        return self.fit == "letterbox"

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments, to store with a cache or a checkpoint; empty for the default."""
        return {"fit": self.fit, "pad_value": self.pad_value} if self.letterbox else {}

    @property
    def suffix(self) -> str:
        """Part of a cache's name; empty for the default."""
        return f"-{self.fit}{self.pad_value}" if self.letterbox else ""

    def placement(self, native: Size, size: Size) -> Placement:
        """Place an image of a native size in an input of some size."""
        return Placement.letterboxed(native, size) if self.letterbox else Placement.stretched(native, size)


STRETCH = Fitting()
