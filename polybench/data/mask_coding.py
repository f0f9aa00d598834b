"""How masks are coded: 0 and 255, 0 and 1, numbers of objects, or in a way that can't be read; one for a whole set.

A mask of nothing but 0 goes with every coding. A set whose masks hold 0 and 1 alone is read as labels; a set that mixes
these with masks of 0 and 255 is refused, since a 1 may be an object or a trace of black in it.
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
"""What the integers of a map are: nothing but 0 (or booleans), which goes with every other kind; 0 and 1; 0 and the
highest of the type; numbers of objects or classes, as 1 to 12 in bytes; anything else."""

_WORDS: Mapping[Kind, str] = {"ones": "0 and 1", "full": "0 and 255", "other": "other values"}

DRAWN = 17
"""Least grey level of a mask that was drawn; JPEG leaves lower ones about anything drawn."""

AMBIGUOUS = (32, 223)
"""Grey levels of a mask strictly between these are ambiguous: another threshold could turn them."""

HAS_VOID = "holds the number of a class, from 1 on, beside 255, as for pixels of no class"
"""What is said of a mask that `has_void`."""

_MODES = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "I"})
"""Colour modes of Pillow whose grey levels are known."""


class MaskLevels(NamedTuple):
    """The grey levels of a mask.

    Attributes:
        values: Boolean, or whole numbers, (H, W).
        kind: What they are.
        top: The number that stands for white.
        doubt: Why it is hardly a mask, though its foreground can be read; None where there is no doubt.
    """

    values: Values
    kind: Kind
    top: int
    doubt: str | None

    @property
    def foreground(self) -> npt.NDArray[np.bool_]:
        """Pixels above half of the range; of labels, those that are not 0."""
        half = 0 if self.kind in ("either", "ones") else self.top // 2
        return np.asarray(self.values > half)


def mask_levels(path: Path, picture: Picture) -> MaskLevels:
    """Read the grey levels of a mask, whatever the file's type.

    Args:
        path: The file, for messages.
        picture: What is in it.

    Raises:
        FileError: If they can't be read as those of a mask; the sentence says why and what to do.
    """
    image = picture.image
    check_mode(path, image)
    check_alpha(path, image)
    coloured = _coloured(image)
    if coloured > 0.001:
        raise FileError(
            f"The mask '{path}' has colours in {100 * coloured:.1f} % of its pixels, but only grey levels above 127 "
            "are foreground: save the class you mean as white on black.",
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
    """Why a mask of grey levels would be read wrongly, or None where it would not."""
    lowest, highest = int(values.min()), int(values.max())
    if lowest < 0 or (top > 255 and not _reaches_white(values)):
        return (
            f"numbers objects or classes in more than 8 bits (values {lowest} to {highest}): save foreground as 255 "
            "and background as 0"
        )
    if kind == "numbered" or (not lossy and _are_numbers(values)):
        return (
            f"holds the numbers of objects or classes, 1 to {highest}: save the class you mean as 255 and all else as 0"
        )
    if not lossy and has_void(values):
        return f"{HAS_VOID}: save the class you mean as 255 and all else as 0"
    if highest <= 127:
        return f"has no pixel above 127 but grey levels up to {highest}: code foreground as 255"
    return None


def has_void(values: Values) -> bool:
    """Whether bytes are 1 to n without a gap, few, and 255: classes, and the 255 of pixels that have none."""
    *classes, highest = [0, *levels_of(values)]
    return highest == 255 and 1 < len(classes) < DRAWN and len(classes) == classes[-1] + 1


def _are_numbers(values: Values) -> bool:
    """Whether bytes are 1 to n without a gap but never reach white, as the numbers of many objects are."""
    levels = levels_of(values)
    return levels[0] == 1 and len(levels) == levels[-1] < 250


def _reaches_white(values: Values) -> bool:
    """Whether most of what is drawn in 16 bits is white or nearly so, as in a mask with grey edges."""
    drawn = values[values > 0]
    return bool((drawn >= 0.9 * 65535).mean() > 0.5) and int(values.max()) <= 65535


def _doubt(values: Values, top: int) -> str | None:
    """Why the threshold would lose much of what is drawn, or None where it would not."""
    grey = values if top == 255 else values * (255 / top)
    if len(levels_of(values)) == 1:
        return None  # black and one grey: whatever is drawn is above the threshold
    ambiguous = float(((grey > AMBIGUOUS[0]) & (grey < AMBIGUOUS[1])).mean())
    if ambiguous > 0.25:
        return (
            f"is no mask: {100 * ambiguous:.0f} % of its pixels are neither black nor white "
            f"(grey levels {AMBIGUOUS[0] + 1} to {AMBIGUOUS[1] - 1})"
        )
    drawn, lost = int((grey >= DRAWN).sum()), int(((grey >= DRAWN) & (grey < 128)).sum())
    if lost > 0.4 * drawn:
        return f"loses {100 * lost / drawn:.0f} % of what is drawn, which has grey levels up to 127: code it as 255"
    return None


def kind_of(values: Values) -> Kind:
    """What the integers of a map are.

    Numbers count as those of objects if they are 1 to n without a gap, in the lower half of the range.

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
    """The different numbers above 0, sorted."""
    if values.dtype == np.uint8:
        return [int(level) for level in np.flatnonzero(np.bincount(values.ravel(), minlength=256)) if level]
    return [int(level) for level in np.unique(values[values > 0])]


def mixture(kinds: Iterable[tuple[str, Kind]], what: str = "map(s)") -> str | None:
    """Say how many masks hold 0 and 1 and how many other values, the fewer by name; None where all are of one kind.

    Args:
        kinds: Name of each mask (or image, which may have several) and what its integers are.
        what: What the sentence calls them.
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
    """Refuse colour modes whose grey levels are not known, such as LAB or floating-point numbers.

    Raises:
        FileError: If the mask or prediction has one.
    """
    if image.mode in _MODES or image.mode.startswith("I;16"):
        return
    what = "floating-point pixels" if image.mode == "F" else f"pixels in the colour mode {image.mode}"
    raise FileError(
        f"'{path}' holds {what}, whose foreground is not known: save it as 8-bit grey, 0 and 255.", "coding"
    )


def check_alpha(path: Path, image: Image.Image) -> None:
    """Refuse a mask (or prediction) whose transparency shows something else than its grey levels.

    Raises:
        FileError: If dropping the transparency would lose what is drawn in it.
    """
    transparency = alpha_of(image)
    if transparency is None:
        return
    grey = np.asarray(image.convert("RGBA").convert("L"))
    if not np.array_equal(transparency > 127, grey > 127):
        raise FileError(
            f"'{path}' has a transparency (alpha channel) that shows something else than its grey levels, and "
            "would be dropped: save what you mean as white on black, without transparency.",
            "coding",
        )


def alpha_of(image: Image.Image) -> npt.NDArray[np.uint8] | None:
    """The alpha channel (H, W) of a decoded image, or what its transparent colour amounts to.

    Returns:
        None where there is none, and where all of it is equal, so that nothing is drawn in it.
    """
    if image.mode not in {"RGBA", "LA", "PA"} and "transparency" not in image.info:
        return None
    if image.mode.startswith("I"):
        return None
    low, high = (channel := image.convert("RGBA").getchannel("A")).getextrema()
    return None if low == high else np.asarray(channel)


def _coloured(image: Image.Image) -> float:
    """The share of pixels that are neither grey nor nearly so."""
    if image.mode in {"1", "L", "LA"} or image.mode.startswith("I"):
        return 0.0
    red, green, blue = image.convert("RGB").split()
    brightest = ImageChops.lighter(ImageChops.lighter(red, green), blue)
    darkest = ImageChops.darker(ImageChops.darker(red, green), blue)
    pixels = ImageChops.subtract(brightest, darkest).histogram()
    return sum(pixels[65:]) / sum(pixels)
