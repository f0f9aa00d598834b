"""Find and decode image files: any type Pillow reads, matched by stem, named when anything is wrong."""

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from polybench.errors import DataError

UInt8Array = npt.NDArray[np.uint8]

IMAGE_SUFFIXES = frozenset(
    {".bmp", ".dib", ".gif", ".j2k", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg"}
    | {".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tga", ".tif", ".tiff", ".webp"}
)


def natural_key(name: str) -> list[tuple[int, int | str]]:
    """Sort key under which ``frame2`` comes before ``frame10``."""
    return [(0, int(part)) if part.isdigit() else (1, part) for part in re.split(r"(\d+)", name) if part]


def find_images(folder: Path, *, recursive: bool = False) -> list[Path]:
    """List the image files of a folder in natural order, without hidden files.

    Raises:
        DataError: If the folder does not exist or holds no image.
    """
    if not folder.is_dir():
        raise DataError(f"There is no folder '{folder}'.")
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
    return sorted(paths, key=lambda path: natural_key(path.relative_to(folder).as_posix()))


def images_by_stem(folder: Path) -> dict[str, Path]:
    """Map each image's stem to its path.

    Raises:
        DataError: If the folder is missing or empty, or two files share a stem.
    """
    found: dict[str, Path] = {}
    for path in find_images(folder):
        if path.stem in found:
            raise DataError(f"'{path}' and '{found[path.stem].name}' have the same stem: keep one of them.")
        found[path.stem] = path
    return found


def pair_by_stem(images: Path, masks: Path) -> dict[str, tuple[Path, Path]]:
    """Pair each image with its mask by stem.

    Args:
        images: Folder of images.
        masks: Folder of masks.

    Returns:
        Stem -> (image, mask), in natural order of the stems.

    Raises:
        DataError: If a folder is missing or empty, or a file has no partner; it is named.
    """
    image_paths, mask_paths = images_by_stem(images), images_by_stem(masks)
    _refuse_alone(set(image_paths) - set(mask_paths), image_paths, "image", masks)
    _refuse_alone(set(mask_paths) - set(image_paths), mask_paths, "mask", images)
    return {stem: (path, mask_paths[stem]) for stem, path in image_paths.items()}


def _refuse_alone(stems: Iterable[str], paths: dict[str, Path], kind: str, partners: Path) -> None:
    alone = sorted(stems, key=natural_key)
    if alone:
        other = "mask" if kind == "image" else "image"
        more = f" (and {len(alone) - 1} more)" if len(alone) > 1 else ""
        raise DataError(
            f"The {kind} '{paths[alone[0]]}'{more} has no {other} of the same stem in '{partners}': "
            f"add the {other} or remove the {kind}."
        )


def open_image(path: Path) -> Image.Image:
    """Decode a file wholly, upright as its EXIF tag says.

    Raises:
        DataError: If the file is missing, truncated or no image; it is named.
    """
    try:
        with Image.open(path) as image:
            image.load()
            return ImageOps.exif_transpose(image)
    except FileNotFoundError as error:
        raise DataError(f"There is no file '{path}'.") from error
    except (OSError, SyntaxError, ValueError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise DataError(f"'{path}' can't be decoded ({error}): replace it with an intact copy.") from error


def read_image(path: Path) -> UInt8Array:
    """Decode an image to 8-bit RGB, (H, W, 3); 16-bit grey is scaled down, transparency dropped.

    Raises:
        DataError: If the file can't be decoded or has a pixel type without a known range.
    """
    image = open_image(path)
    if image.mode.startswith("I;16") or image.mode == "I":
        wide = np.asarray(image).astype(np.int64)
        if wide.min() < 0 or wide.max() > 65535:
            raise DataError(f"'{path}' has values outside 16 bits: convert it to 8 or 16 bits.")
        narrow = np.round(wide / 257).astype(np.uint8)
        return np.repeat(narrow[..., None], 3, axis=-1)
    if image.mode == "F":
        raise DataError(f"'{path}' holds floating-point pixels without a known range: convert it to 8 or 16 bits.")
    return np.asarray(image.convert("RGBA" if image.mode == "PA" else image.mode).convert("RGB"))


def read_mask(path: Path, *, above: int = 127) -> UInt8Array:
    """Decode a mask to {0, 1}, (H, W): foreground is grey level > `above`.

    Raises:
        DataError: If the file can't be decoded.
    """
    image = open_image(path)
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
