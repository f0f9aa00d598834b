"""Candidates told apart: does the place that a detector proposes lie on a lesion?

The score of a candidate is the mean probability of its variants. auc is the area under the ROC curve of all candidates,
and true_positive_rate_r the share of the positive candidates above the lowest threshold that at most a share r of the
negative ones reaches. sensitivity_r is the share of all lesions, those that no candidate lies on included, of which a
candidate scores at least the lowest threshold with at most r false positives per image; a rate that allows less than
one false positive in all test images has no number. detector_sensitivity is the share of the lesions with any
candidate, which no threshold exceeds. accuracy is that of all candidates at threshold 0.5. An image without a candidate
has one row. The interval of the area is DeLong's where every candidate is a group of its own; all others are
percentiles of 2000 draws of whole groups. The candidates are the same in every run of one list, so that only records of
the same list are compared.

Paper: Tajbakhsh et al., "Convolutional Neural Networks for Medical Image Analysis: Full Training or Fine Tuning?", IEEE
TMI 2016, whose operating points are 0.001 and 0.01 false positives per frame, of 18,900 frames.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from polybench.metrics.measures.classification import Scored, roc_auc
from polybench.metrics.measures.froc import Candidate, Searched, froc_curve, sensitivity_at
from polybench.metrics.protocols.protocol import Protocol, Values
from polybench.metrics.sufficient import Rows

Mask = npt.NDArray[np.bool_]

THRESHOLD = 0.5

RATES = (0.01, 0.05, 0.1, 0.5, 1.0, 2.0)
"""False positives per image."""

FALSE_POSITIVE_RATES = (0.1, 0.15, 0.2)
"""Shares of the negative candidates, the operating points of the paper's ROC curves."""

DRAWS = 2000

_SENSITIVITIES = {f"sensitivity_{rate}": rate for rate in RATES}
_TRUE_POSITIVES = {f"true_positive_rate_{rate}": rate for rate in FALSE_POSITIVE_RATES}


def scored(rows: Rows) -> Scored:
    """The candidates among rows, without images that have none.

    Example:
        >>> columns = {"score": np.array([0.8, 0.6, 0.0]), "positive": np.array([True, False, False])}
        >>> columns |= {"lesion": np.array([0, -1, -1]), "lesions": np.array([2, 2, 0])}
        >>> rows = Rows(["a/0", "a/1", "b/none"], ["a", "a", "b"], {**columns, "candidate": np.array([1, 1, 0])})
        >>> scored(rows).ids
        ['a/0', 'a/1']
        >>> numbers = CANDIDATES.scores(rows)  # both candidates are called positive, one rightly, on one lesion of two
        >>> numbers["auc"], numbers["accuracy"], numbers["sensitivity_0.5"], numbers["detector_sensitivity"]
        (1.0, 0.5, 0.5, 0.5)
    """
    kept = np.flatnonzero(rows.columns["candidate"])
    return Scored(
        [rows.ids[place] for place in kept],
        [rows.groups[place] for place in kept],
        rows.numbers("score")[kept],
        rows.columns["positive"][kept].astype(bool),
    )


def searched(rows: Rows) -> tuple[list[Candidate], dict[str, Searched]]:
    """Candidates and searched images for `polybench.metrics.measures.froc`; the image of `<image>/<candidate>`."""
    images, candidates = {}, []
    lesion, lesions = rows.integers("lesion"), rows.integers("lesions")
    for place, row_id in enumerate(rows.ids):
        image = row_id.rpartition("/")[0]
        images[image] = Searched(rows.groups[place], int(lesions[place]))
        if rows.columns["candidate"][place]:
            found = str(lesion[place]) if lesion[place] >= 0 else None
            candidates.append(Candidate(image, float(rows.columns["score"][place]), found))
    return candidates, images


def resolvable(images: int, rates: Sequence[float] = RATES) -> list[float]:
    """The rates at which at least one false positive is allowed in a number of images.

    Example:
        >>> resolvable(30)
        [0.05, 0.1, 0.5, 1.0, 2.0]
    """
    return [rate for rate in rates if rate * images >= 1]


def true_positive_rate(scores: Values, positive: Mask, rate: float, weights: Values | None = None) -> float:
    """Share of the positives above the lowest threshold that at most a share of the negatives reaches.

    Args:
        scores: Of each item, (n,).
        positive: Whether each is positive, (n,); at least one of either kind.
        rate: The share.
        weights: How often each item counts, (n,); once by default.

    Example:
        >>> scores, positive = np.array([0.9, 0.8, 0.7, 0.1]), np.array([True, False, True, False])
        >>> [true_positive_rate(scores, positive, rate) for rate in (0.0, 0.5)]
        [0.5, 1.0]
    """
    times = np.ones(len(scores)) if weights is None else weights
    order = np.argsort(-scores[~positive])
    reached = np.cumsum(times[~positive][order])
    beaten = int(np.searchsorted(reached, rate * reached[-1] + 1e-9, side="right"))
    least = scores[~positive][order][beaten] if beaten < len(order) else -np.inf
    counted = times[positive]
    return float(counted[scores[positive] > least].sum() / counted.sum())


def _of_all(rows: Rows) -> dict[str, float]:
    found = scored(rows)
    numbers: dict[str, float] = {}
    if found.ids:
        numbers["accuracy"] = float(((found.scores >= THRESHOLD) == found.labels).mean())
    if found.labels.any() and not found.labels.all():
        numbers["auc"] = roc_auc(found).value
        for name, rate in _TRUE_POSITIVES.items():
            numbers[name] = true_positive_rate(found.scores, found.labels, rate)
    candidates, images = searched(rows)
    lesions = sum(image.lesions for image in images.values())
    if lesions:
        numbers["detector_sensitivity"] = len({(one.image, one.lesion) for one in candidates if one.lesion}) / lesions
        curve = froc_curve(candidates, images)
        for rate in resolvable(len(images)):
            reached = int(np.searchsorted(curve.false_positives, rate, side="right"))
            numbers[f"sensitivity_{rate}"] = float(curve.sensitivity[reached - 1]) if reached else 0.0
    return numbers


def _intervals(rows: Rows) -> dict[str, tuple[float, float]]:
    """DeLong's interval of the area where candidates are independent; draws of whole groups for everything else."""
    names, group = np.unique(np.array(rows.groups, dtype=object), return_inverse=True)
    if len(names) < 2:
        return {}
    found, numbers = scored(rows), _of_all(rows)
    ends: dict[str, tuple[float, float]] = {}
    kept = np.flatnonzero(rows.columns["candidate"])
    times = np.random.default_rng(0).multinomial(len(names), np.full(len(names), 1 / len(names)), size=DRAWS)
    for metric, values in _drawn(found, times[:, group[kept]].astype(np.float64)).items():
        low, high = np.percentile(values, [2.5, 97.5]).tolist()
        ends[metric] = (low, high)
    candidates, images = searched(rows)
    if "detector_sensitivity" in numbers:
        rates = [*resolvable(len(images)), float("inf")]
        for point in sensitivity_at(candidates, images, rates, resamples=DRAWS):
            name = "detector_sensitivity" if np.isinf(point.rate) else f"sensitivity_{point.rate}"
            ends |= {name: (point.low, point.high)} if point.low is not None and point.high is not None else {}
    if len(set(found.groups)) == len(found.ids) and "auc" in numbers:
        area = roc_auc(found)
        ends |= {"auc": (area.low, area.high)} if area.low is not None and area.high is not None else {}
    return {metric: pair for metric, pair in ends.items() if metric in numbers}


def _drawn(found: Scored, times: Values) -> dict[str, Values]:
    """Numbers of candidates on each draw; draws without both classes have no area.

    Args:
        found: The candidates.
        times: How often each of them counts in each draw, (draws, n).
    """
    order = np.argsort(-found.scores, kind="stable")
    scores, positive, times = found.scores[order], found.labels[order], times[:, order]
    times = times[times.sum(axis=1) > 0]
    right = ((scores >= THRESHOLD) == positive).astype(np.float64)
    drawn: dict[str, Values] = {"accuracy": times @ right / times.sum(axis=1)}
    times = times[(times[:, positive].sum(axis=1) > 0) & (times[:, ~positive].sum(axis=1) > 0)]
    hits, false = (_running(times[:, members]) for members in (positive, ~positive))
    of_negatives = -scores[~positive]  # rising, as searchsorted needs it
    higher, as_high = (np.searchsorted(of_negatives, -scores[positive], side=side) for side in ("left", "right"))
    beats = false[:, -1:] - (false[:, higher] + false[:, as_high]) / 2  # negatives below each positive, ties as half
    drawn["auc"] = (times[:, positive] * beats).sum(axis=1) / hits[:, -1] / false[:, -1]
    above = np.append(np.searchsorted(-scores[positive], of_negatives, side="left"), int(positive.sum()))
    for name, rate in _TRUE_POSITIVES.items():
        beaten = (false[:, 1:] <= rate * false[:, -1:] + 1e-9).sum(axis=1)
        drawn[name] = hits[np.arange(len(hits)), above[beaten]] / hits[:, -1]
    return drawn


def _running(weights: Values) -> Values:
    """Running sums of each row, from 0, (draws, n + 1)."""
    sums: Values = np.concatenate([np.zeros((len(weights), 1)), np.cumsum(weights, axis=1)], axis=1)
    return sums


CANDIDATES = Protocol(
    name="candidates",
    version=1,
    definition=__doc__,
    empty_masks=(
        "an image without a lesion gives false positives only; where no image has one there is no sensitivity, and "
        "without both classes no area."
    ),
    columns=("score", "positive", "lesion", "lesions", "candidate"),
    directions={
        "auc": "higher",
        **dict.fromkeys(_SENSITIVITIES, "higher"),
        **dict.fromkeys(_TRUE_POSITIVES, "higher"),
        "accuracy": "higher",
        "detector_sensitivity": "higher",
    },
    headline="auc",
    shown=("sensitivity_1.0", "detector_sensitivity", "accuracy"),  # those that every test set resolves
    what="candidates",
    aggregate=_of_all,
    intervals=_intervals,
)
