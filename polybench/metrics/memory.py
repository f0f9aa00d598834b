"""How much memory the statistics of one image take, in bytes for each of its pixels at native size.

Measured by `tools/benchmark_memory.py` on maps of the mask's size: the map (4 bytes) and the mask (1) are included, and
so is what the statistics of several protocols share. Protocols are computed one after another, so that all those of
every dataset take little more than the largest of them. Objects are discs in these maps: noise, whose outlines are
long, takes more for `boundary`, `objects` and the column `surface` (`--noise` of the tool).
"""

from collections.abc import Iterable, Mapping

INPUT = 5
"""The map and the mask."""

BYTES_PER_PIXEL: Mapping[str, int] = {
    "per_image": 10,
    "fanet": 5,
    "keras_fcn": 15,
    "pooled": 11,
    "efen": 9,
    "pranet": 17,
    "fov": 11,
    "sweep": 11,
    "boundary": 14,
    "objects": 14,
    "instances": 19,
    "membranes": 37,
}
"""Name of a protocol that scores whole images -> bytes a pixel, alone."""

TOGETHER = 30
"""All protocols of every dataset, and the columns that are stored beside theirs: 19 of 27 megapixels, 24 of 108
megapixels by the whole of `polybench score`, 29 where one pixel in twenty is flipped."""

EXTRA = frozenset({"instances", "membranes"})
"""Protocols that `TOGETHER` doesn't count."""


def bytes_per_pixel(protocols: Iterable[str]) -> int:
    """What one image takes under some protocols; those that score no whole images take nothing.

    Args:
        protocols: Their names, such as `PROTOCOLS` have.
    """
    names = BYTES_PER_PIXEL.keys() & set(protocols)
    usual = [BYTES_PER_PIXEL[name] for name in names - EXTRA]
    shared = usual[0] if len(usual) == 1 else TOGETHER if usual else INPUT
    return shared + max((BYTES_PER_PIXEL[name] - INPUT for name in names & EXTRA), default=0)
