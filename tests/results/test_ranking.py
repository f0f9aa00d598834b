from pathlib import Path

from polybench.results.facts import Direction
from polybench.results.ranking import rank_intervals, ranks
from polybench.results.record import read_records
from polybench.results.table import Score, groups_of
from tests.results.factory import PROTOCOL, identity, store, table


def _score(low: float | None, high: float | None, direction: Direction = "higher") -> Score:
    return Score(((low or 0) + (high or 0)) / 2, None, low, high, direction)


def test_rows_with_overlapping_intervals_share_their_ranks() -> None:
    scores = [_score(0.85, 0.95), _score(0.80, 0.90), _score(0.50, 0.60)]
    assert rank_intervals(scores) == [(1, 2), (1, 2), (3, 3)]


def test_overlap_is_not_passed_on_along_a_chain() -> None:
    # The first and the second overlap, so do the second and the third, but the third lies wholly below the first.
    scores = [_score(0.80, 0.90), _score(0.70, 0.82), _score(0.60, 0.72)]
    assert rank_intervals(scores) == [(1, 2), (1, 3), (2, 3)]


def test_touching_intervals_are_not_told_apart() -> None:
    assert rank_intervals([_score(0.7, 0.8), _score(0.6, 0.7)]) == [(1, 2), (1, 2)]


def test_a_row_without_an_interval_may_stand_anywhere() -> None:
    assert rank_intervals([_score(0.8, 0.9), _score(None, None), _score(0.1, 0.2)]) == [(1, 2), (1, 3), (2, 3)]


def test_where_less_is_better_the_lower_interval_ranks_first() -> None:
    assert rank_intervals([_score(0.1, 0.2, "lower"), _score(0.3, 0.4, "lower")]) == [(1, 1), (2, 2)]


def test_rows_are_ranked_among_those_of_their_budget_only(tmp_path: Path) -> None:
    for recipe, value, budget in (("a", 0.5, "10"), ("b", 0.9, "20"), ("c", 0.7, "10")):
        store(tmp_path, table([value] * 3), recipe=recipe, identity=identity(recipe, budget_id=f"{budget} images"))
    store(tmp_path, table([0.99] * 3), recipe="earlier", identity=None)
    rows = groups_of(read_records(tmp_path))[0].rows(PROTOCOL, "published")
    found = {row.first.record.recipe: rank for row, rank in zip(rows, ranks(rows), strict=True)}
    assert found == {"b": (1, 1, 1), "c": (1, 1, 2), "a": (2, 2, 2), "earlier": None}
