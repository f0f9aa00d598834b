"""Ways to spoil a file of a dataset; each is given the dataset's folder."""

import io
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, TiffImagePlugin

from breaking.material import SIDE, disc

Spoil = Callable[[Path], object]
THIRD = "p03"
"""The image that most ways spoil; it is one of training."""


def array_of(path: Path) -> np.ndarray:
    """The pixels of a file."""
    with Image.open(path) as image:
        return np.asarray(image)


def cut(name: str, keep: float = 0.6) -> Spoil:
    """Leave the first bytes alone."""

    def spoil(root: Path) -> None:
        data = (root / name).read_bytes()
        (root / name).write_bytes(data[: int(len(data) * keep)])

    return spoil


def contents(name: str, data: bytes) -> Spoil:
    """Write other bytes under the name."""
    return lambda root: (root / name).write_bytes(data)


def cut_jpeg(root: Path) -> None:
    """A JPEG in the image's place, without its second half."""
    (root / "images" / f"{THIRD}.png").unlink()
    buffer = io.BytesIO()
    Image.fromarray(np.dstack([disc(3)[0]] * 3)).save(buffer, "JPEG", quality=95)
    (root / "images" / f"{THIRD}.jpg").write_bytes(buffer.getvalue()[: len(buffer.getvalue()) // 2])


def flipped(root: Path) -> None:
    """A bit of the compressed pixels is another."""
    path = root / "images" / f"{THIRD}.png"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(bytes(data))


def header(width: int, height: int) -> Spoil:
    """A PNG whose header, with a right checksum, claims this size."""
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    end = struct.pack(">I", 0) + b"IEND" + struct.pack(">I", zlib.crc32(b"IEND"))
    pixels = b"IDAT" + zlib.compress(b"\0" * 100)
    data = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))
    data += struct.pack(">I", len(pixels) - 4) + pixels + struct.pack(">I", zlib.crc32(pixels)) + end
    return contents(f"images/{THIRD}.png", data)


def fifo(root: Path) -> None:
    """A pipe that nobody writes to."""
    path = root / "images" / f"{THIRD}.png"
    path.unlink()
    os.mkfifo(path)


def link(target: str) -> Spoil:
    """A symbolic link in the image's place."""

    def spoil(root: Path) -> None:
        path = root / "images" / f"{THIRD}.png"
        path.unlink()
        path.symlink_to(target)

    return spoil


def folder(root: Path) -> None:
    """A folder under an image's name."""
    path = root / "images" / f"{THIRD}.png"
    path.unlink()
    path.mkdir()


def no_unicode(root: Path) -> None:
    """A further image and its mask, whose names are no UTF-8."""
    for kind in ("images", "masks"):
        data = (root / kind / f"{THIRD}.png").read_bytes()
        Path(os.fsdecode(os.fsencode(root / kind) + b"/q\xff.png")).write_bytes(data)


def images_as(convert: Callable[[np.ndarray], np.ndarray], kind: str = "images") -> Spoil:
    """All images (or masks) as TIFF of other numbers, made of the 8-bit grey ones, (SIDE, SIDE)."""

    def spoil(root: Path) -> None:
        for path in sorted((root / kind).iterdir()):
            grey = array_of(path)
            path.unlink()
            Image.fromarray(convert(grey[..., 0] if grey.ndim == 3 else grey)).save(path.with_suffix(".tif"))

    return spoil


def pages(kind: str) -> Spoil:
    """A TIFF of two pages in the file's place."""

    def spoil(root: Path) -> None:
        path = root / kind / f"{THIRD}.png"
        first = Image.open(path).copy()
        path.unlink()
        first.save(path.with_suffix(".tif"), save_all=True, append_images=[Image.new(first.mode, first.size)])

    return spoil


def masks(change: Callable[[int, np.ndarray], Image.Image | None]) -> Spoil:
    """Each mask changed by its number; None leaves it."""

    def spoil(root: Path) -> None:
        for number, path in enumerate(sorted((root / "masks").iterdir())):
            image = change(number, array_of(path))
            if image is not None:
                image.save(path)

    return spoil


def mixture(number: int, mask: np.ndarray) -> Image.Image | None:
    """0 and 1 in every second mask, 0 and 255 in the others."""
    return Image.fromarray(mask // 255) if number % 2 else None


def swapped_palette(number: int, mask: np.ndarray) -> Image.Image | None:
    """One mask as palette image whose index 0 is shown white and index 1 black."""
    if number != 3:
        return None
    image = Image.fromarray((mask == 0).astype(np.uint8), "P")
    image.putpalette([255, 255, 255, 0, 0, 0])
    return image


def in_alpha(number: int, mask: np.ndarray) -> Image.Image | None:
    """One mask that is in the alpha channel alone: white throughout."""
    white = np.full_like(mask, 255)
    return Image.fromarray(np.dstack([white, white, white, mask])) if number == 3 else None


def smaller(number: int, mask: np.ndarray) -> Image.Image | None:
    """One mask of half the size."""
    return Image.fromarray(mask[::2, ::2]) if number == 3 else None


def empty(number: int, mask: np.ndarray) -> Image.Image | None:
    """Validation masks without an object: numbers 8 and 9."""
    return Image.fromarray(np.zeros_like(mask)) if number in (8, 9) else None


def three_values(number: int, mask: np.ndarray) -> Image.Image | None:
    """One mask with a third value, such as "don't care", in a corner."""
    changed = mask.copy()
    changed[:8, :8] = 100
    return Image.fromarray(changed) if number == 3 else None


def lab_mask(root: Path) -> None:
    """One mask as LAB TIFF."""
    path = root / "masks" / f"{THIRD}.png"
    rgb = Image.fromarray(np.dstack([array_of(path)] * 3))
    path.unlink()
    profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    lab = ImageCms.profileToProfile(rgb, *profiles, outputMode="LAB")
    assert lab is not None
    TiffImagePlugin.WRITE_LIBTIFF = False
    lab.save(path.with_suffix(".tif"))


def without(name: str) -> Spoil:
    """A file is missing."""
    return lambda root: (root / name).unlink()


def twice(root: Path) -> None:
    """Two images of one stem: the image as PNG, and its negative as BMP."""
    image = array_of(root / "images" / f"{THIRD}.png")
    Image.fromarray(255 - image).save(root / "images" / f"{THIRD}.bmp")


def table(change: Callable[[str], str | bytes]) -> Spoil:
    """Another text in the split list."""

    def spoil(root: Path) -> None:
        changed = change((root / "split.csv").read_text())
        (root / "split.csv").write_bytes(changed.encode() if isinstance(changed, str) else changed)

    return spoil


CONFLICT = "<<<<<<< HEAD\np03,train,p03\n=======\np03,test,p03\n>>>>>>> other"


def grown(root: Path, name: str = "q") -> None:
    """Further images in a folder below `images/`, with masks below `masks/`."""
    for kind in ("images", "masks"):
        (root / kind / "further").mkdir()
        data = (root / kind / f"{THIRD}.png").read_bytes()
        (root / kind / "further" / f"{name}.png").write_bytes(data)


def noise_float(grey: np.ndarray) -> np.ndarray:
    """Floating-point numbers of which one is NaN."""
    changed = grey.astype(np.float32)
    changed[SIDE // 2, SIDE // 2] = np.nan
    return changed
