"""Decoding of image files of any type that Pillow reads, with one image per file and errors that name the file."""

import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EINVAL, EISDIR, ENOENT, ENOTDIR, EOVERFLOW
from pathlib import Path
from typing import Literal, NamedTuple

from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from polybench.core.errors import ConfigError, DataError

MAX_PIXELS = 500_000_000
"""Default limit on the pixels of an image; `POLYBENCH_MAX_PIXELS` overrides it."""
MAX_PIXELS_VARIABLE = "POLYBENCH_MAX_PIXELS"

BYTES_PER_PIXEL = 8
"""Bytes per pixel that decoding and conversion need."""

_UNREADABLE = (
    *(OSError, SyntaxError, TypeError, ValueError, Image.DecompressionBombError),
    *(EOFError, IndexError, KeyError, OverflowError, ZeroDivisionError, struct.error, zlib.error),
)
"""Exceptions that Pillow raises for broken files; `UnidentifiedImageError` is an OSError."""

_OF_CONTENT = frozenset({None, EINVAL, EOVERFLOW, ENOENT, ENOTDIR, EISDIR})
"""`errno` of an OSError that is due to the content of a file: None from Pillow, or an impossible seek."""

FileKind = Literal["decode", "pages", "coding", "range"]


class ReadError(DataError):
    """A file that can't be read at the moment, for reasons other than its content (device, permission, open files)."""


class FileError(DataError):
    """A file that can be opened but not used.

    Args:
        message: One sentence that names the file and says what to do.
        kind: Kind of the defect, as in `polybench data verify`.
    """

    def __init__(self, message: str, kind: FileKind = "decode") -> None:
        super().__init__(message)
        self.kind = kind


class Picture(NamedTuple):
    """A decoded file.

    Attributes:
        image: Its pixels, with the orientation of its EXIF tag applied.
        format: Pillow's name of the file type.
        turned: Whether the EXIF tag required a rotation or a flip.
        bits: Bits of each grey value where the file states them, or Pillow has scaled to them; else None.
        narrowed: Whether it has 16 bits per colour, of which Pillow keeps the upper 8.
    """

    image: Image.Image
    format: str
    turned: bool
    bits: int | None
    narrowed: bool

    @property
    def wide(self) -> bool:
        """Whether it has one grey value of more than 8 bits per pixel."""
        return self.image.mode.startswith("I")


def open_picture(path: Path, page: int | None = None) -> Picture:
    """Decode a whole file.

    Args:
        path: The file.
        page: Index of the image in a stack, from 0; None for a file of one image.

    Raises:
        DataError: If the file is missing, truncated, not an image, too large or has no such page; it is named. A
            `FileError` if it holds several images but one is expected, a `ReadError` if the content may not be the
            cause.
    """
    with opened(path) as image:
        if image.format == "PNG":
            _compare_checksums(path)
        if page is None:
            _refuse_more_pages(path, image)
        else:
            _seek(path, image, page)
        raw = _raw_mode(image)
        turned = (image.format != "PNG" or "exif" in image.info) and image.getexif().get(0x0112, 1) != 1
        image.load()
        bits = 12 if raw == "I;12" else 16 if image.format == "PPM" else None
        narrowed = ";16" in raw and not image.mode.startswith("I")
        return Picture(ImageOps.exif_transpose(image), str(image.format), turned, bits, narrowed)


def open_image(path: Path, page: int | None = None) -> Image.Image:
    """Decode a whole file with the orientation of its EXIF tag, as `open_picture`."""
    return open_picture(path, page).image


def is_wide(path: Path) -> bool:
    """Whether the header of a file states more than 8 bits per grey value or colour.

    Raises:
        DataError: If it can't be opened; it is named.
    """
    with opened(path) as image:
        return image.mode.startswith("I") or ";16" in _raw_mode(image)


@contextmanager
def opened(path: Path) -> Iterator[Image.Image]:
    """Open a file without decoding its pixels, with `MAX_PIXELS` in place of Pillow's limit of 179 megapixels.

    Args:
        path: The file.

    Raises:
        DataError: If it is missing, not an image, too large, or found broken while it is open; it is named.
        ConfigError: If `POLYBENCH_MAX_PIXELS` isn't an integer.
    """
    limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        with Image.open(path) as image:
            _refuse_too_large(path, image)
            yield image
    except MemoryError as error:
        raise DataError(
            f"'{path}' does not fit into memory: use a smaller copy of it, or cut it into tiles."
        ) from error
    except _UNREADABLE as error:
        raise unreadable(path, error) from error
    finally:
        Image.MAX_IMAGE_PIXELS = limit


def unreadable(path: Path, error: Exception) -> DataError:
    """Build the error for a file that can't be read; a `ReadError` if its content may not be the cause."""
    if isinstance(error, FileNotFoundError):
        return DataError(f"There is no file '{path}'.")
    if isinstance(error, OSError) and error.errno not in _OF_CONTENT:
        return ReadError(f"'{path}' can't be read ({error.strerror}): fix that and run the command again.")
    if path.is_file() and path.stat().st_size == 0:
        return DataError(f"'{path}' is empty (0 bytes): replace it with an intact copy.")
    why = "no known image type" if isinstance(error, UnidentifiedImageError) else str(error).rstrip(".")
    return DataError(f"'{path}' can't be decoded ({why}): replace it with an intact copy.")


def pages(path: Path) -> int:
    """Return the number of images in a stack; 1 for an ordinary file.

    Raises:
        DataError: If the file can't be opened.
    """
    with opened(path) as image:
        return _pages_of(image)


def _pages_of(image: Image.Image) -> int:
    """Count the images of a file; a camera's MPO counts as one, since the others are previews or stereo views."""
    return 1 if image.format == "MPO" else int(getattr(image, "n_frames", 1))


def _refuse_more_pages(path: Path, image: Image.Image) -> None:
    count = _pages_of(image)
    if count > 1:
        raise FileError(
            f"'{path}' holds {count} images where one is expected: save each image as a separate file.", "pages"
        )


def _seek(path: Path, image: Image.Image, page: int) -> None:
    try:
        image.seek(page)
    except EOFError as error:
        raise DataError(f"'{path}' has no slice {page} (counted from 0): replace it with a whole stack.") from error


def _compare_checksums(path: Path) -> None:
    """Verify the checksums inside a PNG, which decoding skips once it has enough bytes."""
    with Image.open(path) as image:
        image.verify()


def _raw_mode(image: Image.Image) -> str:
    """Return Pillow's raw mode of the pixels, such as `RGB;16B`; empty where the decoder has none."""
    arguments = image.tile[0][3] if isinstance(image, ImageFile.ImageFile) and image.tile else ""
    first = arguments[0] if isinstance(arguments, tuple) and arguments else arguments
    return first if isinstance(first, str) else ""


def _refuse_too_large(path: Path, image: Image.Image) -> None:
    pixels, limit = image.width * image.height, _max_pixels()
    size = f"'{path}' has {pixels / 1e6:.0f} million pixels ({image.width}x{image.height})"
    if pixels > limit:
        raise DataError(
            f"{size}, more than the limit of {limit / 1e6:.0f} million: set the environment variable "
            f"{MAX_PIXELS_VARIABLE} to {pixels} or more if that size is intended, or use a smaller copy of it."
        )
    memory = _physical_memory()
    if memory is not None and pixels * BYTES_PER_PIXEL > memory:
        raise DataError(
            f"{size}, which needs {pixels * BYTES_PER_PIXEL / 1e9:.1f} GB to decode, but this machine has "
            f"{memory / 1e9:.1f} GB: use a smaller copy of it, or cut it into tiles."
        )


def _max_pixels() -> int:
    text = os.environ.get(MAX_PIXELS_VARIABLE, str(MAX_PIXELS))
    if not text.isdecimal() or int(text) == 0:
        raise ConfigError(
            f"The environment variable {MAX_PIXELS_VARIABLE} must be an integer number of pixels such as {MAX_PIXELS}, "
            f"not '{text}'."
        )
    return int(text)


def _physical_memory() -> int | None:
    """Return the bytes of memory of this machine; None where unknown."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return None
