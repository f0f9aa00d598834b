"""Decode image files: any type that Pillow reads, named when anything is wrong."""

import hashlib
from errno import EINVAL, EISDIR, ENOENT, ENOTDIR, EOVERFLOW
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from polybench.errors import DataError

UInt8Array = npt.NDArray[np.uint8]
UInt16Array = npt.NDArray[np.uint16]

_UNREADABLE = (OSError, SyntaxError, TypeError, ValueError, Image.DecompressionBombError)
"""What Pillow raises for broken files; `UnidentifiedImageError` is an OSError."""

_OF_CONTENT = frozenset({None, EINVAL, EOVERFLOW, ENOENT, ENOTDIR, EISDIR})
"""`errno` of an OSError that tells of the file: Pillow sets none, and seeks to where no file reaches."""


class ReadError(DataError):
    """A file could not be read now (a device, a right, too many open files), which says nothing of its content."""


def open_image(path: Path, page: int | None = None) -> Image.Image:
    """Decode a file wholly, upright as its EXIF tag says.

    Args:
        path: The file.
        page: Which image of a stack, counted from 0.

    Raises:
        DataError: If the file is missing, truncated, no image or has no such page; it is named. A `ReadError` where
            its content need not be the cause.
    """
    try:
        with Image.open(path) as image:
            if image.format == "PNG":
                _compare_checksums(path)
            if page is not None:
                image.seek(page)
            image.load()
            return ImageOps.exif_transpose(image)
    except EOFError as error:
        raise DataError(f"'{path}' has no slice {page} (counted from 0): replace it with a whole stack.") from error
    except _UNREADABLE as error:
        raise unreadable(path, error) from error


def _compare_checksums(path: Path) -> None:
    """Compare the checksums inside a PNG, which decoding itself passes over once it has enough bytes."""
    with Image.open(path) as image:
        image.verify()


def unreadable(path: Path, error: Exception) -> DataError:
    """The sentence for a file that could not be read; a `ReadError` where its content need not be the cause."""
    if isinstance(error, FileNotFoundError):
        return DataError(f"There is no file '{path}'.")
    if isinstance(error, OSError) and error.errno not in _OF_CONTENT:
        return ReadError(f"'{path}' could not be read ({error.strerror}): see to that and run the command again.")
    if path.is_file() and path.stat().st_size == 0:
        return DataError(f"'{path}' is empty (0 bytes): replace it with an intact copy.")
    why = "no known image type" if isinstance(error, UnidentifiedImageError) else str(error).rstrip(".")
    return DataError(f"'{path}' can't be decoded ({why}): replace it with an intact copy.")


def pages(path: Path) -> int:
    """How many images a stack holds; 1 for an ordinary file.

    Raises:
        DataError: If the file can't be opened.
    """
    try:
        with Image.open(path) as image:
            return int(getattr(image, "n_frames", 1))
    except _UNREADABLE as error:
        raise unreadable(path, error) from error


def read_image(path: Path, page: int | None = None) -> UInt8Array:
    """Decode an image to 8-bit RGB, (H, W, 3); 16-bit grey is scaled down, transparency dropped.

    Args:
        path: The file.
        page: Which image of a stack, counted from 0.

    Raises:
        DataError: If the file can't be decoded or has a pixel type without a known range.
    """
    image = open_image(path, page)
    if image.mode.startswith("I;16") or image.mode == "I":
        wide = np.asarray(image).astype(np.int64)
        if wide.min() < 0 or wide.max() > 65535:
            raise DataError(f"'{path}' has values outside 16 bits: convert it to 8 or 16 bits.")
        narrow = np.round(wide / 257).astype(np.uint8)
        return np.repeat(narrow[..., None], 3, axis=-1)
    if image.mode == "F":
        raise DataError(f"'{path}' holds floating-point pixels without a known range: convert it to 8 or 16 bits.")
    return np.asarray(image.convert("RGBA" if image.mode == "PA" else image.mode).convert("RGB"))


def read_mask(path: Path, page: int | None = None, *, above: int = 127) -> UInt8Array:
    """Decode a mask to {0, 1}, (H, W): foreground is grey level > `above`.

    Args:
        path: The file.
        page: Which image of a stack, counted from 0.
        above: The largest grey level that is background.

    Raises:
        DataError: If the file can't be decoded.
    """
    image = open_image(path, page)
    if image.mode == "1":
        return np.asarray(image).astype(np.uint8)
    return (np.asarray(image.convert("L")) > above).astype(np.uint8)


def resize_image(image: UInt8Array, size: tuple[int, int]) -> UInt8Array:
    """Resize (H, W, 3) to `size` = (height, width), bilinear with antialiasing."""
    return np.asarray(Image.fromarray(image).resize((size[1], size[0]), Image.Resampling.BILINEAR))


def resize_mask(mask: UInt8Array, size: tuple[int, int]) -> UInt8Array:
    """Resize a {0, 1} mask (H, W) to `size`: area-weighted share of foreground, at least one half."""
    share = Image.fromarray(mask * 255).resize((size[1], size[0]), Image.Resampling.BILINEAR)
    return (np.asarray(share) >= 128).astype(np.uint8)


def pixels_sha256(pixels: UInt8Array) -> str:
    """Hash an image's size and decoded pixels, (H, W, 3) or (H, W): equal for the same picture in whatever file."""
    return hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes()).hexdigest()
