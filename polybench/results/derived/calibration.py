"""Calibration: how far the foreground probability is from the share of foreground.

Expected calibration error (Naeini et al., AAAI 2015; Guo et al., ICML 2017) over ten bins of equal width: the mean
over pixels of the distance between the mean probability and the share of foreground in the pixel's bin. That of the
confidence takes the probability of the predicted class, from 0.5 to 1, and the share of right pixels, so that bins
which are mirror images about one half are put together. The Brier score is the mean squared difference of probability
and truth. All count the pixels inside the field of view at native size, where a test of whole images stored them, or
patches, where patches were classified.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from polybench.results.derived.seeds import Estimate, Seeds, estimates_of, means_of, of_those_with
from polybench.results.image_rows import Values
from polybench.results.recomputed import OTHER_DRAWS
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
    return calibrations([seeds])[0]


def calibrations(rows: Sequence[Seeds]) -> list[Calibration | None]:
    """The same of many rows at once."""
    patches = [row.have(_OF_PATCHES) for row in rows]
    of_patches = iter(_calibrations([row for row, has in zip(rows, patches, strict=True) if has], patches=True))
    others = [row for row, has in zip(rows, patches, strict=True) if not has]
    of_images = iter(of_those_with(_OF_IMAGES, others, _calibrations))
    return [next(of_patches if has else of_images) for has in patches]


def _calibrations(rows: Sequence[Seeds], *, patches: bool = False) -> list[Calibration]:
    groups, sums = [row.groups for row in rows], [(_of_patches if patches else _of_images)(row) for row in rows]
    pixels = estimates_of(_errors, groups, [_parts(one) for one in sums])
    means = estimates_of(_over_groups, groups, [_of_groups(one, of) for one, of in zip(sums, groups, strict=True)])
    images: Sequence[Mapping[str, Estimate] | None] = [None] * len(rows)
    if not patches:
        images = means_of(ERRORS, groups, [np.stack(list(_errors(_parts(one)).values()), axis=1) for one in sums])
    return [
        Calibration(of_pixels, of_images, of_groups, _reliability(one), "patches" if patches else "pixels")
        for of_pixels, of_images, of_groups, one in zip(pixels, images, means, sums, strict=True)
    ]


def _of_images(seeds: Seeds) -> Values:
    """Pixels of each image by bin, the sum of their probabilities, foreground pixels; then squares, (seeds, 31, n).

    The squares are the sum over pixels of the squared difference of probability and truth.
    """
    found = seeds.values(_OF_IMAGES)
    found[:, -1] *= found[:, :BINS].sum(axis=1)
    return found


def _of_patches(seeds: Seeds) -> Values:
    """The same of patches, each of which is one pixel in one bin."""
    probability, positive = np.moveaxis(seeds.values(_OF_PATCHES), 1, 0)
    place = np.clip((probability * BINS).astype(np.intp), 0, BINS - 1)
    pixels = np.moveaxis(np.eye(BINS)[place], 2, 1)
    squares = (probability - positive) ** 2
    return np.concatenate([pixels, pixels * probability[:, None], pixels * positive[:, None], squares[:, None]], axis=1)


def _parts(sums: Values) -> Values:
    """Differences of probability and truth by bin, all pixels, and squares, (..., 12, k), of sums (..., 31, k)."""
    pixels, probability, positives = (sums[..., part * BINS : (part + 1) * BINS, :] for part in range(3))
    return np.concatenate([probability - positives, pixels.sum(axis=-2, keepdims=True), sums[..., -1:, :]], axis=-2)


def _errors(parts: Values) -> dict[str, Values]:
    """Name of `ERRORS` -> the errors of `_parts`, (..., k), 0 without any pixel."""
    gaps, pixels, squares = parts[..., :BINS, :], parts[..., BINS, :], parts[..., BINS + 1, :]
    folded = (gaps - gaps[..., ::-1, :])[..., BINS // 2 :, :]  # a wrong background pixel is as much too confident
    found = (np.abs(gaps).sum(axis=-2), np.abs(folded).sum(axis=-2), squares)
    return {name: value / np.maximum(pixels, 1.0) for name, value in zip(ERRORS, found, strict=True)}


def _of_groups(sums: Values, groups: tuple[str, ...]) -> Values:
    """One over the images of the image's group, then the errors of the group's pixels as often, (seeds, 4, n).

    A group that is drawn counts once, whatever its images.
    """
    members = group_draws(groups, OTHER_DRAWS).members
    of_group = summed(sums.reshape(-1, sums.shape[2]), members).reshape(*sums.shape[:2], -1)
    errors = _errors(_parts(of_group)).values()
    weight = 1 / np.bincount(members)[members]
    each = [np.ones_like(sums[:, 0]), *(values[:, members] for values in errors)]
    return np.stack(each, axis=1) * weight


def _over_groups(parts: Values) -> dict[str, Values]:
    """Means over groups of the errors of the pixels of each group together."""
    return {name: parts[..., place, :] / parts[..., 0, :] for place, name in enumerate(ERRORS, start=1)}


def _reliability(sums: Values) -> tuple[ReliabilityBin, ...]:
    pixels, probability, positives = sums.sum(axis=(0, 2))[: 3 * BINS].reshape(3, BINS).tolist()
    return tuple(
        ReliabilityBin(
            place / BINS,
            (place + 1) / BINS,
            int(pixels[place]),
            probability[place] / pixels[place] if pixels[place] else None,
            positives[place] / pixels[place] if pixels[place] else None,
        )
        for place in range(BINS)
    )
