"""Inspection of single files of a copy: unusual properties that are handled, and defects."""

from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from polybench.data.decoding import FileError, Picture, open_picture
from polybench.data.images import UInt8Array, lost_traits
from polybench.data.mask_coding import mask_levels

Kind = Literal[
    "layout", "decode", "pages", "cut", "coding", "range", "blank", "objects", "view", "duplicate", "official"
]


class Finding(NamedTuple):
    """A defect: its kind and a one-sentence description."""

    kind: Kind
    text: str


class FileInspection(NamedTuple):
    """Result of inspecting an image file.

    Attributes:
        traits: Unusual properties that are handled, as phrases after "3 file(s)".
        defects: Its defects.
    """

    traits: tuple[str, ...]
    defects: tuple[Finding, ...]


class MaskInspection(NamedTuple):
    """Result of inspecting a mask file.

    Attributes:
        traits: As in `FileInspection`.
        defects: As in `FileInspection`.
        levels: Number of pixels of each grey level, (256,).
        foreground: Pixels above the threshold, (H, W).
    """

    traits: tuple[str, ...]
    defects: tuple[Finding, ...]
    levels: npt.NDArray[np.int64]
    foreground: npt.NDArray[np.bool_]


def inspect_image(path: Path, page: int | None, pixels: UInt8Array) -> FileInspection:
    """Inspect an image file.

    Args:
        path: The file.
        page: Index of the image in a stack, from 0; None for a file of one image.
        pixels: The decoded image, (H, W, 3).

    Raises:
        DataError: If it can't be decoded.
    """
    picture = open_picture(path, page)
    return FileInspection(_traits(picture, path), tuple(_truncation(picture, path, pixels)))


def inspect_mask(path: Path, page: int | None) -> MaskInspection:
    """Inspect a mask file.

    Args:
        path: The file.
        page: Index of the image in a stack, from 0; None for a file of one image.

    Raises:
        DataError: If it can't be decoded.
    """
    picture = open_picture(path, page)
    try:
        read = mask_levels(path, picture)
    except FileError as error:  # the dataset has its own decoder of masks
        nothing = np.zeros((picture.image.height, picture.image.width), np.bool_)
        return MaskInspection((), (Finding(error.kind, str(error)),), np.zeros(256, np.int64), nothing)
    top = 1 if read.values.dtype == np.bool_ else read.top
    grey = (read.values.astype(np.int64) * 255 // top).astype(np.uint8)
    levels = np.bincount(grey.ravel(), minlength=256)
    defects = _truncation(picture, path, grey[..., None])
    if read.doubt is not None:
        defects.append(Finding("coding", f"The mask '{path}' {read.doubt}."))
    return MaskInspection(_traits(picture, path), tuple(defects), levels, read.foreground)


def _traits(picture: Picture, path: Path) -> tuple[str, ...]:
    """Return unusual properties of a file that are handled."""
    traits = [*lost_traits(picture)]
    if picture.wide or picture.narrowed:
        traits.append("with more than 8 bits, scaled to 8")
    if picture.image.mode in {"P", "PA"}:
        traits.append("with a palette, turned into colours")
    named = Image.registered_extensions().get(path.suffix.lower())
    if picture.format not in {named, "MPO"}:
        traits.append(f"of type {picture.format} named {path.suffix}")
    return tuple(traits)


def _truncation(picture: Picture, path: Path, pixels: UInt8Array) -> list[Finding]:
    """Find rows of plain grey at the end of a JPEG, which decoders insert silently for missing bytes."""
    if picture.format not in {"JPEG", "MPO"}:
        return []
    filled = (pixels == 128).all(axis=(1, 2))
    rows = len(filled) if filled.all() else int(filled[::-1].argmin())
    if rows < 8:
        return []
    return [Finding("cut", f"The last {rows} rows of '{path}' are plain grey, as in a truncated JPEG: replace it.")]
