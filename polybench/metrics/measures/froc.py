"""FROC: sensitivity by lesion against false positives per image, with 95 % intervals.

Free-response ROC (Tajbakhsh et al., IEEE TMI 2016): the scores of a candidate's patches are averaged
(`classification.average_by_id`), then a threshold sweeps over the candidates. A lesion is found where any of its
candidates scores at least the threshold; further candidates on it are neither hits nor false positives. Lesions without
a candidate and images without one count. The sensitivity at a rate is taken at the lowest threshold with at most that
many false positives per image, without interpolation.

Intervals are percentile bootstraps over groups, since frames of a video are not independent; the paper uses the method
of its reference 38. No interval with one group.

Empty images: an image without lesions counts for false positives only. A set without any lesion has no sensitivity and
is refused; resamples without one are left out.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from polybench.core.errors import DataError

Values = npt.NDArray[np.float64]


class Candidate(NamedTuple):
    """A scored candidate location.

    Attributes:
        image: Id of its image.
        score: Its probability, averaged over its patches.
        lesion: The lesion at that location; None for a false positive.
    """

    image: str
    score: float
    lesion: str | None


class Searched(NamedTuple):
    """An image that was searched for lesions.

    Attributes:
        group: Its group.
        lesions: Number of its lesions, including those without a candidate.
    """

    group: str
    lesions: int


class OperatingPoint(NamedTuple):
    """Sensitivity at a rate of false positives.

    Attributes:
        rate: False positives per image allowed.
        sensitivity: Share of the lesions found.
        low: Lower end of the 95 % interval; None with a single group.
        high: Upper end, likewise.
    """

    rate: float
    sensitivity: float
    low: float | None
    high: float | None


class FrocCurve(NamedTuple):
    """A FROC curve, with one point per threshold from the highest to the lowest.

    Attributes:
        thresholds: Scores, each once, (k,).
        false_positives: False positives per image at or above each, (k,).
        sensitivity: Share of the lesions found at or above each, (k,).
    """

    thresholds: Values
    false_positives: Values
    sensitivity: Values


class _Events(NamedTuple):
    """Hits and false positives by descending score, their groups, and the images and lesions of each group."""

    scores: Values
    hit: npt.NDArray[np.bool_]
    group: npt.NDArray[np.int64]
    images: Values
    lesions: Values


def froc_curve(candidates: Sequence[Candidate], images: Mapping[str, Searched]) -> FrocCurve:
    """Compute sensitivity and false positives per image at every threshold.

    Args:
        candidates: All scored candidates.
        images: Id -> image, for all searched images, including those without candidates.

    Raises:
        DataError: If no image has a lesion, a candidate's image was not searched, an image has candidates on more
            lesions than it has, or a score is not finite.

    Example:
        >>> images = {"a": Searched(group="g", lesions=2), "b": Searched(group="h", lesions=0)}
        >>> found = [Candidate("a", 0.9, "left"), Candidate("b", 0.8, None), Candidate("a", 0.7, "right")]
        >>> curve = froc_curve(found, images)
        >>> curve.thresholds.tolist(), curve.false_positives.tolist(), curve.sensitivity.tolist()
        ([0.9, 0.8, 0.7], [0.0, 0.5, 0.5], [0.5, 0.5, 1.0])
    """
    events = _events(candidates, images)
    return FrocCurve(*_curve(events, np.ones(len(events.images))))


def sensitivity_at(
    candidates: Sequence[Candidate],
    images: Mapping[str, Searched],
    rates: Sequence[float],
    *,
    resamples: int = 2000,
    seed: int = 0,
) -> list[OperatingPoint]:
    """Compute the sensitivity at given false positives per image, with 95 % bootstrap intervals over groups.

    Args:
        candidates: All scored candidates.
        images: Id -> image, for all searched images, including those without candidates.
        rates: False positives per image; the paper reports 0.001 and 0.01 for polyps, 1 to 5 for embolisms.
        resamples: Number of bootstrap resamples.
        seed: Seed of the resamples.

    Raises:
        DataError: As `froc_curve`.

    Example:
        >>> images = {"a": Searched(group="g", lesions=2), "b": Searched(group="h", lesions=0)}
        >>> found = [Candidate("a", 0.9, "left"), Candidate("b", 0.8, None), Candidate("a", 0.7, "right")]
        >>> [point.sensitivity for point in sensitivity_at(found, images, rates=[0.0, 0.5])]
        [0.5, 1.0]
    """
    events = _events(candidates, images)
    groups = len(events.images)
    values = _at_rates(events, np.ones(groups), rates)
    if groups == 1:
        return [OperatingPoint(rate, value, None, None) for rate, value in zip(rates, values.tolist(), strict=True)]
    random = np.random.default_rng(seed)
    draws = random.multinomial(groups, np.full(groups, 1 / groups), size=resamples)
    drawn = np.array([_at_rates(events, draw, rates) for draw in draws if draw @ events.lesions > 0])
    bounds = np.percentile(drawn, [2.5, 97.5], axis=0).T.tolist()
    return [OperatingPoint(r, v, low, high) for r, v, (low, high) in zip(rates, values.tolist(), bounds, strict=True)]


def _events(candidates: Sequence[Candidate], images: Mapping[str, Searched]) -> _Events:
    """Check the candidates, and keep the best of each lesion and all false positives."""
    found: dict[tuple[str, str], float] = {}
    rows = []
    for image, score, lesion in candidates:
        if image not in images or not np.isfinite(score):
            raise DataError(
                f"A candidate of '{image}' has no finite score, or its image was not searched: check the candidates."
            )
        if lesion is None:
            rows.append((-score, False, images[image].group))
        else:
            found[image, lesion] = max(score, found.get((image, lesion), -np.inf))
    rows += [(-score, True, images[image].group) for (image, _), score in found.items()]
    _check_lesions(found, images)
    names = {name: index for index, name in enumerate(sorted({image.group for image in images.values()}))}
    held = np.zeros((2, len(names)))
    for group, lesions in images.values():
        held[:, names[group]] += (1, lesions)
    rows.sort()
    return _Events(
        scores=-np.array([row[0] for row in rows]),
        hit=np.array([row[1] for row in rows], dtype=bool),
        group=np.array([names[row[2]] for row in rows], dtype=np.int64),
        images=held[0],
        lesions=held[1],
    )


def _check_lesions(found: Mapping[tuple[str, str], float], images: Mapping[str, Searched]) -> None:
    """Refuse sets without lesions, and images with candidates on more lesions than they have."""
    if not any(image.lesions for image in images.values()):
        raise DataError(
            "A FROC curve needs a lesion, but none of the searched images has one: check the lesion counts."
        )
    hit: dict[str, int] = {}
    for image, _ in found:
        hit[image] = hit.get(image, 0) + 1
        if hit[image] > images[image].lesions:
            raise DataError(f"Candidates of '{image}' hit more lesions than the image has: check its lesion count.")


def _curve(events: _Events, draw: npt.NDArray[np.number]) -> tuple[Values, Values, Values]:
    """Compute thresholds, false positives per image and sensitivity with each group counted `draw` times."""
    weight = draw[events.group]
    last = np.flatnonzero(np.diff(events.scores, append=-np.inf))
    false_positives = np.cumsum(weight * ~events.hit)[last] / (draw @ events.images)
    sensitivity = np.cumsum(weight * events.hit)[last] / (draw @ events.lesions)
    return events.scores[last], false_positives, sensitivity


def _at_rates(events: _Events, draw: npt.NDArray[np.number], rates: Sequence[float]) -> Values:
    """Find the highest sensitivity with at most each rate of false positives; 0 where no threshold qualifies."""
    _, false_positives, sensitivity = _curve(events, draw)
    reachable = np.searchsorted(false_positives, np.asarray(rates), side="right")
    values: Values = np.concatenate([[0.0], sensitivity])[reachable]
    return values
