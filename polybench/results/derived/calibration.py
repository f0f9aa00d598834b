"""Calibration: how far the foreground probability is from the share of foreground.

Expected calibration error (Naeini et al., AAAI 2015; Guo et al., ICML 2017) over ten bins of equal width: the mean
over pixels of the distance between the mean probability and the share of foreground in the pixel's bin. That of the
confidence takes the probability of the predicted class, from 0.5 to 1, and the share of right pixels, so that bins
which are mirror images about one half are put together. The Brier score is the mean squared difference of probability
and truth. All count the pixels inside the field of view at native size, where a test of whole images stored them, or
patches, where patches were classified.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from polybench.results.derived.seeds import Estimate, Numbers, Seeds
from polybench.results.image_rows import ImageRows, Values
from polybench.results.recomputed import OTHER_DRAWS, Sample
from polybench.results.statistics.draws import group_draws, summed

STORED = "calibration@1"
BINS = 10

ERRORS = ("ece", "confidence_ece", "brier")
"""Expected calibration error of the foreground probability and of the confidence, and the Brier score."""

_OF_IMAGES = (
    *(f"{STORED}/{part}_{place}" for part in ("pixels", "probability", "positives") for place in range(BINS)),
    f"{STORED}/brier",
)
_OF_PATCHES = (f"{STORED}/probability", f"{STORED}/positive")


@dataclass(frozen=True)
class Sums:
    """Sums over the pixels of each image.

    Attributes:
        pixels: Pixels by bin, (n, 10).
        probability: Sum of their probabilities, (n, 10).
        positives: Foreground pixels, (n, 10).
        squares: Sum of squared differences of probability and truth, (n,).
    """

    pixels: Values
    probability: Values
    positives: Values
    squares: Values


@dataclass(frozen=True)
class ReliabilityBin:
    """One bin of the reliability diagram, over the pixels of all images and seeds.

    Attributes:
        low: Its lowest probability.
        high: Its upper end, which belongs to the next bin but for 1.
        pixels: Its pixels.
        probability: Their mean probability; None without pixels.
        share: The share of foreground among them; None without pixels.
    """

    low: float
    high: float
    pixels: int
    probability: float | None
    share: float | None


@dataclass(frozen=True)
class Calibration:
    """Calibration of a row.

    Attributes:
        pixels: Error of `ERRORS` -> its value over the pixels of all images together.
        images: The same of each image, the mean over images; None for patches, each of which is a single observation.
        groups: The same of the pixels of each group together, the mean over groups.
        reliability: The bins.
        unit: What was counted, `pixels` or `patches`.
    """

    pixels: Mapping[str, Estimate]
    images: Mapping[str, Estimate] | None
    groups: Mapping[str, Estimate]
    reliability: tuple[ReliabilityBin, ...]
    unit: str


def calibration(seeds: Seeds) -> Calibration | None:
    """Compute the calibration of a row; None where its tables don't store what is needed."""
    patches = seeds.have(_OF_PATCHES)
    if not patches and not seeds.have(_OF_IMAGES):
        return None
    images = None
    if not patches:
        images = seeds.means({name: partial(_of_each_image, name) for name in ERRORS})
    return Calibration(
        pixels=seeds.estimates(_over_pixels),
        images=images,
        groups=seeds.estimates(_over_groups),
        reliability=_reliability([sums_of(table) for table in seeds.tables]),
        unit="patches" if patches else "pixels",
    )


def sums_of(rows: ImageRows) -> Sums:
    """The sums of each row of a table that stores them."""
    if set(_OF_PATCHES) <= set(rows.columns):
        return _sums_of_patches(*(rows[name] for name in _OF_PATCHES))
    found = rows.block(_OF_IMAGES)
    pixels, probability, positives = (found[:, part * BINS : (part + 1) * BINS] for part in range(3))
    return Sums(pixels, probability, positives, found[:, -1] * pixels.sum(axis=1))


def errors_of(sums: Sums) -> dict[str, Values]:
    """Errors of sums (k, 10) or (k,): name of `ERRORS` -> (k,), 0 without any pixel."""
    return _errors(sums.probability - sums.positives, sums.pixels.sum(axis=1), sums.squares)


def _errors(gaps: Values, pixels: Values, squares: Values) -> dict[str, Values]:
    """Errors of differences of probability and truth by bin, (k, 10), and of pixels and squares, (k,)."""
    folded = (gaps - gaps[:, ::-1])[:, BINS // 2 :]  # a wrong background pixel is as much too confident
    found = (np.abs(gaps).sum(axis=1), np.abs(folded).sum(axis=1), squares)
    return {name: value / np.maximum(pixels, 1.0) for name, value in zip(ERRORS, found, strict=True)}


def _sums_of_patches(probability: Values, positive: Values) -> Sums:
    """Each patch is in one bin."""
    place = np.clip((probability * BINS).astype(np.intp), 0, BINS - 1)
    pixels = np.eye(BINS)[place]
    return Sums(pixels, pixels * probability[:, None], pixels * positive[:, None], (probability - positive) ** 2)


def _of_each_image(name: str, rows: ImageRows) -> Values:
    return errors_of(sums_of(rows))[name]


def _over_pixels(rows: ImageRows) -> Numbers:
    """Errors of the pixels of all images together."""
    sums = sums_of(rows)
    parts = np.column_stack([sums.probability - sums.positives, sums.pixels.sum(axis=1), sums.squares])

    def numbers(sample: Sample) -> Mapping[str, Values]:
        total = sample.total(parts)
        return _errors(total[:, :BINS], total[:, BINS], total[:, BINS + 1])

    return numbers


def _over_groups(rows: ImageRows) -> Numbers:
    """Means over groups of the errors of the pixels of each group together."""
    sums = sums_of(rows)
    members, _, _ = group_draws(rows.groups, OTHER_DRAWS)
    sizes = np.bincount(members)
    pixels, probability, positives = (
        summed(part.T, members).T for part in (sums.pixels, sums.probability, sums.positives)
    )
    [squares] = summed(sums.squares[None], members)
    of_group = errors_of(Sums(pixels, probability, positives, squares))
    weight = 1 / sizes[members]  # a group that is drawn counts once, whatever its images
    parts = np.column_stack([weight, *(values[members] * weight for values in of_group.values())])

    def numbers(sample: Sample) -> Mapping[str, Values]:
        drawn, *found = sample.total(parts).T
        return {name: values / drawn for name, values in zip(of_group, found, strict=True)}

    return numbers


def _reliability(sums: list[Sums]) -> tuple[ReliabilityBin, ...]:
    pixels, probability, positives = (
        sum(getattr(one, part).sum(axis=0) for one in sums) for part in ("pixels", "probability", "positives")
    )
    return tuple(
        ReliabilityBin(
            place / BINS,
            (place + 1) / BINS,
            int(pixels[place]),
            float(probability[place] / pixels[place]) if pixels[place] else None,
            float(positives[place] / pixels[place]) if pixels[place] else None,
        )
        for place in range(BINS)
    )
