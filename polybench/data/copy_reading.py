"""Consistency of a copy: one coding of masks, one range of values, and notes on conversions of its files."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from polybench.data.mask_coding import Kind, mixture
from polybench.data.observation import Observation, observing
from polybench.data.sample import Decoded, Source
from polybench.data.value_range import range_note, range_problem

Decode = Callable[[Source], Decoded]
"""Decodes a source; a DataError names the broken file."""


@dataclass(frozen=True)
class SourceReading:
    """Coding of the files of one source.

    Attributes:
        masks: Coding of its masks -> the first such file.
        valids: Coding of its field of view -> its file.
        peak: Largest value of its image where that has more than 8 bits; else None.
        traits: Properties of its files that are converted, as in `Observation`.
    """

    masks: Mapping[Kind, str] = field(default_factory=dict)
    valids: Mapping[Kind, str] = field(default_factory=dict)
    peak: int | None = None
    traits: tuple[str, ...] = ()


def decode_observed(decode: Decode, source: Source) -> tuple[Decoded, SourceReading]:
    """Decode a source and return the coding of its files.

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
    """Return a sentence for each inconsistency of a copy.

    Args:
        readings: Image id -> coding of its files, for all subsets.
        bits: Number of significant bits of images of more than 8; None if it isn't stated.
    """
    return [*coding_problems(readings), *filter(None, [range_problem(peaks_of(readings), bits)])]


def coding_problems(readings: Mapping[str, SourceReading]) -> list[str]:
    """Return a sentence for each inconsistency of masks and fields of view."""
    problems = []
    files = {
        "mask(s)": [reading.masks for reading in readings.values()],
        "field(s) of view": [reading.valids for reading in readings.values()],
    }
    for what, paths in files.items():
        found = mixture(((path, kind) for of_source in paths for kind, path in of_source.items()), what)
        if found is not None:
            problems.append(f"There are {found}: use one coding for all of them, 0 and 255.")
    return problems


def copy_notes(readings: Mapping[str, SourceReading], bits: int | None) -> list[str]:
    """Return notes for a record on conversions of a copy; none for 8 bits per colour and masks of 0 and 255."""
    notes = [*coding_notes(readings), *range_note(peaks_of(readings), bits)]
    traits = Counter(trait for reading in readings.values() for trait in reading.traits)
    return [*notes, *(f"{count} {trait}" for trait, count in sorted(traits.items()))]


def coding_notes(readings: Mapping[str, SourceReading]) -> list[str]:
    """Return notes for a record on the coding of masks."""
    return ["masks of 0 and 1, read as labels"] if any("ones" in reading.masks for reading in readings.values()) else []


def peaks_of(readings: Mapping[str, SourceReading]) -> dict[str, int]:
    """Map each image of more than 8 bits to its largest value."""
    return {name: reading.peak for name, reading in readings.items() if reading.peak is not None}
