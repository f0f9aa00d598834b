"""How a whole copy is read: one coding of masks, one range of values, and what its images lose on the way."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from polybench.data.mask_coding import Kind, mixture
from polybench.data.observation import Observation, observing
from polybench.data.sample import Decoded, Source
from polybench.data.value_range import range_note, range_problem

Decode = Callable[[Source], Decoded]
"""Reads a source; a DataError names the file that is broken."""


@dataclass(frozen=True)
class SourceReading:
    """How the files of one source are coded.

    Attributes:
        masks: What the numbers of its masks are -> the first such file.
        valids: The same of its field of view.
        peak: Largest value of its image where that has more than 8 bits; else None.
        traits: What its files have that is not kept as it is, as in `Observation`.
    """

    masks: Mapping[Kind, str] = field(default_factory=dict)
    valids: Mapping[Kind, str] = field(default_factory=dict)
    peak: int | None = None
    traits: tuple[str, ...] = ()


def decode_observed(decode: Decode, source: Source) -> tuple[Decoded, SourceReading]:
    """Decode a source and say how its files are coded.

    Raises:
        DataError: If a file can't be decoded; it is named.
    """
    with observing() as seen:
        decoded = decode(source)
    return decoded, _reading(source, seen)


def _reading(source: Source, seen: Observation) -> SourceReading:
    masks: dict[Kind, str] = {}
    valids: dict[Kind, str] = {}
    for path, kind in seen.masks.items():
        (valids if path == source.valid else masks).setdefault(kind, str(path))
    traits = sorted({trait for found in seen.traits.values() for trait in found})
    return SourceReading(masks, valids, max(seen.peaks.values(), default=None), tuple(traits))


def copy_problems(readings: Mapping[str, SourceReading], bits: int | None) -> list[str]:
    """Why a copy can't be read in one way, one sentence each; none where it can.

    Args:
        readings: Image id -> how its files are coded, of all subsets.
        bits: How many bits of images of more than 8 are said to count.
    """
    return [*coding_problems(readings), *filter(None, [range_problem(peaks_of(readings), bits)])]


def coding_problems(readings: Mapping[str, SourceReading]) -> list[str]:
    """As `copy_problems`, of masks and fields of view alone."""
    problems = []
    files = {
        "mask(s)": [reading.masks for reading in readings.values()],
        "field(s) of view": [reading.valids for reading in readings.values()],
    }
    for what, paths in files.items():
        found = mixture(((path, kind) for of_source in paths for kind, path in of_source.items()), what)
        if found is not None:
            problems.append(f"There are {found}: code all of them in one way, as 0 and 255.")
    return problems


def copy_notes(readings: Mapping[str, SourceReading], bits: int | None) -> list[str]:
    """What a record says of how a copy is read; nothing for 8 bits a colour and masks of 0 and 255."""
    notes = [*coding_notes(readings), *range_note(peaks_of(readings), bits)]
    traits = Counter(trait for reading in readings.values() for trait in reading.traits)
    return [*notes, *(f"{count} {trait}" for trait, count in sorted(traits.items()))]


def coding_notes(readings: Mapping[str, SourceReading]) -> list[str]:
    """As `copy_notes`, of masks alone."""
    return ["masks of 0 and 1, read as labels"] if any("ones" in reading.masks for reading in readings.values()) else []


def peaks_of(readings: Mapping[str, SourceReading]) -> dict[str, int]:
    """Image id -> largest value, of the images of more than 8 bits."""
    return {name: reading.peak for name, reading in readings.items() if reading.peak is not None}
