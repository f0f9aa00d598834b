from dataclasses import replace
from pathlib import Path

import pytest

from polybench.core.errors import DataError
from polybench.results.record import read_records, write_record
from polybench.results.table import groups_of
from tests.results.factory import PROTOCOL, baseline, dataset, digest, identity, provenance, store, table, trained


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


def test_rows_of_one_configuration_that_began_with_other_weights_are_two_rows(tmp_path: Path) -> None:
    same = {"recipe": "unet", "config_sha256": digest("config")}
    for start in ("random", "donor.ckpt"):
        store(tmp_path, table([0.5] * 3), **same, identity=identity(start))
    [group] = groups_of(read_records(tmp_path))
    rows = group.rows(PROTOCOL, "published")
    assert [len(row.every_run) for row in rows] == [1, 1]
    assert len({row.anchor for row in rows}) == 2


def test_one_training_tested_at_other_thresholds_is_another_row(tmp_path: Path) -> None:
    for evaluation in ("0.5", "0.2"):
        store(tmp_path, table([0.5] * 3), identity=identity("training", evaluation))
    assert len(groups_of(read_records(tmp_path))[0].rows(PROTOCOL, "published")) == 2


def test_seeds_share_a_row_whatever_their_configurations_say_of_the_machine(tmp_path: Path) -> None:
    for seed in (0, 1):
        store(tmp_path, table([0.5] * 3), seed=seed, config_sha256=digest(f"machine {seed}"), identity=identity("same"))
    [row] = groups_of(read_records(tmp_path))[0].rows(PROTOCOL, "published")
    assert [run.record.seed for run in row.runs] == [0, 1]


def test_rows_of_one_budget_stand_together_and_those_without_identity_last(tmp_path: Path) -> None:
    for recipe, value, budget in (("a", 0.5, "10"), ("b", 0.9, "20"), ("c", 0.7, "10"), ("d", 0.6, "20")):
        store(tmp_path, table([value] * 3), recipe=recipe, identity=identity(recipe, budget_id=f"{budget} images"))
    store(tmp_path, table([0.99] * 3), recipe="earlier", identity=None)
    rows = groups_of(read_records(tmp_path))[0].rows(PROTOCOL, "published")
    assert [row.first.record.recipe for row in rows] == ["b", "d", "c", "a", "earlier"]


def test_the_stated_headline_orders_rows_also_where_less_is_better(tmp_path: Path) -> None:
    for recipe, error in (("far", 9.0), ("near", 2.0)):
        rows = table([0.5] * 3).assign(**{"boundary@2/hd95": [error] * 3})
        record = trained(rows, {"boundary@2": {"hd95": "lower"}}, recipe=recipe, dataset=dataset(ranked_by="boundary"))
        scores = replace(record.metrics["boundary@2"], headline="hd95")
        write_record(replace(record, metrics={"boundary@2": scores}), rows, tmp_path)
    rows_of = groups_of(read_records(tmp_path))[0].rows("boundary@2", "published")
    assert [row.first.record.recipe for row in rows_of] == ["near", "far"]


def test_a_row_without_the_headline_comes_last(tmp_path: Path) -> None:
    directions = {"auc": "higher", "accuracy": "higher"}
    for recipe, metrics in (("a", ("accuracy",)), ("b", ("accuracy", "auc"))):
        rows = table([0.5] * 3).assign(**{f"patches@1/{name}": [0.5] * 3 for name in metrics})
        record = trained(rows, {"patches@1": {name: directions[name] for name in metrics}}, recipe=recipe)
        scores = replace(record.metrics["patches@1"], headline="auc", what="patches")
        write_record(replace(record, metrics={"patches@1": scores}), rows, tmp_path)
    first, last = groups_of(read_records(tmp_path))[0].rows("patches@1", "published")
    assert (first.first.record.recipe, last.headline) == ("b", None)
