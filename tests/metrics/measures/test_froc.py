import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polybench.core.errors import DataError
from polybench.metrics.measures.froc import Candidate, Searched, froc_curve, sensitivity_at

# Image a has two lesions, one seen by two candidates, and b one that no candidate lies on; c has none.
IMAGES = {"a": Searched("v1", 2), "b": Searched("v1", 1), "c": Searched("v2", 0), "d": Searched("v3", 1)}
CANDIDATES = [
    Candidate("a", 0.9, "left"),
    Candidate("a", 0.3, "left"),
    Candidate("a", 0.6, "right"),
    Candidate("b", 0.8, None),
    Candidate("c", 0.6, None),
    Candidate("d", 0.2, "only"),
]

SCORES = st.sampled_from([0.1, 0.2, 0.3, 0.4])
FOUND = st.lists(st.tuples(st.integers(0, 3), SCORES, st.sampled_from([None, "x", "y"])), max_size=10)


def slow_point(candidates: list[Candidate], images: dict[str, Searched], threshold: float) -> tuple[float, float]:
    """False positives per image and sensitivity at one threshold, counted candidate by candidate."""
    above = [c for c in candidates if c.score >= threshold]
    false = sum(c.lesion is None for c in above)
    hit = len({(c.image, c.lesion) for c in above if c.lesion is not None})
    return false / len(images), hit / sum(image.lesions for image in images.values())


def test_curve_by_hand() -> None:
    # .9 hit; .8 false; .6 hit and false; .3 is the second candidate on "left"; .2 hit
    curve = froc_curve(CANDIDATES, IMAGES)
    assert curve.thresholds.tolist() == [0.9, 0.8, 0.6, 0.2]
    assert curve.false_positives.tolist() == [0, 1 / 4, 2 / 4, 2 / 4]
    assert curve.sensitivity.tolist() == [1 / 4, 1 / 4, 2 / 4, 3 / 4]


def test_sensitivity_is_that_of_a_point_that_can_be_reached() -> None:
    points = sensitivity_at(CANDIDATES, IMAGES, rates=(0, 0.3, 0.49, 0.5, 8), resamples=10)
    assert [point.sensitivity for point in points] == [1 / 4, 1 / 4, 1 / 4, 3 / 4, 3 / 4]


def test_best_candidate_false_leaves_nothing_at_rate_nought() -> None:
    candidates = [Candidate("a", 0.9, None), Candidate("a", 0.5, "left")]
    assert sensitivity_at(candidates, IMAGES, rates=(0,), resamples=10)[0].sensitivity == 0


def test_no_candidates_find_nothing() -> None:
    assert sensitivity_at([], IMAGES, rates=(1,), resamples=10) == [(1, 0, 0, 0)]


@given(found=FOUND)
def test_every_point_of_the_curve_candidate_by_candidate(found: list[tuple[int, float, str | None]]) -> None:
    images = {str(k): Searched(f"g{k % 2}", 2) for k in range(4)}
    candidates = [Candidate(str(image), score, lesion) for image, score, lesion in found]
    for threshold, false_positives, sensitivity in zip(*froc_curve(candidates, images), strict=True):
        assert (false_positives, sensitivity) == pytest.approx(slow_point(candidates, images, threshold))


@given(found=FOUND, rate=st.sampled_from([0, 0.25, 0.6, 2]))
def test_sensitivity_is_the_highest_within_the_rate(found: list[tuple[int, float, str | None]], rate: float) -> None:
    images = {str(k): Searched("g", 2) for k in range(4)}
    candidates = [Candidate(str(image), score, lesion) for image, score, lesion in found]
    points = [slow_point(candidates, images, threshold) for threshold in (0.1, 0.2, 0.3, 0.4, 1.0)]
    best = max(sensitivity for false_positives, sensitivity in points if false_positives <= rate)
    assert sensitivity_at(candidates, images, (rate,))[0].sensitivity == pytest.approx(best)


@given(found=FOUND)
def test_order_of_candidates_does_not_matter(found: list[tuple[int, float, str | None]]) -> None:
    images = {str(k): Searched(f"g{k % 2}", 2) for k in range(4)}
    candidates = [Candidate(str(image), score, lesion) for image, score, lesion in found]
    forward = sensitivity_at(candidates, images, (0, 1), resamples=20)
    assert forward == sensitivity_at(candidates[::-1], dict(reversed(images.items())), (0, 1), resamples=20)


def test_interval_covers_the_spread_of_groups() -> None:
    # 40 videos of one lesion, each found with probability 0.7 and no false positive: a binomial share
    found = np.random.default_rng(0).random(40) < 0.7
    images = {str(k): Searched(f"v{k}", 1) for k in range(40)}
    candidates = [Candidate(str(k), 0.9, "x") for k in np.flatnonzero(found)]
    (point,) = sensitivity_at(candidates, images, rates=(1,))
    share = found.mean()
    half = 1.96 * np.sqrt(share * (1 - share) / 40)
    assert point.sensitivity == share
    assert (point.low, point.high) == pytest.approx((share - half, share + half), abs=0.03)


def test_images_of_one_video_are_drawn_together() -> None:
    # the same 40 lesions in 4 videos, found in whole videos or not at all: a share of 4, not of 40
    images = {str(k): Searched(f"v{k % 4}", 1) for k in range(40)}
    candidates = [Candidate(str(k), 0.9, "x") for k in range(40) if k % 4 < 2]
    (point,) = sensitivity_at(candidates, images, rates=(1,))
    assert (point.low, point.high) == (0, 1)  # P(no video of the two in 4 draws) = 1/16 on either side


def test_single_group_has_no_interval() -> None:
    images = {"a": Searched("v1", 2), "b": Searched("v1", 1)}
    assert sensitivity_at(CANDIDATES[:4], images, rates=(1,)) == [(1, 2 / 3, None, None)]


def test_resamples_without_a_lesion_are_left_out() -> None:
    images = {"a": Searched("v1", 1), "b": Searched("v2", 0)}
    assert sensitivity_at([Candidate("a", 0.5, "x")], images, rates=(1,)) == [(1, 1, 1, 1)]


def test_set_without_lesions_is_refused() -> None:
    with pytest.raises(DataError, match="needs a lesion"):
        froc_curve([Candidate("c", 0.6, None)], {"c": Searched("v2", 0)})


@pytest.mark.parametrize("candidate", [Candidate("z", 0.5, None), Candidate("a", float("nan"), None)])
def test_unknown_image_or_score_is_refused(candidate: Candidate) -> None:
    with pytest.raises(DataError, match=f"candidate of '{candidate.image}'"):
        froc_curve([candidate], IMAGES)


def test_more_lesions_hit_than_there_are_is_refused() -> None:
    with pytest.raises(DataError, match="'d' hit more lesions"):
        froc_curve([Candidate("d", 0.5, "only"), Candidate("d", 0.4, "another")], IMAGES)
