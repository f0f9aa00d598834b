"""What one file of a copy shows: ways of coding that are unusual but read rightly, and those that are not."""

from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from polybench.data.images import UInt8Array, open_image

AMBIGUOUS = (32, 223)
"""Grey levels of a mask strictly between these are ambiguous: another threshold could turn them."""

DRAWN = 17
"""Least grey level of a mask that was drawn; JPEG leaves lower ones about anything drawn."""

Kind = Literal["layout", "decode", "pages", "cut", "coding", "blank", "objects", "view", "duplicate", "official"]


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
        page: Which image of a stack it is, counted from 0; None where one image is expected.
        pixels: What was read from it, (H, W, 3).
    """
    head = _head(path)
    return Look(_traits(head, path), (*_more_pages(head, path, page), *_cut(head, path, pixels)))


def look_at_mask(path: Path, page: int | None) -> MaskLook:
    """Look at the file of a mask.

    Args:
        path: The file.
        page: Which image of a stack it is, counted from 0; None where one image is expected.

    Raises:
        DataError: If it can't be decoded.
    """
    image, head = open_image(path, page), _head(path)
    grey = image.convert("L")
    levels, pixels = np.array(grey.histogram(), np.int64), np.asarray(grey)
    defects = _more_pages(head, path, page) + _cut(head, path, pixels[..., None])
    problem = _miscoded(image, levels)
    if problem is not None:
        defects.append(Finding("coding", f"The mask '{path}' {problem}."))
    return MaskLook(_traits(head, path), tuple(defects), levels, pixels > 127)


class _Head(NamedTuple):
    """What a file says of itself."""

    format: str
    mode: str
    orientation: int
    frames: int


def _head(path: Path) -> _Head:
    with Image.open(path) as image:
        has_exif = image.format != "PNG" or "exif" in image.info  # asking a PNG without it decodes the whole file
        return _Head(
            format=str(image.format),
            mode=image.mode,
            orientation=image.getexif().get(0x0112, 1) if has_exif else 1,
            frames=getattr(image, "n_frames", 1),
        )


def _traits(head: _Head, path: Path) -> tuple[str, ...]:
    """In which ways the file is unusual, though it is read rightly."""
    traits = []
    if head.mode.startswith("I"):
        traits.append("with 16 bits, scaled to 8")
    if head.mode in {"P", "PA"}:
        traits.append("with a palette, turned into colours")
    if head.mode in {"RGBA", "LA", "PA"}:
        traits.append("with an alpha channel, which is dropped")
    if head.mode == "CMYK":
        traits.append("in CMYK, turned into RGB")
    if head.orientation != 1:
        traits.append("turned upright as an EXIF tag says")
    named = Image.registered_extensions().get(path.suffix.lower())
    if head.format not in {named, "MPO"}:
        traits.append(f"of type {head.format} named {path.suffix}")
    return tuple(traits)


def _more_pages(head: _Head, path: Path, page: int | None) -> list[Finding]:
    if page is not None or head.frames == 1 or head.format == "MPO":
        return []
    return [Finding("pages", f"'{path}' holds {head.frames} images where one is expected; only the first is read.")]


def _cut(head: _Head, path: Path, pixels: UInt8Array) -> list[Finding]:
    """Whether a JPEG ends in the plain grey that decoders put where bytes are missing, without a complaint."""
    if head.format not in {"JPEG", "MPO"}:
        return []
    filled = (pixels == 128).all(axis=(1, 2))
    rows = len(filled) if filled.all() else int(filled[::-1].argmin())
    if rows < 8:
        return []
    return [Finding("cut", f"The last {rows} rows of '{path}' are plain grey, as where a JPEG was cut: replace it.")]


def _miscoded(image: Image.Image, levels: npt.NDArray[np.int64]) -> str | None:
    """Why grey level > 127 is not what was drawn, or None where it is."""
    highest, drawn, lost = int(np.flatnonzero(levels).max()), levels[DRAWN:].sum(), levels[DRAWN:128].sum()
    coloured, ambiguous = _coloured(image), levels[AMBIGUOUS[0] + 1 : AMBIGUOUS[1]].sum() / levels.sum()
    if coloured > 0.001:
        return (
            f"has colours in {100 * coloured:.1f} % of its pixels, but only grey levels above 127 are foreground: "
            "save the class you mean as white on black"
        )
    if _only_transparent(image, levels):
        return "is of one colour and drawn in its transparency, which is not read: save it as white on black"
    if image.mode.startswith("I") and len(np.unique(np.asarray(image))) > 2:
        return "numbers objects or classes in 16 bits: save foreground as 255 and background as 0"
    if 0 < highest <= 127:
        return f"has no pixel above 127 but grey levels up to {highest}: code foreground as 255"
    if ambiguous > 0.25:
        return (
            f"is no mask: {100 * ambiguous:.0f} % of its pixels are neither black nor white "
            f"(grey levels {AMBIGUOUS[0] + 1} to {AMBIGUOUS[1] - 1})"
        )
    if lost > 0.4 * drawn:
        return f"loses {100 * lost / drawn:.0f} % of what is drawn, which has grey levels up to 127: code it as 255"
    return None


def _coloured(image: Image.Image) -> float:
    """The share of pixels that are neither grey nor nearly so."""
    if image.mode in {"1", "L", "LA", "F"} or image.mode.startswith("I"):
        return 0.0
    pixels: UInt8Array = np.asarray(image.convert("RGB"))
    return float((np.ptp(pixels, axis=-1) > 64).mean())


def _only_transparent(image: Image.Image, levels: npt.NDArray[np.int64]) -> bool:
    if image.mode not in {"RGBA", "LA", "PA"} or np.count_nonzero(levels) > 1:
        return False
    low, high = image.getchannel("A").getextrema()
    return bool(low != high)
