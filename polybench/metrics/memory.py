"""Memory of the statistics of one image, in bytes per pixel at native size.

Measured by `tools/benchmark_memory.py` on maps of the mask's size: the map (4 bytes), the mask (1) and shared
intermediate results are included. Protocols are computed one after another, so that all of them together need little
more than the largest. Objects are discs in these maps; noise, with its long outlines, needs more for `boundary`,
`objects` and the column `surface` (`--noise` of the tool).
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
    "uacanet": 17,
}
"""Name of a protocol that scores whole images -> bytes per pixel, computed alone."""

TOGETHER = 30
"""Bytes per pixel of all protocols of every dataset and the stored columns: 19 measured at 27 megapixels, 24 at 108
megapixels by the whole of `polybench score`, 29 where one pixel in twenty is flipped."""

EXTRA = frozenset({"instances", "membranes"})
"""Protocols that `TOGETHER` doesn't include."""


def bytes_per_pixel(protocols: Iterable[str]) -> int:
    """Estimate the bytes per pixel of one image under some protocols; 0 for protocols that don't score whole images.

    Args:
        protocols: Names of protocols.
    """
    names = BYTES_PER_PIXEL.keys() & set(protocols)
    usual = [BYTES_PER_PIXEL[name] for name in names - EXTRA]
    shared = usual[0] if len(usual) == 1 else TOGETHER if usual else INPUT
    return shared + max((BYTES_PER_PIXEL[name] - INPUT for name in names & EXTRA), default=0)
