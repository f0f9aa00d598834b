import math

import numpy as np
import pandas as pd
import pytest

from polybench.core.errors import DataError
from polybench.results.statistics.intervals import caution, column, interval_of_mean, intervals_of, summarise


def test_two_groups_give_the_bounds_of_their_only_resamples() -> None:
    # Resamples are (a, a), (a, b), (b, a), (b, b): means 0, 1/2, 1 with shares 1/4, 1/2, 1/4, all above 2.5 %.
    interval = interval_of_mean([0.0, 1.0], ["a", "b"])
    assert (interval.value, interval.low, interval.high) == (0.5, 0.0, 1.0)
    assert (interval.n, interval.groups) == (2, 2)


def test_groups_are_drawn_and_not_images() -> None:
    # Drawn by image, a mean of 1 would need the first image four times: (1/4)^4 < 2.5 %. By group it has share 1/4.
    interval = interval_of_mean([1.0, 0.0, 0.0, 0.0], ["a", "b", "b", "b"])
    assert (interval.value, interval.low, interval.high) == (0.25, 0.0, 1.0)


def test_a_resample_is_weighted_by_the_images_of_its_groups() -> None:
    # Means are 0, 1/4, 1 with shares 1/4, 1/2, 1/4 (unweighted, the middle one would be 1/2): the central 30 % is 1/4.
    interval = interval_of_mean([1.0, 0.0, 0.0, 0.0], ["a", "b", "b", "b"], confidence=0.3)
    assert (interval.low, interval.high) == (0.25, 0.25)


def test_copies_of_an_image_in_its_group_do_not_narrow_the_interval() -> None:
    values = np.random.default_rng(3).random(30)
    groups = [f"g{number:02d}" for number in range(30)]
    once = interval_of_mean(values, groups)
    often = interval_of_mean(np.repeat(values, 5), np.repeat(groups, 5).tolist())
    assert often.low == pytest.approx(once.low, abs=1e-12)
    assert often.high == pytest.approx(once.high, abs=1e-12)


def test_many_images_agree_with_the_central_limit_theorem() -> None:
    values = [0.0, 1.0] * 200
    interval = interval_of_mean(values, [str(number) for number in range(400)])
    half = 1.96 * math.sqrt(0.25 / 400)
    assert interval.low == pytest.approx(0.5 - half, abs=0.005)
    assert interval.high == pytest.approx(0.5 + half, abs=0.005)


def test_the_order_of_images_does_not_matter_to_the_last_bit() -> None:
    random = np.random.default_rng(0)
    values, groups = random.random(50), [f"g{number % 7}" for number in range(50)]
    order = random.permutation(50)
    assert interval_of_mean(values, groups) == interval_of_mean(values[order], [groups[i] for i in order])


def test_equal_values_have_an_interval_of_no_width() -> None:
    interval = interval_of_mean([0.1] * 3, ["a", "b", "c"])
    assert (interval.value, interval.low, interval.high) == (0.1, 0.1, 0.1)


def test_a_single_group_has_no_interval() -> None:
    interval = interval_of_mean([0.2, 0.4], ["a", "a"])
    assert interval.value == pytest.approx(0.3)
    assert interval.low is None
    assert interval.high is None


@pytest.mark.parametrize("values", [[], [math.nan, 1.0]], ids=["none", "nan"])
def test_values_that_have_no_mean_are_refused(values: list[float]) -> None:
    with pytest.raises(DataError, match="finite"):
        interval_of_mean(values, ["a", "b"][: len(values)])


def test_draws_hold_whole_groups_in_the_order_of_the_images() -> None:
    groups, sizes, seen = ["b", "a", "b", "c"], {"a": 1, "b": 2, "c": 1}, []

    def numbers_of(places: np.ndarray) -> dict[str, float]:
        seen.append([groups[place] for place in places])
        assert (np.diff(places) >= 0).all()
        return {"first": 0.0}

    intervals_of(numbers_of, groups)
    assert len(seen) == 10  # ways of drawing three of three groups; none is scored twice
    for drawn in seen:
        times = {name: drawn.count(name) / size for name, size in sizes.items()}
        assert sum(times.values()) == 3
        assert all(number.is_integer() for number in times.values())


def test_interval_of_a_ratio_of_sums_agrees_with_the_delta_method() -> None:
    # x uniform, y = 1: the ratio is the mean of x, with standard error sqrt(1 / 12 / 400).
    x = np.random.default_rng(1).random(400)
    found = intervals_of(lambda places: {"ratio": x[places].sum() / len(places)}, [str(k) for k in range(400)])
    low, high = found["ratio"]
    half = 1.96 * x.std(ddof=1) / math.sqrt(400)
    assert (low, high) == pytest.approx((x.mean() - half, x.mean() + half), abs=0.003)


def test_draws_count_as_often_as_they_were_drawn() -> None:
    # Means are 0, 1/4, 1 with shares 1/4, 1/2, 1/4: the central 30 % is 1/4.
    values = np.array([1.0, 0.0, 0.0, 0.0])
    found = intervals_of(lambda places: {"mean": values[places].mean()}, ["a", "b", "b", "b"], confidence=0.3)
    assert found == {"mean": (0.25, 0.25)}


def test_draws_that_do_not_define_a_number_are_left_out() -> None:
    # Of two groups only b has an object: draws of a alone define nothing, all others give 1.
    found = intervals_of(lambda places: {"area": 1.0} if 1 in places else {}, ["a", "b"])
    assert found == {"area": (1.0, 1.0)}


def test_numbers_of_a_single_group_have_no_interval() -> None:
    assert intervals_of(lambda places: {"dice": 1.0}, ["a", "a"]) == {}


def test_summary_counts_empty_masks_and_predictions_on_them() -> None:
    # Images: a hit, an empty mask left empty, an empty mask with two pixels predicted, a miss.
    rows = pd.DataFrame({"id": list("abcd"), "group": list("xxyy")})
    counts = {"tp": [5, 0, 0, 0], "fp": [0, 0, 2, 0], "fn": [0, 0, 0, 4], "dice": [1.0, 1.0, 0.0, 0.0]}
    for name, values in counts.items():
        rows[column("per_image@1", name)] = values
    scores = summarise(rows, "per_image@1", {"dice": "higher"})
    assert (scores.n, scores.groups, scores.empty_masks, scores.false_positives_on_empty) == (4, 2, 2, 1)
    assert scores.values["dice"].value == 0.5


def test_summary_names_a_missing_column() -> None:
    with pytest.raises(DataError, match="per_image@1/dice"):
        summarise(pd.DataFrame({"id": ["a"], "group": ["a"]}), "per_image@1", {"dice": "higher"})


@pytest.mark.parametrize(("n", "groups", "word"), [(49, 49, "49 images:"), (60, 49, "49 groups"), (60, 1, "one group")])
def test_few_images_or_groups_are_flagged(n: int, groups: int, word: str) -> None:
    assert word in (caution(n, groups) or "")


def test_enough_images_and_groups_are_not_flagged() -> None:
    assert caution(50, 50) is None
