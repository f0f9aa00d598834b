"""Find and decode image files: any type Pillow reads, matched by stem, named when anything is wrong."""

import hashlib
import re
import unicodedata
from collections.abc import Callable
from errno import EINVAL, EISDIR, ENOENT, ENOTDIR, EOVERFLOW
from pathlib import Path
from typing import NoReturn

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from polybench.errors import DataError

UInt8Array = npt.NDArray[np.uint8]
UInt16Array = npt.NDArray[np.uint16]

IMAGE_SUFFIXES = frozenset(
    {".bmp", ".dib", ".gif", ".j2k", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg"}
    | {".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tga", ".tif", ".tiff", ".webp"}
)

_UNREADABLE = (OSError, SyntaxError, TypeError, ValueError, Image.DecompressionBombError)
"""What Pillow raises for broken files; `UnidentifiedImageError` is an OSError."""

_OF_CONTENT = frozenset({None, EINVAL, EOVERFLOW, ENOENT, ENOTDIR, EISDIR})
"""`errno` of an OSError that tells of the file: Pillow sets none, and seeks to where no file reaches."""

Report = Callable[[str, str | None], None]
"""Told of a problem with a file, and of the stem of the image that can't be used for it, or None where it can."""


class ReadError(DataError):
    """A file could not be read now (a device, a right, too many open files), which says nothing of its content."""


def natural_key(name: str) -> list[tuple[int, int | str]]:
    """Sort key under which ``frame2`` comes before ``frame10``."""
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in re.split(r"(\d+)", name) if part]


def find_images(folder: Path, *, recursive: bool = False) -> list[Path]:
    """List the image files of a folder in natural order, without hidden files.

    Raises:
        DataError: If the folder does not exist or holds no image.
    """
    if not folder.is_dir():
        raise DataError(f"There is no folder '{folder}': put the images there, or name the folder that holds them.")
    paths = [
        path
        for path in (folder.rglob("*") if recursive else folder.iterdir())
        if path.suffix.lower() in IMAGE_SUFFIXES
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.is_file()
    ]
    if not paths:
        kinds = " ".join(sorted(IMAGE_SUFFIXES))
        raise DataError(f"The folder '{folder}' holds no image (0 files of the types {kinds}).")
    return sorted(sorted(paths), key=lambda path: natural_key(path.relative_to(folder).as_posix()))


def refuse(problem: str, name: str | None = None) -> NoReturn:
    """Take a problem for an error.

    Raises:
        DataError: Always.
    """
    raise DataError(problem)


def stem(path: Path) -> str:
    """The name of a file without its type, what image and mask have in common; accents as one character each."""
    return unicodedata.normalize("NFC", path.stem)


def images_by_stem(folder: Path, *, key: Callable[[Path], str] = stem, report: Report = refuse) -> dict[str, Path]:
    """Map each image's stem to its path.

    Args:
        folder: Where the images lie.
        key: What stands for the stem, where names have more in them.
        report: Told of two files with one stem, of which the first is kept.

    Raises:
        DataError: If the folder is missing or empty.
    """
    found: dict[str, Path] = {}
    for path in find_images(folder):
        if key(path) in found:
            report(f"'{path}' and '{found[key(path)].name}' have the same stem: keep one of them.", None)
        found.setdefault(key(path), path)
    return found


def pair_by_stem(
    images: Path, masks: Path, *, mask_key: Callable[[Path], str] = stem, report: Report = refuse
) -> dict[str, tuple[Path, Path]]:
    """Pair each image with its mask by stem.

    Args:
        images: Folder of images.
        masks: Folder of masks.
        mask_key: The image's stem, made from the mask's path.
        report: Told of each file without a partner, which is left out; by default that is an error.

    Returns:
        Stem -> (image, mask), in natural order of the stems.

    Raises:
        DataError: If a folder is missing or empty.
    """
    image_paths = images_by_stem(images, report=report)
    mask_paths = images_by_stem(masks, key=mask_key, report=report)
    for kind, paths, other, partners, folder in (
        ("image", image_paths, "mask", mask_paths, masks),
        ("mask", mask_paths, "image", image_paths, images),
    ):
        for name in sorted(set(paths) - set(partners), key=natural_key):
            report(
                f"The {kind} '{paths[name]}' has no {other} of the same stem in '{folder}': "
                f"add the {other} or remove the {kind}.",
                name,
            )
    return {name: (path, mask_paths[name]) for name, path in image_paths.items() if name in mask_paths}


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
