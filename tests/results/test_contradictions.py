"""What in a record contradicts the rest of it is found where no table and no seal tells of it."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from polybench.core.errors import RecordError
from polybench.results.contradictions import contradictions
from polybench.results.facts import Counts, MetricValue, TrainingFacts
from polybench.results.record import Record, read_records, write_record
from tests.results.factory import PROTOCOL, dataset, identity, table, trained

ROWS = table([0.25, 0.5, 1.0])
RECORD = trained(ROWS)
PATCHES = dataset(patches_sha256="0" * 64, counts=Counts(80, 10, 2))


def with_scores(key: str = PROTOCOL, **changes: Any) -> Record:
    return replace(RECORD, metrics={key: replace(RECORD.metrics[PROTOCOL], **changes)})


def with_value(value: float, low: float | None, high: float | None) -> Record:
    return with_scores("own@1", values={"area": MetricValue(value, low, high, "higher")}, means=())


def with_epochs(run: int, best: int) -> Record:
    return replace(RECORD, training=TrainingFacts(run, best, 8, 1.0, None, None))


FALSE: Mapping[str, tuple[Record, str]] = {
    "value above": (with_value(0.9, 0.5, 0.6), r"area 0.900000 under own@1, far outside of its interval \[0.5, 0.6\]"),
    "value below": (with_value(0.2, 0.5, 0.6), "area 0.200000 under own@1, far outside"),
    "share above 1": (
        with_scores(
            "efen@2",
            values={"dice": MetricValue(2.0, None, None, "higher")},
            means=(),
            empty_masks=None,
            false_positives_on_empty=None,
        ),
        "gives dice 2.000000 under efen@2, which must be between 0 and 1",
    ),
    "ends exchanged": (with_value(0.55, 0.6, 0.5), "far outside"),
    "one end": (with_value(0.55, 0.5, None), "far outside"),
    "headline": (with_scores(headline="zzz"), "names the metric 'zzz' under per_image@1, and has no value of it"),
    "shown": (with_scores(shown=("iou",)), "names the metric 'iou'"),
    "best epoch": (with_epochs(2, 99), "epoch 99 was the best of 2"),
    "epoch before the first": (with_epochs(2, 0), "epoch 0 was the best of 2"),
    "empty masks": (
        with_scores("efen@2", empty_masks=1, false_positives_on_empty=0),
        "gives 1 empty masks under efen@2, which counts none",
    ),
    "tested images": (
        replace(RECORD, dataset=dataset(counts=Counts(80, 10, 200))),
        "gives 3 images under per_image@1 where its dataset has 200 to test",
    ),
    "budget of another size": (
        replace(RECORD, identity=identity("", budget_id="64 images of 32x32")),
        "budget_id '64 images of 32x32' where its net saw images of 256x256",
    ),
    "no budget": (replace(RECORD, identity=identity("", budget_id="large")), "budget_id 'large'"),
    "configuration": (replace(RECORD, config={"model": {"lr": 99}}), "config_sha256 of another configuration"),
}

TRUE: Mapping[str, Record] = {
    "as written": RECORD,
    "a number that its draws exceed": with_value(0.48, 0.5, 0.6),
    "a number that rounding moves": with_value(0.3, 0.1 + 0.2, 0.1 + 0.2),
    "E-measure of 32x32 pixels that all agree": with_scores(
        "pranet@2",
        values={"max_e": MetricValue(1024 / 1023, None, None, "higher")},
        means=(),
        empty_masks=None,
        false_positives_on_empty=None,
    ),
    "no interval": with_value(0.3, None, None),
    "best epoch cut short": with_epochs(2, 3),
    "resumed after its end by an earlier version": with_epochs(0, 3),
    "patches of two images": replace(RECORD, task="classification", dataset=PATCHES),
    "another seed and name": replace(RECORD, config={**RECORD.config, "seed_everything": 3, "name": "x"}),
}


@pytest.mark.parametrize(("record", "fault"), FALSE.values(), ids=FALSE.keys())
def test_contradiction_is_found(record: Record, fault: str) -> None:
    [found] = contradictions(record)
    assert re.search(fault, found)


@pytest.mark.parametrize("record", TRUE.values(), ids=TRUE.keys())
def test_what_may_be_true_is_left_alone(record: Record) -> None:
    assert list(contradictions(record)) == []


def test_hash_of_a_recorded_configuration_counts_keys_that_later_versions_leave_out() -> None:
    config = {"model": {"lr": 0.1}, "previews": 3}
    text = '{"model":{"lr":0.1},"previews":3}'
    record = replace(RECORD, config=config, config_sha256=hashlib.sha256(text.encode()).hexdigest())
    assert list(contradictions(record)) == []


def test_record_that_contradicts_itself_is_refused(tmp_path: Path) -> None:
    path = write_record(with_epochs(2, 99), ROWS, tmp_path)
    [stored] = read_records(tmp_path)
    with pytest.raises(RecordError, match=rf"{path.name}' states that epoch 99 was the best of 2: records are never"):
        stored.check()
