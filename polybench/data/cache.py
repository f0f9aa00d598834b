"""Caches of decoded images: uint8 memory maps keyed by content, size and version."""

import hashlib
import json
import os
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from torch import Tensor

from polybench.data.fitting import Fitting, Placement
from polybench.data.images import UInt8Array, UInt16Array

VERSION = 4
"""Version of decoding, resizing and cache layout; older caches are ignored."""


def default_cache_folder() -> Path:
    """Return the default folder of caches: `POLYBENCH_CACHE`, or `~/.cache/polybench`."""
    return Path(os.environ.get("POLYBENCH_CACHE", Path.home() / ".cache" / "polybench"))


class Shape(NamedTuple):
    """Height and width of the cached images, None for native sizes, and how images are fitted to them."""

    size: tuple[int, int] | None
    fitting: Fitting

    @property
    def name(self) -> str:
        """Part of a cache's name."""
        return f"{self.size[0]}x{self.size[1]}{self.fitting.suffix}" if self.size else "native"


def cache_path(manifest: str, shape: Shape, folder: Path, rule: str) -> Path:
    """Return the path of the cache of a manifest, decoded by a rule."""
    key = hashlib.sha256(f"{manifest} {rule}".encode()).hexdigest()
    return folder / f"{key[:24]}-{shape.name}-v{VERSION}"


class ImageCache:
    """An open cache: images and masks at one size or at native size, and all masks and label maps at native size.

    Args:
        folder: A folder written by `build_cache`.

    Attributes:
        manifest_sha256: Hash of the content of the copy.
        size: Height and width; None for a cache at native sizes.
        fitting: How images are fitted to the size.
        native_sizes: Height and width of each image's file.
        objects: Number of objects in each image, where the dataset has instances.
        position: Image id -> index in the arrays.
        skipped: Image id -> reason why it isn't in the cache.
        has_valid: Whether the images have a field of view.
        has_labels: Whether the dataset has instances, so that there are label maps.
        notes: Conversions of the files, other than from 8 bits per colour and masks of 0 and 255.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        index = json.loads((folder / "index.json").read_text())
        self.manifest_sha256: str = index["manifest_sha256"]
        self.size: tuple[int, int] | None = tuple(index["size"]) if index["size"] else None
        self.fitting = Fitting(index.get("fit", "stretch"), index.get("pad_value", 0))
        self.native_sizes: list[tuple[int, int]] = [tuple(size) for size in index["native_sizes"]]
        self.objects: list[int | None] = index["objects"]
        self.position: dict[str, int] = {image_id: n for n, image_id in enumerate(index["ids"])}
        self.skipped: dict[str, str] = index["skipped"]
        self.has_valid: bool = index["has_valid"]
        self.has_labels: bool = index["has_labels"]
        self.notes: list[str] = index["notes"]
        self._starts = [0, *np.cumsum([height * width for height, width in self.sizes]).tolist()]
        self._packed_starts = [0, *np.cumsum([-(-h * w // 8) for h, w in self.native_sizes]).tolist()]
        self._label_starts = [0, *np.cumsum([2 * h * w for h, w in self.native_sizes]).tolist()]

    @property
    def sizes(self) -> list[tuple[int, int]]:
        """Height and width of each image in the cache."""
        return self.native_sizes if self.size is None else [self.size] * len(self.native_sizes)

    @property
    def has_view(self) -> bool:
        """Whether `valid` is 0 somewhere: outside a field of view, or in the padding of letterboxed images."""
        return self.has_valid or self.fitting.letterbox

    def placement(self, position: int) -> Placement:
        """Return where an image of the cache lies in the network's input."""
        return self.fitting.placement(self.native_sizes[position], self.sizes[position])

    def to_native(self, position: int) -> Tensor:
        """Return the affine map (2, 3) from an image's pixels in the cache to native pixels."""
        return self.placement(position).to_native

    def _map(self, name: str) -> UInt8Array:
        path = self.folder / name
        return np.memmap(path, np.uint8, "r") if path.stat().st_size else np.zeros(0, np.uint8)

    @cached_property
    def _images(self) -> UInt8Array:
        return self._map("images.bin")

    @cached_property
    def _masks(self) -> UInt8Array:
        return self._map("masks.bin")

    @cached_property
    def _valids(self) -> UInt8Array:
        return self._map("valids.bin")

    @cached_property
    def _native_masks(self) -> UInt8Array:
        return self._map("native_masks.bin")

    @cached_property
    def _native_valids(self) -> UInt8Array:
        return self._map("native_valids.bin")

    @cached_property
    def _native_labels(self) -> UInt8Array:
        return self._map("native_labels.bin")

    @property
    def images(self) -> UInt8Array:
        """Memory map of all images of a cache with one size, (n, H, W, 3)."""
        return self._images.reshape(len(self.position), *self.sizes[0], 3)

    @property
    def masks(self) -> UInt8Array:
        """Memory map of all masks of a cache with one size, (n, H, W), in {0, 1}."""
        return self._masks.reshape(len(self.position), *self.sizes[0])

    def image(self, position: int) -> UInt8Array:
        """Return one image, (H, W, 3), as a memory map."""
        start, end = self._starts[position : position + 2]
        return self._images[3 * start : 3 * end].reshape(*self.sizes[position], 3)

    def mask(self, position: int) -> UInt8Array:
        """Return one mask, (H, W), in {0, 1}, as a memory map."""
        start, end = self._starts[position : position + 2]
        return self._masks[start:end].reshape(self.sizes[position])

    def valid(self, position: int) -> UInt8Array:
        """Return one field of view, (H, W), in {0, 1}: the whole image where the dataset has none, never padding."""
        if not self.has_valid:
            return self.placement(position).view()
        start, end = self._starts[position : position + 2]
        return self._valids[start:end].reshape(self.sizes[position])

    def native_mask(self, position: int) -> UInt8Array:
        """Return the mask of one image at native size, (h, w), in {0, 1}."""
        return self._unpack(self._native_masks, position)

    def native_valid(self, position: int) -> UInt8Array:
        """Return the field of view of one image at native size, (h, w), in {0, 1}; ones where the dataset has none."""
        if not self.has_valid:
            return np.ones(self.native_sizes[position], np.uint8)
        return self._unpack(self._native_valids, position)

    def native_labels(self, position: int) -> UInt16Array:
        """Return the label map of one image at native size, (h, w), labels from 1, for a dataset with instances."""
        start, end = self._label_starts[position : position + 2]
        return self._native_labels[start:end].view(np.uint16).reshape(self.native_sizes[position])

    def _unpack(self, packed: UInt8Array, position: int) -> UInt8Array:
        height, width = self.native_sizes[position]
        bits = packed[self._packed_starts[position] : self._packed_starts[position + 1]]
        return np.unpackbits(bits, count=height * width).reshape(height, width)

    def __getstate__(self) -> dict[str, Any]:
        """Drop the open maps: each worker process opens its own."""
        maps = {"_images", "_masks", "_valids", "_native_masks", "_native_valids", "_native_labels"}
        return {k: v for k, v in self.__dict__.items() if k not in maps}
