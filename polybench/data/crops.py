"""Crops at native or stated scale, in place of frames that are resized to the network's input.

Vessels and membranes of one or two pixels vanish when a frame is shrunk to the network's input. A net that is
trained on crops sees them, and predicts a frame by overlapping tiles of the same size at the same scale.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from PIL import Image

from polybench.core.errors import ConfigError
from polybench.data.cache import ImageCache
from polybench.data.images import UInt8Array

DRAWS = 64
"""Windows that are drawn before the windows of a frame are listed."""

MOST_PER_IMAGE = 100_000
"""Largest number of crops of an image and epoch, whose places are listed before an epoch."""

FOREGROUND = 128
"""Lowest grey level of a resized mask of 0 and 255 that is foreground: a share of one half."""


@dataclass(frozen=True)
class Crop:
    """Training on crops, and evaluation of whole frames by tiles of the same size.

    Args:
        size: Height and width of a crop and of a tile, pixels; it replaces the data module's `size`.
        scale: Scale at which frames are cropped and evaluated: 1 for native pixels, less to shrink them first.
        foreground: Probability that a crop is centred on a random foreground pixel; the others are drawn uniformly.
        in_view: Least share of a crop's pixels inside the field of view, where the dataset has one.
        per_image: Crops of each image and epoch.
        overlap: Least overlap of neighbouring tiles in evaluation, pixels; None for a quarter of `size`.

    Raises:
        ConfigError: If a number is out of bounds.
    """

    version: ClassVar[int] = 1
    """Version of the class, increased whenever its numbers may change."""

    size: int
    scale: float = 1.0
    foreground: float = 0.0
    in_view: float = 0.5
    per_image: int = 8
    overlap: int | None = None

    def __post_init__(self) -> None:
        """Check the numbers."""
        if self.size < 1:
            raise ConfigError("crop.size must be at least 1.")
        if not 1 <= self.per_image <= MOST_PER_IMAGE:
            raise ConfigError(f"crop.per_image must be from 1 to {MOST_PER_IMAGE}, not {self.per_image}.")
        if not 0 < self.scale <= 1:
            raise ConfigError(f"crop.scale must be more than 0 and at most 1, the native scale, not {self.scale}.")
        if not 0 <= self.foreground <= 1 or not 0 <= self.in_view <= 1:
            raise ConfigError("crop.foreground and crop.in_view are shares, from 0 to 1.")
        if not 0 <= self.tile_overlap < self.size:
            raise ConfigError(f"crop.overlap must be at least 0 and less than crop.size {self.size}.")

    @property
    def tile_overlap(self) -> int:
        """Overlap of neighbouring tiles, pixels."""
        return self.size // 4 if self.overlap is None else self.overlap

    def frame_size(self, native: tuple[int, int]) -> tuple[int, int]:
        """Return the height and width of a frame at the crop's scale.

        Example:
            >>> Crop(size=128, scale=0.5).frame_size((960, 999))
            (480, 500)
        """
        return (max(1, round(native[0] * self.scale)), max(1, round(native[1] * self.scale)))


class Tiles(NamedTuple):
    """How a batch of one frame is evaluated: size and least overlap of tiles, pixels, and tiles in a batch."""

    size: int
    overlap: int
    batch_size: int


class Window(NamedTuple):
    """A square of a frame at the crop's scale: its first row and column, pixels."""

    top: int
    left: int


class Cut(NamedTuple):
    """Where a crop comes from: its image, its number among the crops of image and epoch, its first row and column."""

    image: str
    number: int
    top: int
    left: int


def windows(cache: ImageCache, position: int, crop: Crop, source: torch.Generator) -> Iterator[Window]:
    """Draw windows of an image without end: centred on a foreground pixel with the crop's probability, else uniform.

    Args:
        cache: The cache of images at native size.
        position: The image's index in it.
        crop: The crops.
        source: The generator of the draws.
    """
    height, width = crop.frame_size(cache.sizes[position])
    last = (height - crop.size, width - crop.size)
    centred = bool(torch.rand((), generator=source) < crop.foreground)
    pixels = _foreground(cache, position) if centred else np.zeros(0, np.int64)
    while True:
        if not len(pixels):
            yield Window(*(int(torch.randint(one + 1, (), generator=source)) for one in last))
            continue
        pixel = int(pixels[int(torch.randint(len(pixels), (), generator=source))])
        native = cache.sizes[position]
        centre = (pixel // native[1] * height // native[0], pixel % native[1] * width // native[1])
        top, left = (min(max(one - crop.size // 2, 0), end) for one, end in zip(centre, last, strict=True))
        yield Window(top, left)


def draw_window(cache: ImageCache, position: int, crop: Crop, source: torch.Generator) -> Window:
    """Draw the window of a crop, of which at least the share `in_view` is inside the field of view.

    Windows are drawn until one is; after `DRAWS` of them it is one of all that are, each as likely.

    Args:
        cache: The cache of images at native size.
        position: The image's index in it.
        crop: The crops.
        source: The generator of the draws.
    """
    drawn = windows(cache, position, crop, source)
    if not cache.has_valid or crop.in_view == 0:
        return next(drawn)
    for _, window in zip(range(DRAWS), drawn, strict=False):
        if window_of(cache.valid(position), window, crop).mean() >= crop.in_view:
            return window
    places = np.argwhere(shares_in_view(cache, position, crop) >= crop.in_view)
    top, left = places[int(torch.randint(len(places), (), generator=source))].tolist()
    return Window(top, left)


def _foreground(cache: ImageCache, position: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Flat indices of the foreground pixels of an image inside the field of view."""
    mask = cache.mask(position)
    return np.flatnonzero(mask & cache.valid(position) if cache.has_valid else mask)


def shares_in_view(cache: ImageCache, position: int, crop: Crop) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Compute the share of every window of an image that is inside the field of view, by first row and column."""
    valid = frame_of(cache.valid(position), crop)
    sums = np.pad(valid.astype(np.int64).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    side = crop.size
    inside = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
    shares: np.ndarray[tuple[int, int], np.dtype[np.float64]] = inside / side**2
    return shares


def frame_of(pixels: UInt8Array, crop: Crop) -> UInt8Array:
    """Resize a whole frame to the crop's scale: an image (H, W, 3), or a mask (H, W) in {0, 1}."""
    size = crop.frame_size((pixels.shape[0], pixels.shape[1]))
    return _resized(pixels, (0, 0), size, size)


def window_of(pixels: UInt8Array, window: Window, crop: Crop) -> UInt8Array:
    """Crop a window of a frame: the pixels of `frame_of` there, but for rounding; no other pixels are read.

    Args:
        pixels: The frame at native size: an image (H, W, 3), or a mask (H, W) in {0, 1}.
        window: The window, at the crop's scale.
        crop: The crops.
    """
    return _resized(pixels, window, (crop.size, crop.size), crop.frame_size((pixels.shape[0], pixels.shape[1])))


def _resized(pixels: UInt8Array, start: tuple[int, int], size: tuple[int, int], frame: tuple[int, int]) -> UInt8Array:
    """Resize a part of a frame, bilinear with antialiasing as `resize_image` and `resize_mask`.

    Args:
        pixels: The frame at native size.
        start: First row and column of the part in the resized frame.
        size: Height and width of the part.
        frame: Height and width of the whole resized frame.
    """
    if frame == pixels.shape[:2]:
        return np.array(pixels[start[0] : start[0] + size[0], start[1] : start[1] + size[1]])
    box: list[float] = []
    read: list[slice] = []
    for first, length, whole, native in zip(start, size, frame, pixels.shape, strict=False):
        step = native / whole
        low = max(0, math.floor((first - 1) * step) - 1)  # neighbours within the filter's support are read too
        high = min(native, math.ceil((first + length + 1) * step) + 1)
        read.append(slice(low, high))
        box += [first * step - low, (first + length) * step - low]
    part = np.ascontiguousarray(pixels[read[0], read[1]])
    place = (box[2], box[0], box[3], box[1])
    values = part if part.ndim == 3 else part * np.uint8(255)
    resized = Image.fromarray(values).resize((size[1], size[0]), Image.Resampling.BILINEAR, box=place)
    found = np.array(resized)
    return found if part.ndim == 3 else (found >= FOREGROUND).astype(np.uint8)


def crop_identity(crop: object) -> dict[str, Any]:
    """Return the arguments `crop` and `size` of a data module for the identity of a run; none without crops.

    The overlap of tiles is a number there, also where a quarter of the size is meant.

    Args:
        crop: The argument as plain values; None for whole frames.
    """
    if not isinstance(crop, Mapping):
        return {}
    path = f"{Crop.__module__}.{Crop.__qualname__}"
    arguments = {**crop, "overlap": Crop(**crop).tile_overlap}
    return {"crop": {"class_path": path, "init_args": arguments}, "size": [crop["size"]] * 2}
