"""Decode and resize once: uint8 memory maps keyed by content, size and version, built by one process, atomically."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from rich.progress import track

from polybench.atomic import atomic_write_text
from polybench.data.images import UInt8Array, resize_image, resize_mask
from polybench.data.sample import Source
from polybench.errors import DataError

VERSION = 1
"""Raise this when decoding, resizing or the layout of a cache changes: old caches are then left alone."""

Decode = Callable[[Source], tuple[UInt8Array, UInt8Array]]
"""Reads a source into an image (H, W, 3) and a mask (H, W) in {0, 1}."""


def default_cache_folder() -> Path:
    """Where caches lie unless a recipe says otherwise: `POLYBENCH_CACHE`, or `~/.cache/polybench`."""
    return Path(os.environ.get("POLYBENCH_CACHE", Path.home() / ".cache" / "polybench"))


def manifest_sha256(sources: Sequence[Source], folder: Path) -> str:
    """Hash the content of a dataset: every id with the bytes of its image and mask.

    The files' sizes and times decide whether an earlier result in `folder` still holds, so that a large dataset is
    read once.

    Raises:
        OSError: If a file can't be read.
    """
    stats = [(s.id, *(_signature(path) for path in (s.image, s.mask))) for s in sources]
    memo = folder / "manifests" / f"{hashlib.sha256(repr(stats).encode()).hexdigest()[:32]}.txt"
    if memo.is_file():
        return memo.read_text().strip()
    total = hashlib.sha256()
    for source in track(sources, description="Hashing files", transient=True):
        for part in (source.id.encode(), source.image.read_bytes(), source.mask.read_bytes()):
            total.update(hashlib.sha256(part).digest())
    atomic_write_text(memo, total.hexdigest() + "\n")
    return total.hexdigest()


def _signature(path: Path) -> tuple[str, int, int, int, int]:
    stat = path.stat()
    return str(path.resolve()), stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino


class ImageCache:
    """An opened cache: fixed-size images and masks, and every mask at its native size.

    Args:
        folder: The folder that `build_cache` made.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        index = json.loads((folder / "index.json").read_text())
        self.manifest_sha256: str = index["manifest_sha256"]
        self.size: tuple[int, int] = tuple(index["size"])
        self.native_sizes: list[tuple[int, int]] = [tuple(size) for size in index["native_sizes"]]
        self.position: dict[str, int] = {image_id: n for n, image_id in enumerate(index["ids"])}
        ends = np.cumsum([_packed_bytes(size) for size in self.native_sizes])
        self._native_starts = [0, *ends.tolist()]

    @cached_property
    def images(self) -> UInt8Array:
        """All images, (n, H, W, 3), mapped from disk."""
        return np.load(self.folder / "images.npy", mmap_mode="r")  # type: ignore[no-any-return]

    @cached_property
    def masks(self) -> UInt8Array:
        """All masks at network size, (n, H, W), in {0, 1}, mapped from disk."""
        return np.load(self.folder / "masks.npy", mmap_mode="r")  # type: ignore[no-any-return]

    @cached_property
    def _native_bits(self) -> UInt8Array:
        return np.load(self.folder / "native_masks.npy", mmap_mode="r")  # type: ignore[no-any-return]

    def native_mask(self, position: int) -> UInt8Array:
        """The mask of one image at its native size, (h, w), in {0, 1}."""
        height, width = self.native_sizes[position]
        bits = self._native_bits[self._native_starts[position] : self._native_starts[position + 1]]
        return np.unpackbits(bits, count=height * width).reshape(height, width)

    def __getstate__(self) -> dict[str, Any]:
        """Leave the opened maps behind: each worker process opens its own."""
        return {k: v for k, v in self.__dict__.items() if k not in {"images", "masks", "_native_bits"}}


def build_cache(
    sources: Sequence[Source], size: tuple[int, int], decode: Decode, folder: Path, *, rule: str = ""
) -> ImageCache:
    """Open the cache of these sources at this size; build it first if it is absent or damaged.

    Args:
        sources: The images, in the order of the cache.
        size: Height and width of the network's input, pixels.
        decode: Reads one source.
        folder: Where caches lie.
        rule: Name of the way to decode; another rule is another cache.

    Raises:
        DataError: If a file can't be decoded, or image and mask differ in size; the file is named and nothing is left.
    """
    manifest = manifest_sha256(sources, folder)
    target = cache_path(manifest, size, folder, rule)
    target.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(target.with_suffix(".lock")):
        if not is_intact(target):
            shutil.rmtree(target, ignore_errors=True)
            _write(sources, size, decode, manifest, target)
    return ImageCache(target)


def cache_path(manifest: str, size: tuple[int, int], folder: Path, rule: str) -> Path:
    """Where the cache of a content at a size, decoded by a rule, lies."""
    key = hashlib.sha256(f"{manifest} {rule}".encode()).hexdigest()
    return folder / f"{key[:24]}-{size[0]}x{size[1]}-v{VERSION}"


def is_intact(folder: Path) -> bool:
    """Whether a cache is whole: its index is there and every array has the bytes that the index names."""
    try:
        checksums = json.loads((folder / "index.json").read_text())["sha256"]
        return all(_file_sha256(folder / name) == checksum for name, checksum in checksums.items())
    except (OSError, ValueError, KeyError):
        return False


def _write(sources: Sequence[Source], size: tuple[int, int], decode: Decode, manifest: str, target: Path) -> None:
    temporary = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
    try:
        n, (height, width) = len(sources), size
        images = _new_map(temporary / "images.npy", (n, height, width, 3))
        masks = _new_map(temporary / "masks.npy", (n, height, width))
        native_sizes: list[tuple[int, int]] = []
        native_bits: list[UInt8Array] = []
        for position, source in enumerate(track(sources, description=f"Building cache {height}x{width}")):
            image, mask = decode(source)
            if image.shape[:2] != mask.shape:
                raise DataError(
                    f"'{source.image}' is {image.shape[1]}x{image.shape[0]} pixels but its mask '{source.mask}' is "
                    f"{mask.shape[1]}x{mask.shape[0]}: replace the wrong one."
                )
            images[position], masks[position] = resize_image(image, size), resize_mask(mask, size)
            native_sizes.append((mask.shape[0], mask.shape[1]))
            native_bits.append(np.packbits(mask))
        images.flush()
        masks.flush()
        np.save(temporary / "native_masks.npy", np.concatenate(native_bits))
        index = {
            "version": VERSION,
            "size": size,
            "manifest_sha256": manifest,
            "ids": [source.id for source in sources],
            "native_sizes": native_sizes,
            "sha256": {path.name: _file_sha256(path) for path in sorted(temporary.glob("*.npy"))},
        }
        atomic_write_text(temporary / "index.json", json.dumps(index))
        temporary.rename(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _new_map(path: Path, shape: tuple[int, ...]) -> "np.memmap[Any, np.dtype[np.uint8]]":
    return np.lib.format.open_memmap(path, "w+", np.uint8, shape)  # type: ignore[no-any-return,no-untyped-call]


def _packed_bytes(size: tuple[int, int]) -> int:
    return -(-size[0] * size[1] // 8)


def _file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
