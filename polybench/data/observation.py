"""Observations on the files of a source, collected while it is decoded.

The coding of masks and the range of values are properties of a whole copy, which a single file doesn't show. So
`read_image` and `read_mask` record their observations, and code that reads a copy collects them with `observing`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path

from polybench.data.mask_coding import Kind


@dataclass
class Observation:
    """Observations of `read_image` and `read_mask`.

    Attributes:
        masks: File -> coding of a mask.
        peaks: File -> largest value of an image of more than 8 bits that doesn't state its range.
        traits: File -> properties that are converted, as phrases after a number, such as "image(s) in CMYK".
    """

    masks: dict[Path, Kind] = field(default_factory=dict)
    peaks: dict[Path, int] = field(default_factory=dict)
    traits: dict[Path, tuple[str, ...]] = field(default_factory=dict)


_current: ContextVar[Observation | None] = ContextVar("observation", default=None)


@contextmanager
def observing() -> Iterator[Observation]:
    """Collect the observations inside the block."""
    seen = Observation()
    token = _current.set(seen)
    try:
        yield seen
    finally:
        _current.reset(token)


def note_mask(path: Path, kind: Kind, traits: tuple[str, ...]) -> None:
    """Record the coding of a mask and its converted properties."""
    if (seen := _current.get()) is not None:
        seen.masks[path] = kind
        seen.traits[path] = traits


def note_image(path: Path, peak: int | None, traits: tuple[str, ...]) -> None:
    """Record the largest value of an image of more than 8 bits and its converted properties."""
    if (seen := _current.get()) is not None:
        seen.traits[path] = traits
        if peak is not None:
            seen.peaks[path] = peak
