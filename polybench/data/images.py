"""Reading of images and masks of any file type as byte arrays, with errors that name the file."""

import contextlib
import hashlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from polybench.core.errors import DataError
from polybench.data.decoding import FileError, Picture, is_wide, open_picture
from polybench.data.mask_coding import alpha_of, check_mode, mask_levels
from polybench.data.observation import note_image, note_mask
from polybench.data.value_range import to_bytes

UInt8Array = npt.NDArray[np.uint8]
UInt16Array = npt.NDArray[np.uint16]


def read_image(path: Path, page: int | None = None, bits: int | None = None) -> UInt8Array:
    """Decode an image to 8-bit RGB, (H, W, 3); more bits are scaled down, transparency is dropped.

    Args:
        path: The file.
        page: Index of the image in a stack, from 0; None for a file of one image.
        bits: Number of significant bits of a file of more than 8 that doesn't state it; None for 16.

    Raises:
        DataError: If the file can't be decoded or has a pixel type without a known range.
    """
    picture = open_picture(path, page)
    image = picture.image
    note_image(path, peak_of(picture), tuple(f"image(s) {trait}" for trait in lost_traits(picture)))
    if picture.wide:
        grey = to_bytes(path, np.asarray(image), picture.bits or bits or 16)
        return np.repeat(grey[..., None], 3, axis=-1)
    if picture.narrowed and bits not in (None, 16):
        raise FileError(
            f"'{path}' has 16 bits per colour, of which only the upper 8 can be read: save it with 8 bits per colour.",
            "range",
        )
    if image.mode == "F":
        raise FileError(
            f"'{path}' holds floating-point pixels without a known range: convert it to 8 or 16 bits.", "range"
        )
    try:
        return np.asarray(image.convert("RGBA" if image.mode == "PA" else image.mode).convert("RGB"))
    except ValueError as error:
        raise FileError(f"'{path}' has the colour mode {image.mode}: convert it to RGB.") from error


def peak_of(picture: Picture) -> int | None:
    """Return the largest value of a file of more than 8 bits that doesn't state its range; else None."""
    if picture.narrowed:
        return 257 * int(np.asarray(picture.image.convert("RGB")).max())
    return int(np.asarray(picture.image).max()) if picture.wide and picture.bits is None else None


def image_peaks(paths: Iterable[Path]) -> dict[str, int]:
    """Map the name of each image of more than 8 bits to its largest value; unreadable files are skipped.

    Args:
        paths: Images; those of 8 bits are not decoded.
    """
    peaks: dict[str, int] = {}
    for path in paths:
        with contextlib.suppress(DataError):
            peak = peak_of(open_picture(path)) if is_wide(path) else None
            if peak is not None:
                peaks[path.name] = peak
    return peaks


def lost_traits(picture: Picture) -> tuple[str, ...]:
    """List the properties of an image that are dropped or converted, as phrases after "3 image(s)"."""
    traits = []
    if alpha_of(picture.image) is not None:
        traits.append("with transparency, which is dropped")
    if picture.image.mode in {"CMYK", "LAB", "YCbCr", "HSV"}:
        traits.append(f"in {picture.image.mode}, turned into RGB")
    if picture.turned:
        traits.append("turned upright as an EXIF tag says")
    return tuple(traits)


def read_mask(path: Path, page: int | None = None, *, above: int | None = None) -> UInt8Array:
    """Decode a mask to {0, 1}, (H, W): foreground is above half of the range, or 1 where all values are 0 and 1.

    Args:
        path: The file.
        page: Index of the image in a stack, from 0; None for a file of one image.
        above: The largest grey level (0 to 255) of the background, for masks with another coding; None to detect it.

    Raises:
        DataError: If the file can't be decoded, or its foreground can't be determined.
    """
    picture = open_picture(path, page)
    if above is not None:
        check_mode(path, picture.image)
        return (np.asarray(picture.image.convert("L")) > above).astype(np.uint8)
    levels = mask_levels(path, picture)
    turned = ("mask(s) turned upright as an EXIF tag says",) if picture.turned else ()
    grey = ("mask(s) that are hardly masks, for grey pixels",) if levels.doubt else ()
    note_mask(path, levels.kind, turned + grey)
    return levels.foreground.astype(np.uint8)


def resize_image(image: UInt8Array, size: tuple[int, int]) -> UInt8Array:
    """Resize (H, W, 3) to `size` = (height, width), bilinear with antialiasing."""
    return np.asarray(Image.fromarray(image).resize((size[1], size[0]), Image.Resampling.BILINEAR))


def resize_mask(mask: UInt8Array, size: tuple[int, int]) -> UInt8Array:
    """Resize a {0, 1} mask (H, W) to `size`: foreground where its area-weighted share is at least 0.5."""
    share = Image.fromarray(mask * 255).resize((size[1], size[0]), Image.Resampling.BILINEAR)
    return (np.asarray(share) >= 128).astype(np.uint8)


def pixels_sha256(pixels: UInt8Array) -> str:
    """Hash an image's size and decoded pixels, (H, W, 3) or (H, W), independent of the file type."""
    return hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes()).hexdigest()
