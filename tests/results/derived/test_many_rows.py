"""Numbers of many rows at once are those of each row alone."""

from collections.abc import Sequence
from dataclasses import astuple
from typing import Any

import numpy as np
import pytest

from polybench.results.derived.calibration import calibration, calibrations
from polybench.results.derived.near_duplicates import without_duplicates, without_duplicates_of
from polybench.results.derived.seeds import Seeds
from polybench.results.derived.strata import strata, strata_of
from polybench.results.derived.surface import surface_distance, surface_distances
from polybench.results.derived.vessels import vessel_scores, vessel_scores_of
from polybench.results.statistics.intervals import interval_of_mean
from tests.results.derived.tables import patches, smooth, table

MAPS = [smooth(seed) for seed in range(9)]
LONE, PAIRS = None, ["v0", "v0", "v1", "v1", "v2", "v2"]
METRIC = "per_image@2/dice"


@pytest.fixture(scope="module")
def rows() -> list[Seeds]:
    """Rows of one and of two seeds, of other groups, and one that stores nothing but scores."""
    first, second = table(MAPS[:6], LONE), table(MAPS[3:], LONE)
    of_pairs = table(MAPS[1:7], PAIRS)
    return [
        Seeds([first]),
        Seeds([of_pairs]),
        Seeds([first, second]),
        Seeds([first[["id", "group", METRIC]]]),
        Seeds([second]),
    ]


def numbers(found: Any) -> Any:
    """All numbers of a result, in order."""
    if isinstance(found, dict):
        return [numbers(one) for one in found.values()]
    if isinstance(found, list | tuple):
        return [numbers(one) for one in found]
    return numbers(astuple(found)) if hasattr(found, "__dataclass_fields__") else found


def flat(found: Any) -> list[Any]:
    return [one for part in found for one in flat(part)] if isinstance(found, list) else [found]


def assert_equal(together: Sequence[Any], alone: Sequence[Any]) -> None:
    for one, other in zip(map(flat, map(numbers, together)), map(flat, map(numbers, alone)), strict=True):
        assert [type(value) for value in one] == [type(value) for value in other]
        texts = [value for value in one if not isinstance(value, float)]
        assert texts == [value for value in other if not isinstance(value, float)]
        values = [value for value in one if isinstance(value, float)]
        assert values == pytest.approx([value for value in other if isinstance(value, float)], abs=2e-12)


def test_calibration(rows: list[Seeds]) -> None:
    classified = Seeds([patches([0.1, 0.9, 0.4, 0.6], [False, True, True, True], list("aabc"))])
    every = [*rows[:2], classified, *rows[2:]]
    assert [one is None for one in calibrations(every)] == [False, False, False, False, True, False]
    assert_equal(calibrations(every), [calibration(row) for row in every])


def test_surface_distance(rows: list[Seeds]) -> None:
    assert_equal(surface_distances(rows), [surface_distance(row) for row in rows])


def test_vessels(rows: list[Seeds]) -> None:
    assert_equal(vessel_scores_of(rows, "fov@2"), [vessel_scores(row) for row in rows])


def test_strata(rows: list[Seeds]) -> None:
    labels = [{image: f"{int(image[1:]) % (2 + place % 2)}" for image in row.ids} for place, row in enumerate(rows)]
    expected = [strata(row, METRIC, of, order=("1",)) for row, of in zip(rows, labels, strict=True)]
    assert_equal(strata_of(rows, METRIC, labels, order=("1",)), expected)


def test_near_duplicates(rows: list[Seeds]) -> None:
    assert_equal(without_duplicates_of(rows, METRIC, {"i1"}), [without_duplicates(row, METRIC, {"i1"}) for row in rows])
    assert [one and one.rest for one in without_duplicates_of(rows[:2], METRIC, set(rows[0].ids))] == [None, None]


def test_intervals_of_rows_that_share_draws_are_those_of_each_mean(rows: list[Seeds]) -> None:
    for row, found in zip(rows, without_duplicates_of(rows, METRIC, {"i1"}), strict=True):
        assert found is not None
        alone = interval_of_mean(np.mean([one[METRIC] for one in row.tables], axis=0), row.groups)
        assert (found.every.value, found.every.n, found.every.groups) == (alone.value, alone.n, alone.groups)
        assert (found.every.low, found.every.high) == pytest.approx((alone.low, alone.high), abs=2e-12)
