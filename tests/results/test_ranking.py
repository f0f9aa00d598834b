from pathlib import Path

import numpy as np
import pytest

from polybench.core.errors import DataError
from polybench.results.comparison import aligned, image_values, scored_run
from polybench.results.facts import Direction
from polybench.results.ranking import Standing, overlapping, standings
from polybench.results.record import read_records
from polybench.results.table import Score, groups_of
from tests.results.factory import PROTOCOL, identity, store, table, trained


def _score(low: float | None, high: float | None, direction: Direction = "higher") -> Score:
    return Score(((low or 0) + (high or 0)) / 2, None, low, high, direction)


def _standings(root: Path) -> list[Standing]:
    return standings(groups_of(read_records(root))[0], PROTOCOL, "published")


def _ranks(root: Path) -> dict[str, tuple[int, ...]]:
    return {
        row.first.record.recipe: standing.ranks[row.anchor][:3]
        for standing in _standings(root)
        for row in standing.rows
        if row.anchor in standing.ranks
    }


def _store(root: Path, recipe: str, dice: list[float], groups: list[str] | None = None, budget: str = "10") -> None:
    store(root, table(dice, groups), recipe=recipe, identity=identity(recipe, budget_id=f"{budget} images"))


HARD_AND_EASY = [0.1, 0.9, 0.3, 0.7, 0.5, 0.2, 0.8, 0.4]


def test_rows_whose_own_intervals_overlap_are_told_apart_on_the_same_images(tmp_path: Path) -> None:
    _store(tmp_path, "better", [value + 0.01 for value in HARD_AND_EASY])
    _store(tmp_path, "worse", HARD_AND_EASY)
    (standing,) = _standings(tmp_path)
    better, worse = (row.headline for row in standing.rows)
    assert better is not None
    assert worse is not None
    assert (better.low or 0) < (worse.high or 0)
    assert [standing.ranks[row.anchor] for row in standing.rows] == [(1, 1, 2, 1), (2, 2, 2, 2)]
    assert standing.pairs[0].p == 2 / 2**8


def test_rows_are_ranked_among_those_of_their_budget_only(tmp_path: Path) -> None:
    for recipe, value, budget in (("a", 0.5, "10"), ("b", 0.9, "20"), ("c", 0.7, "10")):
        _store(tmp_path, recipe, [value] * 6, budget=budget)
    store(tmp_path, table([0.99] * 6), recipe="earlier", identity=None)
    assert _ranks(tmp_path) == {"b": (1, 1, 1), "c": (1, 1, 2), "a": (2, 2, 2)}


@pytest.mark.parametrize("groups", [1, 3, 5])
def test_with_fewer_than_six_groups_nothing_is_ranked(tmp_path: Path, groups: int) -> None:
    videos = [f"video{number % groups}" for number in range(6)]
    _store(tmp_path, "a", [0.9] * 6, videos)
    _store(tmp_path, "b", [0.1] * 6, videos)
    (standing,) = _standings(tmp_path)
    assert standing.groups == groups
    assert not standing.ranks


def test_where_less_is_better_the_lower_row_is_first(tmp_path: Path) -> None:
    for recipe, value in (("near", 1.0), ("far", 5.0)):
        rows = table([value / 10] * 6).rename(columns={f"{PROTOCOL}/dice": f"{PROTOCOL}/distance"})
        store(tmp_path, rows, recipe=recipe, identity=identity(recipe), protocols={PROTOCOL: {"distance": "lower"}})
    (standing,) = _standings(tmp_path)
    assert [row.first.record.recipe for row in standing.rows] == ["near", "far"]
    assert standing.pairs[0].difference == pytest.approx(0.4)  # higher is better on the scale of pairs


def test_rankings_by_other_protocols_stand_beside(tmp_path: Path) -> None:
    _store(tmp_path, "a", [0.9, 0.9, 0.9, 0.9, 0.9, 0.1])
    _store(tmp_path, "b", [0.8, 0.8, 0.8, 0.8, 0.8, 0.9])
    (standing,) = _standings(tmp_path)
    assert [row.first.record.recipe for row in standing.rows] == ["b", "a"]
    assert {choice.name: choice.same_first for choice in standing.choices}["median over images"] is False


def test_rows_of_other_images_cannot_be_compared(tmp_path: Path) -> None:
    _store(tmp_path, "a", [0.9] * 6)
    _store(tmp_path, "b", [0.9] * 7)
    rows = {stored.record.recipe: [scored_run(stored)] for stored in read_records(tmp_path)}
    with pytest.raises(DataError, match="different images, such as 'i006'"):
        aligned(rows, PROTOCOL, "dice")


def test_pseudo_values_of_a_mean_are_its_values() -> None:
    # Dice of one confusion matrix over images that are all alike in size of mask and prediction is their mean Dice.
    rows = table([0.2, 0.4, 0.9], protocol="pooled@2")
    found = image_values(trained(rows, {"pooled@2": {"dice": "higher"}}).metrics, rows, "pooled@2", "dice")
    assert found is not None
    np.testing.assert_allclose(found, [0.2, 0.4, 0.9], atol=1e-12)


def test_rows_with_overlapping_intervals_share_their_ranks() -> None:
    scores = [_score(0.85, 0.95), _score(0.80, 0.90), _score(0.50, 0.60)]
    assert overlapping(scores) == [(1, 2), (1, 2), (3, 3)]


def test_overlap_is_not_passed_on_along_a_chain() -> None:
    # The first and the second overlap, so do the second and the third, but the third lies wholly below the first.
    scores = [_score(0.80, 0.90), _score(0.70, 0.82), _score(0.60, 0.72)]
    assert overlapping(scores) == [(1, 2), (1, 3), (2, 3)]


def test_touching_intervals_are_not_told_apart() -> None:
    assert overlapping([_score(0.7, 0.8), _score(0.6, 0.7)]) == [(1, 2), (1, 2)]


def test_a_row_without_an_interval_may_stand_anywhere() -> None:
    assert overlapping([_score(0.8, 0.9), _score(None, None), _score(0.1, 0.2)]) == [(1, 2), (1, 3), (2, 3)]


def test_where_less_is_better_the_lower_interval_ranks_first() -> None:
    assert overlapping([_score(0.1, 0.2, "lower"), _score(0.3, 0.4, "lower")]) == [(1, 1), (2, 2)]
