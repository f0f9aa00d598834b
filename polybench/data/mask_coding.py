"""Codings of masks: 0 and 255, 0 and 1, numbers of objects, or unknown; a dataset has one coding.

A mask of zeros is compatible with every coding. If all masks of a set have values 0 and 1, 1 is foreground; a set that
mixes them with masks of 0 and 255 is refused, since a 1 may be foreground or a compression artefact.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageChops

from polybench.core.wording import some
from polybench.data.decoding import FileError, Picture

Values = npt.NDArray[Any]

Kind = Literal["either", "ones", "full", "numbered", "other"]
"""Values of a map: only 0 (or booleans), which is compatible with every other kind; 0 and 1; 0 and the highest of the
type; numbers of objects or classes, such as 1 to 12 in bytes; anything else."""

_WORDS: Mapping[Kind, str] = {"ones": "0 and 1", "full": "0 and 255", "other": "other values"}

DRAWN = 17
"""Least grey level of a drawn pixel of a mask; JPEG artefacts have lower levels."""

AMBIGUOUS = (32, 223)
"""Grey levels of a mask strictly between these are ambiguous: they depend on the threshold."""

HAS_VOID = "holds the number of a class, from 1 on, beside 255, as for pixels of no class"
"""Message for a mask that `has_void`."""

_MODES = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "I"})
"""Colour modes of Pillow with known grey levels."""


class MaskLevels(NamedTuple):
    """The grey levels of a mask.

    Attributes:
        values: Boolean, or whole numbers, (H, W).
        kind: Their coding.
        top: The value of white.
        doubt: Reason to doubt that it is a mask, although its foreground can be read; None for no doubt.
    """

    values: Values
    kind: Kind
    top: int
    doubt: str | None

    @property
    def foreground(self) -> npt.NDArray[np.bool_]:
        """Return the pixels above half of the range, or those of a label map that aren't 0."""
        half = 0 if self.kind in ("either", "ones") else self.top // 2
        return np.asarray(self.values > half)


def mask_levels(path: Path, picture: Picture) -> MaskLevels:
    """Read the grey levels of a mask of any file type.

    Args:
        path: The file, for messages.
        picture: The decoded file.

    Raises:
        FileError: If it can't be read as a mask; the message says why and what to do.
    """
    image = picture.image
    check_mode(path, image)
    check_alpha(path, image)
    coloured = _coloured(image)
    if coloured > 0.001:
        raise FileError(
            f"The mask '{path}' has colours in {100 * coloured:.1f} % of its pixels, but only grey levels above 127 "
            "are foreground: save the intended class as white on black.",
            "coding",
        )
    plain = image.mode == "1" or image.mode.startswith("I")
    values = np.asarray(image) if plain else np.asarray(image.convert("L"))
    if values.dtype.kind == "i" and values.min() >= 0:
        values = values.astype(np.uint32)
    lossy = picture.format in {"JPEG", "MPO", "WEBP"}
    if lossy and values.max() < DRAWN:
        values = np.zeros_like(values)
    kind, top = kind_of(values), 65535 if values.max() > 255 else 255
    if kind in ("either", "ones", "full"):
        return MaskLevels(values, kind, top, None)
    problem = _problem(values, kind, top, lossy=lossy)
    if problem is not None:
        raise FileError(f"The mask '{path}' {problem}.", "coding")
    return MaskLevels(values, kind, top, _doubt(values, top))


def _problem(values: Values, kind: Kind, top: int, *, lossy: bool) -> str | None:
    """Return why the grey levels of a mask would be misread; None where they wouldn't."""
    lowest, highest = int(values.min()), int(values.max())
    if lowest < 0 or (top > 255 and not _reaches_white(values)):
        return (
            f"numbers objects or classes in more than 8 bits (values {lowest} to {highest}): save foreground as 255 "
            "and background as 0"
        )
    if kind == "numbered" or (not lossy and _are_numbers(values)):
        return (
            f"holds the numbers of objects or classes, 1 to {highest}: save the intended class as 255 and all else as 0"
        )
    if not lossy and has_void(values):
        return f"{HAS_VOID}: save the intended class as 255 and all else as 0"
    if highest <= 127:
        return f"has no pixel above 127 but grey levels up to {highest}: code foreground as 255"
    return None


def has_void(values: Values) -> bool:
    """Whether bytes are a few consecutive numbers from 1 and 255: classes, and 255 for pixels without a class."""
    *classes, highest = [0, *levels_of(values)]
    return highest == 255 and 1 < len(classes) < DRAWN and len(classes) == classes[-1] + 1


def _are_numbers(values: Values) -> bool:
    """Whether bytes are consecutive numbers from 1 that never reach white, such as the numbers of many objects."""
    levels = levels_of(values)
    return levels[0] == 1 and len(levels) == levels[-1] < 250


def _reaches_white(values: Values) -> bool:
    """Whether most drawn pixels of 16 bits are white or nearly so, as in a mask with grey edges."""
    drawn = values[values > 0]
    return bool((drawn >= 0.9 * 65535).mean() > 0.5) and int(values.max()) <= 65535


def _doubt(values: Values, top: int) -> str | None:
    """Return why the threshold would lose much of the drawn pixels; None where it wouldn't."""
    grey = values if top == 255 else values * (255 / top)
    if len(levels_of(values)) == 1:
        return None  # black and one grey: all drawn pixels are above the threshold
    ambiguous = float(((grey > AMBIGUOUS[0]) & (grey < AMBIGUOUS[1])).mean())
    if ambiguous > 0.25:
        return (
            f"is not a mask: {100 * ambiguous:.0f} % of its pixels are neither black nor white "
            f"(grey levels {AMBIGUOUS[0] + 1} to {AMBIGUOUS[1] - 1})"
        )
    drawn, lost = int((grey >= DRAWN).sum()), int(((grey >= DRAWN) & (grey < 128)).sum())
    if lost > 0.4 * drawn:
        return f"loses {100 * lost / drawn:.0f} % of its drawn pixels, with grey levels up to 127: code them as 255"
    return None


def kind_of(values: Values) -> Kind:
    """Return the coding of the integers of a map.

    Consecutive numbers from 1 in the lower half of the range count as numbers of objects.

    Args:
        values: The map, (H, W).
    """
    if values.dtype == np.bool_ or (values.dtype.kind in "iu" and not values.any()):
        return "either"
    if values.dtype.kind not in "iu" or values.min() < 0:
        return "other"
    levels = levels_of(values)
    lowest, highest, count = levels[0], levels[-1], len(levels)
    if highest == 1:
        return "ones"
    if count == 1 and highest in (255, 65535):
        return "full"
    top = 255 if values.dtype == np.uint8 or (highest <= 255 and values.dtype != np.uint16) else 65535
    return "numbered" if lowest == 1 and count == highest <= top // 2 else "other"


def levels_of(values: Values) -> list[int]:
    """Return the unique values above 0, sorted."""
    if values.dtype == np.uint8:
        return [int(level) for level in np.flatnonzero(np.bincount(values.ravel(), minlength=256)) if level]
    return [int(level) for level in np.unique(values[values > 0])]


def mixture(kinds: Iterable[tuple[str, Kind]], what: str = "map(s)") -> str | None:
    """Describe how many masks have values 0 and 1 and how many other values, with names; None if all have one coding.

    Args:
        kinds: Name of each mask (or image, which may have several) and its coding.
        what: Noun for the masks.
    """
    found: dict[str, list[str]] = {words: [] for words in _WORDS.values()}
    for name, kind in kinds:
        if kind in _WORDS:
            found[_WORDS[kind]].append(name)
    found = {words: names for words, names in found.items() if names}
    if _WORDS["ones"] not in found or len(found) == 1:
        return None
    fewer, *more = sorted(found, key=lambda words: len(found[words]))
    rest = " and ".join(f"{len(found[words])} of {words}" for words in more)
    return f"{len(found[fewer])} {what} of {fewer} ({some(found[fewer])}) with {rest}"


def check_mode(path: Path, image: Image.Image) -> None:
    """Refuse colour modes with unknown grey levels, such as LAB or floating-point numbers.

    Raises:
        FileError: If the mask or prediction has one.
    """
    if image.mode in _MODES or image.mode.startswith("I;16"):
        return
    what = "floating-point pixels" if image.mode == "F" else f"pixels in the colour mode {image.mode}"
    raise FileError(f"'{path}' has {what} without a known foreground: save it as 8-bit grey, 0 and 255.", "coding")


def check_alpha(path: Path, image: Image.Image) -> None:
    """Refuse a mask (or prediction) with a transparency that differs from its grey levels.

    Raises:
        FileError: If dropping the transparency would lose a drawing.
    """
    transparency = alpha_of(image)
    if transparency is None:
        return
    grey = np.asarray(image.convert("RGBA").convert("L"))
    if not np.array_equal(transparency > 127, grey > 127):
        raise FileError(
            f"'{path}' has a transparency (alpha channel) that differs from its grey levels and "
            "would be dropped: save the intended mask as white on black, without transparency.",
            "coding",
        )


def alpha_of(image: Image.Image) -> npt.NDArray[np.uint8] | None:
    """Return the alpha channel (H, W) of a decoded image, or the equivalent of its transparent colour.

    Returns:
        None where there is none or all of it is equal.
    """
    if image.mode not in {"RGBA", "LA", "PA"} and "transparency" not in image.info:
        return None
    if image.mode.startswith("I"):
        return None
    low, high = (channel := image.convert("RGBA").getchannel("A")).getextrema()
    return None if low == high else np.asarray(channel)


def _coloured(image: Image.Image) -> float:
    """Return the share of pixels that aren't grey or nearly grey."""
    if image.mode in {"1", "L", "LA"} or image.mode.startswith("I"):
        return 0.0
    red, green, blue = image.convert("RGB").split()
    brightest = ImageChops.lighter(ImageChops.lighter(red, green), blue)
    darkest = ImageChops.darker(ImageChops.darker(red, green), blue)
    pixels = ImageChops.subtract(brightest, darkest).histogram()
    return sum(pixels[65:]) / sum(pixels)
