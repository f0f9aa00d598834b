"""Value range of images of more than 8 bits, a property of the whole copy.

Microscopes and X-ray detectors write 10, 12 or 14 bits to files of 16 or 32. Where no value of a copy uses the 16th
bit, the number of significant bits must be stated; files that use all 16 bits are read unchanged.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from polybench.core.errors import ConfigError
from polybench.data.decoding import FileError

MOST_BITS = 31
OPTION = "--data.bits"
ELSEWHERE = " (--bits of `polybench data` and `score`)"
FULL_FROM = 32768
"""Least value that uses the 16th bit."""


def check_bits(bits: int | None) -> None:
    """Check the number of bits.

    Raises:
        ConfigError: If it is not 1 to 31.
    """
    if bits is not None and not 1 <= bits <= MOST_BITS:
        raise ConfigError(f"bits must be 1 to {MOST_BITS}, the bits that an image's values use, not {bits}.")


def to_bytes(path: Path, values: npt.NDArray[Any], bits: int) -> npt.NDArray[np.uint8]:
    """Scale integers of a number of bits to 0 to 255.

    Args:
        path: The file, for messages.
        values: Its values, (H, W).
        bits: Number of significant bits.

    Raises:
        FileError: If a value is negative, or too large.
    """
    wide = values.astype(np.int64)
    lowest, highest, white = int(wide.min()), int(wide.max()), 2**bits - 1
    if lowest < 0:
        raise FileError(
            f"'{path}' has values from {lowest} to {highest}, negative ones (or unsigned ones beyond 31 bits): save it "
            "with values from 0 to 65535, in 16 bits without sign.",
            "range",
        )
    if highest > white:
        what = f"'{path}' has values up to {highest}, beyond the stated {bits} bits"
        raise FileError(f"{what}: {advice(highest, also=ELSEWHERE)}.", "range")
    return np.round(wide * (255 / white) if bits != 16 else wide / 257).astype(np.uint8)


def range_problem(peaks: Mapping[str, int], bits: int | None, option: str = OPTION) -> str | None:
    """Return why the values of a copy can't be scaled; None where they can.

    Args:
        peaks: Name of each image of more than 8 bits -> its largest value.
        bits: Number of significant bits; None if it isn't stated.
        option: Option that states them, for messages.
    """
    if bits is not None and not peaks:
        return f"No file has more than 8 bits, so {option} {bits} has no effect: leave it out."
    if bits is not None or not peaks or max(peaks.values()) >= FULL_FROM:
        return None
    name = max(peaks, key=lambda name: peaks[name])
    return (
        f"{len(peaks)} file(s) have more than 8 bits but no value above {peaks[name]} ('{name}'), so that it is not "
        f"known which value is white: {advice(peaks[name], option)}."
    )


def advice(peak: int, option: str = OPTION, also: str = "") -> str:
    """Advise on the number of bits for images with a largest value."""
    bits = max(8, peak.bit_length() + peak.bit_length() % 2)
    full = ", or 16 if the whole range of 16 bits is meant" if bits < 16 else ""
    return f"state the number of significant bits, such as {option} {min(bits, MOST_BITS)}{also}{full}"


def range_note(peaks: Mapping[str, int], bits: int | None) -> list[str]:
    """Return notes for a record on images of more than 8 bits; none where there are none."""
    return [f"{len(peaks)} image(s) of more than 8 bits, scaled from {bits or 16} bits to 8"] if peaks else []
