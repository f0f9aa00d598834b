"""What one file of a copy shows: ways of coding that are unusual but read rightly, and those that are not."""

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
    """A defect: its kind, and one sentence that names it."""

    kind: Kind
    text: str


class Look(NamedTuple):
    """What a file shows.

    Attributes:
        traits: Ways in which it is unusual, though read rightly; they follow "3 file(s)".
        defects: What is wrong with it.
    """

    traits: tuple[str, ...]
    defects: tuple[Finding, ...]


class MaskLook(NamedTuple):
    """What the file of a mask shows.

    Attributes:
        traits: As in `Look`.
        defects: As in `Look`.
        levels: Pixels of each grey level, 256 counts.
        foreground: Pixels above the threshold, (H, W).
    """

    traits: tuple[str, ...]
    defects: tuple[Finding, ...]
    levels: npt.NDArray[np.int64]
    foreground: npt.NDArray[np.bool_]


def look_at_image(path: Path, page: int | None, pixels: UInt8Array) -> Look:
    """Look at the file of an image.

    Args:
        path: The file.
        page: Which image of a stack it is, counted from 0; None for a file of one image.
        pixels: What was read from it, (H, W, 3).

    Raises:
        DataError: If it can't be decoded.
    """
    picture = open_picture(path, page)
    return Look(_traits(picture, path), tuple(_cut(picture, path, pixels)))


def look_at_mask(path: Path, page: int | None) -> MaskLook:
    """Look at the file of a mask.

    Args:
        path: The file.
        page: Which image of a stack it is, counted from 0; None for a file of one image.

    Raises:
        DataError: If it can't be decoded.
    """
    picture = open_picture(path, page)
    try:
        read = mask_levels(path, picture)
    except FileError as error:  # of a dataset that reads its masks in a way of its own
        nothing = np.zeros((picture.image.height, picture.image.width), np.bool_)
        return MaskLook((), (Finding(error.kind, str(error)),), np.zeros(256, np.int64), nothing)
    top = 1 if read.values.dtype == np.bool_ else read.top
    grey = (read.values.astype(np.int64) * 255 // top).astype(np.uint8)
    levels = np.bincount(grey.ravel(), minlength=256)
    defects = _cut(picture, path, grey[..., None])
    if read.doubt is not None:
        defects.append(Finding("coding", f"The mask '{path}' {read.doubt}."))
    return MaskLook(_traits(picture, path), tuple(defects), levels, read.foreground)


def _traits(picture: Picture, path: Path) -> tuple[str, ...]:
    """In which ways the file is unusual, though it is read rightly."""
    traits = [*lost_traits(picture)]
    if picture.wide or picture.narrowed:
        traits.append("with more than 8 bits, scaled to 8")
    if picture.image.mode in {"P", "PA"}:
        traits.append("with a palette, turned into colours")
    named = Image.registered_extensions().get(path.suffix.lower())
    if picture.format not in {named, "MPO"}:
        traits.append(f"of type {picture.format} named {path.suffix}")
    return tuple(traits)


def _cut(picture: Picture, path: Path, pixels: UInt8Array) -> list[Finding]:
    """Whether a JPEG ends in the plain grey that decoders put where bytes are missing, without a complaint."""
    if picture.format not in {"JPEG", "MPO"}:
        return []
    filled = (pixels == 128).all(axis=(1, 2))
    rows = len(filled) if filled.all() else int(filled[::-1].argmin())
    if rows < 8:
        return []
    return [Finding("cut", f"The last {rows} rows of '{path}' are plain grey, as where a JPEG was cut: replace it.")]
