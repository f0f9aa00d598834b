from pathlib import Path

import pytest

from polybench.errors import DataError
from polybench.results.facts import Direction
from polybench.results.record import read_records, write_record
from polybench.results.table import Row, Score, groups_of, rank_intervals
from tests.results.factory import PROTOCOL, baseline, dataset, digest, provenance, store, table


def _row(low: float | None, high: float | None, direction: Direction = "higher") -> Row:
    score = Score(((low or 0) + (high or 0)) / 2, None, low, high, direction)
    return Row("", (), (), {"dice": score}, None, None, None)


def test_rows_with_overlapping_intervals_share_their_ranks() -> None:
    rows = [_row(0.85, 0.95), _row(0.80, 0.90), _row(0.50, 0.60)]
    assert rank_intervals(rows) == [(1, 2), (1, 2), (3, 3)]


def test_overlap_is_not_passed_on_along_a_chain() -> None:
    # The first and the second overlap, so do the second and the third, but the third lies wholly below the first.
    rows = [_row(0.80, 0.90), _row(0.70, 0.82), _row(0.60, 0.72)]
    assert rank_intervals(rows) == [(1, 2), (1, 3), (2, 3)]


def test_touching_intervals_are_not_told_apart() -> None:
    assert rank_intervals([_row(0.7, 0.8), _row(0.6, 0.7)]) == [(1, 2), (1, 2)]


def test_a_row_without_an_interval_may_stand_anywhere() -> None:
    assert rank_intervals([_row(0.8, 0.9), _row(None, None), _row(0.1, 0.2)]) == [(1, 2), (1, 3), (2, 3)]


def test_where_less_is_better_the_lower_interval_ranks_first() -> None:
    assert rank_intervals([_row(0.1, 0.2, "lower"), _row(0.3, 0.4, "lower")]) == [(1, 1), (2, 2)]


def test_seeds_are_averaged_per_image_before_the_interval(tmp_path: Path) -> None:
    # Each seed alone has a mean of 1/2 and a wide interval; averaged over the seeds every image has exactly 1/2.
    store(tmp_path, table([1.0, 0.0] * 50), seed=0)
    store(tmp_path, table([0.0, 1.0] * 50), seed=1)
    [group] = groups_of(read_records(tmp_path))
    [row] = group.rows(PROTOCOL, "published")
    score = row.scores["dice"]
    assert (score.value, score.spread, score.low, score.high) == (0.5, 0.0, 0.5, 0.5)


def test_the_spread_is_the_sample_standard_deviation_over_seeds(tmp_path: Path) -> None:
    for seed, value in enumerate((0.7, 0.8, 0.9)):
        store(tmp_path, table([value] * 60), seed=seed)
    [row] = groups_of(read_records(tmp_path))[0].rows(PROTOCOL, "published")
    assert row.scores["dice"].value == pytest.approx(0.8)
    assert row.scores["dice"].spread == pytest.approx(0.1)


def test_a_repeated_seed_counts_once(tmp_path: Path) -> None:
    store(tmp_path, table([0.6] * 60), seed=0)
    store(tmp_path, table([0.9] * 60), seed=0)
    store(tmp_path, table([0.8] * 60), seed=1)
    [row] = groups_of(read_records(tmp_path))[0].rows(PROTOCOL, "published")
    assert row.scores["dice"].value == pytest.approx(0.7)
    assert [run.record.seed for run in row.runs] == [0, 1]
    assert row.repeats is not None
    assert row.repeats.runs == 2
    assert row.repeats.difference == pytest.approx(0.3)


def test_seeds_tested_on_different_images_are_not_averaged(tmp_path: Path) -> None:
    store(tmp_path, table([0.6] * 3), seed=0)
    store(tmp_path, table([0.6] * 4), seed=1)
    with pytest.raises(DataError, match="different images"):
        groups_of(read_records(tmp_path))[0].rows(PROTOCOL, "published")


def test_another_copy_or_split_is_another_group_and_official_copies_come_first(tmp_path: Path) -> None:
    rows = table([0.5] * 3)
    store(tmp_path, rows, dataset=dataset(manifest_sha256=digest("other"), official_copy=False), seed=0)
    store(tmp_path, rows, dataset=dataset(split_sha256=digest("new list"), split="video"), seed=1)
    store(tmp_path, rows, seed=2)
    seeds = [[stored.record.seed for stored in group.records] for group in groups_of(read_records(tmp_path))]
    assert seeds == [[2], [1], [0]]


def test_a_configuration_of_another_budget_is_another_row(tmp_path: Path) -> None:
    store(tmp_path, table([0.5] * 3), budget="published")
    store(tmp_path, table([0.6] * 3), budget="reduced")
    [group] = groups_of(read_records(tmp_path))
    [published], [reduced] = group.rows(PROTOCOL, "published"), group.rows(PROTOCOL, "reduced")
    assert (published.scores["dice"].value, reduced.scores["dice"].value) == pytest.approx((0.5, 0.6))
    assert published.anchor != reduced.anchor


def test_a_baseline_that_scores_the_same_at_two_sizes_stands_once(tmp_path: Path) -> None:
    for recipe, values in (("all_background", (0.1, 0.1)), ("otsu", (0.2, 0.3))):
        for size, value in zip((64, 128), values, strict=True):
            rows = table([value] * 3)
            facts = dataset(size=(size, size))
            write_record(baseline(rows, recipe, dataset=facts, config_sha256=digest(f"{recipe}{size}")), rows, tmp_path)
    [group] = groups_of(read_records(tmp_path))
    assert [row.first.record.recipe for row in group.baselines(PROTOCOL)] == ["otsu", "otsu", "all_background"]


@pytest.mark.parametrize("old", ["a_old", "z_old"])
def test_the_newest_record_says_which_protocol_ranks(tmp_path: Path, old: str) -> None:
    rows = table([0.4, 0.5]).assign(**{"fov@2/dice": [0.7, 0.8]})
    directions = {PROTOCOL: {"dice": "higher"}, "fov@2": {"dice": "higher"}}
    early = provenance(finished_at="2025-01-01T00:00:00+00:00")
    store(tmp_path, rows, protocols=directions, recipe=old, provenance=early)
    store(tmp_path, rows, protocols=directions, recipe="m_new", dataset=dataset(ranked_by="fov"))
    [group] = groups_of(read_records(tmp_path))
    assert group.dataset.ranked_by == "fov"
    assert group.protocols() == ["fov@2", PROTOCOL]
