"""What is read from the files of one source: noted while it is decoded, by whatever code does so.

A dataset's coding of masks and range of values are properties of the whole copy, which no single file shows. So
`read_image` and `read_mask` note what they find, and those who go through a copy collect it with `observing`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path

from polybench.data.mask_coding import Kind


@dataclass
class Observation:
    """What `read_image` and `read_mask` have found.

    Attributes:
        masks: File -> what the numbers of a mask are.
        peaks: File -> largest value of an image of more than 8 bits whose file doesn't state how many count.
        traits: File -> what it has that is not kept as it is, to follow a number, such as "image(s) in CMYK".
    """

    masks: dict[Path, Kind] = field(default_factory=dict)
    peaks: dict[Path, int] = field(default_factory=dict)
    traits: dict[Path, tuple[str, ...]] = field(default_factory=dict)


_current: ContextVar[Observation | None] = ContextVar("observation", default=None)


@contextmanager
def observing() -> Iterator[Observation]:
    """Collect what is read inside the block."""
    seen = Observation()
    token = _current.set(seen)
    try:
        yield seen
    finally:
        _current.reset(token)


def note_mask(path: Path, kind: Kind, traits: tuple[str, ...]) -> None:
    """Note how a mask is coded, and what of it is not kept."""
    if (seen := _current.get()) is not None:
        seen.masks[path] = kind
        seen.traits[path] = traits


def note_image(path: Path, peak: int | None, traits: tuple[str, ...]) -> None:
    """Note the largest value of an image of more than 8 bits, and what of it is not kept."""
    if (seen := _current.get()) is not None:
        seen.traits[path] = traits
        if peak is not None:
            seen.peaks[path] = peak
