"""Every number of a record that its table determines is found again there, under all of polybench's protocols."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy
from skimage.measure import label

from polybench.core.errors import RecordError
from polybench.experiments.scores import all_scores
from polybench.metrics import STORED, Rows
from polybench.metrics.panel import image_table
from polybench.metrics.protocols import EXTRA_PROTOCOLS, PATCHES, PROTOCOLS, Protocol
from polybench.results.recomputed import groups_drawn
from polybench.results.record import Record, read_records, write_record
from polybench.results.record_text import seal_of
from polybench.results.statistics.intervals import interval_of_mean
from polybench.results.table_checks import check_table
from polybench.results.table_columns import COUNTED, NO_MEANS, foreign_columns
from polybench.results.table_file import read_table, text_sha256
from polybench.scoring.folder import StoredMap, stored_rows
from tests.results.factory import provenance, table, trained

NOT_IN_THE_TABLE = {"fov@2/auc", "pooled@2/auc", "fov@2/auc_tolerance", "efen@2/dice", "efen@2/iou"}
"""Numbers of histograms and of soft sums, beside all `max_*`."""


def image_rows() -> Rows:
    """Twelve images in six groups; the last mask is empty, and something is predicted there."""
    random = np.random.default_rng(3)
    masks = [*(random.random((11, 8, 8)) > 0.5), np.zeros((8, 8), bool)]
    maps = [
        StoredMap(
            f"i{k:02d}", f"g{k // 2}", random.random((8, 8), np.float32), mask, None, label(mask).astype(np.int32)
        )
        for k, mask in enumerate(masks)
    ]
    return stored_rows(maps, [*PROTOCOLS, *EXTRA_PROTOCOLS], STORED)


def patch_rows() -> Rows:
    scores = np.array([0.9, 0.8, 0.4, 0.35, 0.30000001, 0.3, 0.6, 0.1])
    positive = np.array([1, 1, 0, 1, 0, 1, 0, 0], bool)
    return Rows([f"{k}/p" for k in range(8)], [f"g{k // 2}" for k in range(8)], {"score": scores, "positive": positive})


KINDS: dict[str, tuple[Callable[[], Rows], tuple[Protocol, ...]]] = {
    "segmentation": (image_rows, (*PROTOCOLS, *EXTRA_PROTOCOLS)),
    "classification": (patch_rows, (PATCHES,)),
}


@cache
def scored(kind: str) -> tuple[Record, pd.DataFrame]:
    """A record and its table."""
    make, protocols = KINDS[kind]
    rows = make()
    versions = {"numpy": np.__version__, "scipy": scipy.__version__}
    record = trained(table([0.5] * len(rows.ids)), task=kind, provenance=provenance(versions=versions))
    return replace(record, metrics=all_scores(rows, protocols)), image_table(rows, protocols)


def write(root: Path, kind: str) -> Path:
    return write_record(*scored(kind), root)


@pytest.fixture(params=KINDS)
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return write(tmp_path, request.param)


def check(path: Path) -> None:
    [stored] = read_records(path.parents[2])
    stored.check()


def edit(path: Path, change: Callable[[dict[str, Any]], None], *, keep_hash: bool = False) -> None:
    """Edit a record; its hashes are brought up to date, as a careful editor would."""
    data = json.loads(path.read_text())
    change(data)
    if not keep_hash:
        data["table_sha256"] = text_sha256(path.with_suffix(".csv").read_text())
    path.write_text(json.dumps(data | {"record_sha256": seal_of(data)}))


def edit_rows(path: Path, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    """Edit a table, and write it as polybench does."""
    csv = path.with_suffix(".csv")
    rows = pd.read_csv(csv, dtype={"id": str, "group": str}).copy()
    csv.write_text(change(rows).to_csv(index=False, float_format="%.6g", lineterminator="\n"))


def test_true_records_pass(path: Path) -> None:
    check(path)


def changed(record: Record, key: str, metric: str, **values: float) -> Record:
    """A record with another value, or other ends, of one metric; without the hash of its table."""
    scores = record.metrics[key]
    edited = replace(scores, values={**scores.values, metric: replace(scores.values[metric], **values)})
    return replace(record, metrics={**record.metrics, key: edited}, table_sha256=None)


def test_changed_metric_is_found(path: Path) -> None:
    [stored], images = read_records(path.parents[2]), read_table(path.with_suffix(".csv"))
    for key, scores in stored.record.metrics.items():
        for metric, said in scores.values.items():
            if f"{key}/{metric}" in NOT_IN_THE_TABLE or metric.startswith("max_"):
                continue
            record = changed(stored.record, key, metric, value=said.value + 0.1)
            with pytest.raises(RecordError, match=rf"gives {metric} .*(mean of its table is|its table gives)"):
                check_table(record, images, path)


def test_changed_interval_is_found(path: Path) -> None:
    [stored], images = read_records(path.parents[2]), read_table(path.with_suffix(".csv"))
    for key, scores in stored.record.metrics.items():
        for metric, said in scores.values.items():
            unknown = f"{key}/{metric}" in {*NOT_IN_THE_TABLE, "patches@1/auc"} or metric.startswith("max_")
            if unknown or said.low is None:
                continue
            record = changed(stored.record, key, metric, low=said.low + 0.01)
            with pytest.raises(RecordError, match=rf"gives the interval \[.*\] of {metric} under {key}"):
                check_table(record, images, path)


def test_record_edited_together_with_a_table_whose_column_was_cut_is_found(tmp_path: Path) -> None:
    path = write(tmp_path, "segmentation")

    def flatter(data: dict[str, Any]) -> None:
        scores = data["metrics"]["per_image@2"]
        scores["values"]["dice"]["value"] = 0.99
        scores["means"] = [name for name in scores["means"] if name != "dice"]

    edit_rows(path, lambda rows: rows.drop(columns="per_image@2/dice"))
    edit(path, flatter)
    with pytest.raises(RecordError, match="dice of per_image@2, and its table lacks the column 'per_image@2/dice'"):
        check(path)


@pytest.mark.parametrize("column", ["pooled@2/tn", "objects@2/fp", "fanet@2/tp", "keras_fcn@2/iou_0.5"])
def test_column_that_a_protocol_needs_is_missed(tmp_path: Path, column: str) -> None:
    path = write(tmp_path, "segmentation")
    edit_rows(path, lambda rows: rows.drop(columns=column))
    edit(path, lambda data: None)
    with pytest.raises(RecordError, match=f"lacks the column '{column}'"):
        check(path)


def _swap(rows: pd.DataFrame) -> pd.DataFrame:
    name = "per_image@2/dice"
    return rows.assign(**{name: [*rows[name][1:], rows[name][0]]})


def _count(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(**{"per_image@2/tp": rows["per_image@2/tp"] + pd.Series([0] * 11 + [1])})


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda rows: rows.assign(**{"per_image@2/extra": 1.0}), "no metric for the column 'per_image@2/extra'"),
        (lambda rows: rows.assign(**{"mine@1/dice": 1.0}), "no metric for the column 'mine@1/dice'"),
        (lambda rows: rows[:-1], "gives 12 images in 6 groups where its table has 11 in 6"),
        (lambda rows: rows.assign(group="g"), "where its table has 12 in 1"),
        (_swap, "a table whose dice of 'i10' under per_image@2 doesn't follow from its counts"),
        (_count, "gives 1 empty masks, 1 of them with a prediction, under per_image@2 where its table has 0 and 0"),
        (lambda rows: rows[::-1], "out of order"),
        (lambda rows: pd.concat([rows, rows[-1:]]), "the id 'i11' of line 14 is there twice"),
    ],
)
def test_edited_table_is_found(tmp_path: Path, change: Callable[[pd.DataFrame], pd.DataFrame], fault: str) -> None:
    path = write(tmp_path, "segmentation")
    edit_rows(path, change)
    edit(path, lambda data: None)
    with pytest.raises(RecordError, match=re.escape(fault)):
        check(path)


def test_edited_column_that_no_metric_reads_is_found_by_its_hash(tmp_path: Path) -> None:
    path = write(tmp_path, "segmentation")
    edit_rows(path, lambda rows: rows.assign(**{"size@1/true_pixels": 1}))
    with pytest.raises(RecordError, match="has the hash of another table"):
        check(path)


def test_interval_where_there_is_one_group_is_found(tmp_path: Path) -> None:
    path = write(tmp_path, "segmentation")
    edit_rows(path, lambda rows: rows.assign(group="g"))

    def one_group(data: dict[str, Any]) -> None:
        for scores in data["metrics"].values():
            scores["groups"] = 1

    edit(path, one_group)
    with pytest.raises(RecordError, match="has an interval of dice under per_image@2 where its table has none"):
        check(path)


def test_interval_of_other_versions_may_differ_by_its_draws(tmp_path: Path) -> None:
    path = write(tmp_path, "segmentation")

    def shift(data: dict[str, Any], by: float) -> None:
        data["provenance"]["versions"]["numpy"] = "0.1"
        dice = data["metrics"]["per_image@2"]["values"]["dice"]
        dice["low"] += by * (dice["high"] - dice["low"])

    edit(path, lambda data: shift(data, 0.1))
    check(path)
    edit(path, lambda data: shift(data, 0.5))
    with pytest.raises(RecordError, match=r"gives the interval .* of dice under per_image@2"):
        check(path)


def test_intervals_of_means_are_those_of_the_statistics() -> None:
    values, groups = [0.1, 0.5, 0.4, 0.9, 1.0], ["b", "a", "b", "c", "d"]
    rows = pd.DataFrame({"group": groups, "m@1/x": values})
    found = np.quantile(groups_drawn(rows, 2000).mean("m@1/x"), [0.025, 0.975])
    expected = interval_of_mean(values, groups)
    assert found.tolist() == pytest.approx([expected.low, expected.high], abs=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_columns_of_all_protocols_are_known(kind: str) -> None:
    make, protocols = KINDS[kind]
    rows = make()
    for protocol in protocols:
        values = protocol.values(rows)
        assert NO_MEANS[protocol.name] == set(protocol.directions) - set(values), protocol.name
        assert len(COUNTED.get(protocol.name, ())) == (rows.columns[protocol.counts].shape[1] if protocol.counts else 0)
    names = [name for name in image_table(rows, protocols).columns if name not in ("id", "group")]
    assert foreign_columns(names, all_scores(rows, protocols)) == []
