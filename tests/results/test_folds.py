"""Runs on several folds as one row, against arithmetic by hand and a bootstrap of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from polybench.core.errors import DataError
from polybench.results.fact_parts import FoldFacts, FoldsIdentity
from polybench.results.facts import Counts, IdentityFacts, TrainingFacts
from polybench.results.folds import PooledRecord, pooled
from polybench.results.page import render_page
from polybench.results.page_parts import PagePart, page_part
from polybench.results.record import StoredRecord, read_records, write_record
from polybench.results.statistics.intervals import column, summarise
from polybench.results.table import groups_of
from polybench.results.tables import MISSING
from tests.results.factory import BUDGET, PROTOCOL, baseline, dataset, digest, identity, table, trained

FOLDS: Mapping[int, Sequence[float]] = {1: [0.2, 0.4, 0.6], 2: [1.0, 0.8], 3: [0.5]}
"""Fold -> Dice of its test images."""
GROUPS = {1: ["a", "a", "b"], 2: ["c", "c"], 3: ["d"]}


def rows_of(fold: int, dice: Sequence[float] | None = None) -> pd.DataFrame:
    rows = table(dice or FOLDS[fold], GROUPS[fold])
    rows["id"] = [f"f{fold}-{name}" for name in rows["id"]]
    return rows


def data_of(fold: int, **changes: Any) -> Any:
    note = f"Fold {fold} of 3 for test. Both eyes stay together."
    facts = FoldFacts(fold, 3, digest("lists"))
    return dataset(
        split=f"fold_{fold}_of_3", split_sha256=digest(f"split {fold}"), split_note=note, fold=facts, **changes
    )


def shared(fold: int, training: str = "one", budget: str = BUDGET) -> IdentityFacts:
    """The identity of a fold, and what all folds of a training share."""
    folds = FoldsIdentity(digest(training), digest("evaluation"))
    return replace(identity(f"{training} {fold}", budget_id=budget), folds=folds)


def store_fold(root: Path, fold: int, rows: pd.DataFrame | None = None, **changes: Any) -> Path:
    rows = rows_of(fold) if rows is None else rows
    facts = {"identity": shared(fold), "dataset": data_of(fold), "config": {"split": fold}, **changes}
    return write_record(trained(rows, **facts), rows, root)


def pools(root: Path) -> list[PooledRecord]:
    return [one for one in pooled(read_records(root, "toy")) if isinstance(one, PooledRecord)]


def parts(root: Path) -> list[PagePart]:
    records = read_records(root, "toy")
    protocols = {name for stored in records for name in stored.record.metrics}
    return [page_part(group, protocols) for group in groups_of(pooled(records))]


def test_folds_are_one_row_with_the_mean_over_all_images(tmp_path: Path) -> None:
    for fold in (3, 1, 2):
        store_fold(tmp_path, fold)
    [one] = pools(tmp_path)
    scores = one.record.metrics[PROTOCOL]
    assert scores.values["dice"].value == pytest.approx((0.2 + 0.4 + 0.6 + 1.0 + 0.8 + 0.5) / 6)  # not of three means
    assert (scores.n, scores.groups, scores.empty_masks) == (6, 4, 0)
    [part] = parts(tmp_path)
    assert part.folds is not None
    assert part.folds.heading == "Group folds, 3 of 3: every image tested once"
    assert len(part.rankings[0].scores.rows) == 1
    assert part.rankings[0].scores.rows[0][0] == MISSING  # four groups are too few


def test_interval_is_that_of_whole_groups_drawn_from_all_folds(tmp_path: Path) -> None:
    for fold in FOLDS:
        store_fold(tmp_path, fold)
    members = [[0.2, 0.4], [0.6], [1.0, 0.8], [0.5]]  # groups a to d
    means = []
    for draw in np.random.default_rng(0).integers(0, 4, (2000, 4)):
        values = [value for group in draw for value in members[group]]
        means.append(sum(values) / len(values))
    dice = pools(tmp_path)[0].record.metrics[PROTOCOL].values["dice"]
    assert (dice.low, dice.high) == pytest.approx(tuple(np.quantile(means, [0.025, 0.975])))


def test_numbers_that_follow_from_counts_are_pooled_and_areas_under_curves_left_out(tmp_path: Path) -> None:
    for fold in FOLDS:
        rows = rows_of(fold).rename(columns=lambda name: name.replace(PROTOCOL, "pooled@2"))
        rows = rows.drop(columns=column("pooled@2", "dice"))
        rows[column(PROTOCOL, "dice")] = FOLDS[fold]
        metrics = {PROTOCOL: summarise(rows, PROTOCOL, {"dice": "higher"})}
        stated = metrics[PROTOCOL].values["dice"]
        metrics["pooled@2"] = replace(metrics[PROTOCOL], values={"dice": stated, "auc": stated}, shown=("dice", "auc"))
        store_fold(tmp_path, fold, rows, metrics=metrics)
    [one] = pools(tmp_path)
    tp, wrong = 200 + 400 + 600 + 1000 + 800 + 500, 800 + 600 + 400 + 0 + 200 + 500
    assert one.record.metrics["pooled@2"].values["dice"].value == pytest.approx(2 * tp / (2 * tp + 2 * wrong))
    assert list(one.record.metrics["pooled@2"].values) == ["dice"]
    assert one.record.metrics["pooled@2"].shown == ("dice",)
    assert one.left_out == {"pooled@2": ("auc",)}
    assert "auc of `pooled@2`" in render_page("toy", read_records(tmp_path, "toy"))


def test_a_missing_fold_is_shown_and_not_ranked(tmp_path: Path) -> None:
    for fold in (1, 3):
        store_fold(tmp_path, fold)
    [part] = parts(tmp_path)
    assert part.folds is not None
    assert part.folds.heading == "Group folds, 2 of 3: only folds 1 and 3 tested"
    assert part.rankings[0].scores.rows[0][0] == MISSING
    assert "Not ranked" in render_page("toy", read_records(tmp_path, "toy"))


def test_a_row_with_all_folds_and_one_without_are_in_two_tables(tmp_path: Path) -> None:
    for fold in FOLDS:
        store_fold(tmp_path, fold)
    store_fold(tmp_path, 1, recipe="other", identity=shared(1, "other"))
    assert [part.folds.complete for part in parts(tmp_path) if part.folds] == [True, False]


def test_the_same_fold_twice_is_a_repeated_run_that_is_not_counted(tmp_path: Path) -> None:
    for fold in FOLDS:
        store_fold(tmp_path, fold)
    store_fold(tmp_path, 2, rows_of(2, [0.1, 0.1]))
    [one] = pools(tmp_path)
    assert one.record.metrics[PROTOCOL].values["dice"].value == pytest.approx(3.5 / 6)
    assert len(one.repeated) == 1
    [part] = parts(tmp_path)
    assert len(part.rankings[0].details[0].runs.rows) == 4
    assert "= 0.8000; only the first run of a seed and fold is counted" in render_page(
        "toy", read_records(tmp_path, "toy")
    )


def test_folds_that_tested_one_image_are_refused(tmp_path: Path) -> None:
    store_fold(tmp_path, 1)
    rows = rows_of(2)
    rows["id"] = ["f1-i000", "f2-i001"]
    store_fold(tmp_path, 2, rows)
    with pytest.raises(DataError, match="both tested 'f1-i000'"):
        pools(tmp_path)


def test_what_belongs_together_follows_from_the_identity_and_not_from_names(tmp_path: Path) -> None:
    for fold in FOLDS:
        store_fold(tmp_path, fold, variant=f"mine_{fold}")
        store_fold(tmp_path, fold, variant=f"mine_{fold}", identity=shared(fold, "other"), config={"other": fold})
    found = pools(tmp_path)
    assert [len(one.folds) for one in found] == [3, 3]
    assert {one.record.variant for one in found} == {None}
    assert len({one.record.identity.training_id for one in found if one.record.identity}) == 2


def test_seeds_of_folds_are_averaged_with_their_spread(tmp_path: Path) -> None:
    for fold, dice in FOLDS.items():
        store_fold(tmp_path, fold)
        store_fold(tmp_path, fold, rows_of(fold, [value / 2 for value in dice]), seed=1)
    [group] = groups_of(pooled(read_records(tmp_path, "toy")))
    [row] = group.rows(PROTOCOL, "published")
    assert row.headline is not None
    assert row.headline.value == pytest.approx((3.5 / 6 + 1.75 / 6) / 2)
    assert row.headline.spread == pytest.approx(3.5 / 12 / 2**0.5)
    assert [run.record.seed for run in row.runs] == [0, 1]
    assert len(row.parts) == 6


def test_cost_is_the_sum_of_all_folds_and_the_budget_that_of_each(tmp_path: Path) -> None:
    for fold in FOLDS:
        took = TrainingFacts(10 * fold, 1, 8, 100.0 * fold, 2**fold, 5.0)
        store_fold(tmp_path, fold, training=took, identity=shared(fold, budget=f"{fold}0 images of 256x256"))
    record = pools(tmp_path)[0].record
    assert record.training is not None
    assert record.identity is not None
    assert (record.training.wall_seconds, record.training.peak_memory_bytes) == (600.0, 8)
    assert record.identity.budget_id == "10 + 20 + 30 images of 256x256 by fold"
    assert record.dataset.split_note == "Both eyes stay together."
    assert record.dataset.counts == Counts(80, 10, 6)


def test_baselines_of_folds_are_pooled_by_their_configuration(tmp_path: Path) -> None:
    for fold in FOLDS:
        for size in (64, 128):
            rows = rows_of(fold)
            config = {"baseline": "all_foreground", "split": digest(f"split {fold}"), "size": [size, size]}
            record = baseline(rows, "all_foreground", dataset=data_of(fold), config=config)
            write_record(replace(record, config_sha256=digest(f"{fold} {size}")), rows, tmp_path)
    assert [len(one.folds) for one in pools(tmp_path)] == [3, 3]


def test_other_records_stay_as_they_are(tmp_path: Path) -> None:
    store_fold(tmp_path, 1, dataset=dataset(), identity=identity("plain"))
    store_fold(tmp_path, 2, identity=identity("a fold of an earlier version"))
    records = read_records(tmp_path, "toy")
    assert pooled(records) == records
    assert all(type(one) is StoredRecord for one in pooled(records))
