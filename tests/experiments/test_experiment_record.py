import threading
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from segmentation_models_pytorch import Unet
from torch import nn

from polybench.experiments.record import count_macs, write_records
from polybench.experiments.scores import all_scores
from polybench.metrics import PER_IMAGE, Rows
from polybench.metrics.protocols import POOLED
from polybench.results.lookup import records_naming
from polybench.results.record import StoredRecord, read_records
from tests.results.factory import provenance, table, trained


def test_macs_of_a_convolution_by_hand() -> None:
    assert count_macs(nn.Conv2d(3, 8, 3, padding=1), (10, 20)) == 10 * 20 * 8 * 3 * 9


def test_macs_of_unet_resnet34_are_the_published_ones() -> None:
    macs = count_macs(Unet("resnet34", encoder_weights=None), (256, 256))
    assert macs == pytest.approx(7.813988e9, rel=1e-6)


def test_net_that_reads_values_has_no_macs() -> None:
    class Reads(nn.Conv2d):
        def forward(self, x):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
            return super().forward(x) * x.mean().item()

    assert count_macs(Reads(3, 1, 1), (8, 8)) is None


def rows_of(tp: int) -> Rows:
    """Four images of 100 pixels with an object of 10, of which `tp` are found."""
    columns = {name: np.array([[tp, 0, 10 - tp, 90]] * 4) for name in ("counts", "counts_in_view")}
    columns["histograms_everywhere"] = np.zeros((4, 2, 256), int)  # one class only: no area
    return Rows(list("abcd"), list("ggxy"), columns)


def test_baselines_are_written_once_for_images_and_protocols(tmp_path: Path) -> None:
    found, nothing = rows_of(10), rows_of(0)
    for number, protocols in enumerate(((PER_IMAGE,), (PER_IMAGE, POOLED), (PER_IMAGE, POOLED))):
        origin = provenance(checkpoint_sha256=str(number) * 64)
        record = replace(trained(table([1.0])), metrics=all_scores(found, protocols), provenance=origin)
        write_records(record, found, {"nothing": nothing}, protocols, tmp_path)
    stored = read_records(tmp_path)
    assert [one.record.kind for one in stored].count("trained") == 3
    written = [one for one in stored if one.record.kind == "baseline"]
    assert sorted(list(one.record.metrics) for one in written) == [["per_image@2"], ["per_image@2", "pooled@2"]]
    assert all(one.record.metrics["per_image@2"].values["dice"].value == 0 for one in written)
    assert all(one.rows()["per_image@2/fn"].tolist() == [10] * 4 for one in written)


def test_same_test_of_the_same_checkpoint_is_recorded_once(tmp_path: Path) -> None:
    found = rows_of(10)
    record = replace(trained(table([1.0])), metrics=all_scores(found, (PER_IMAGE,)))
    first, again = (write_records(record, found, {}, (PER_IMAGE,), tmp_path) for _ in range(2))
    assert first == again
    assert len(read_records(tmp_path)) == 1


def test_runs_that_end_at_once_write_the_same_test_and_each_baseline_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, runs = rows_of(10), 3
    record = replace(trained(table([1.0])), metrics=all_scores(found, (PER_IMAGE,)))
    meeting = threading.Barrier(runs)

    def read_when_all_have_read(root: Path, dataset: str, hashes: Collection[str]) -> list[StoredRecord]:
        stored = records_naming(root, dataset, hashes)
        with suppress(threading.BrokenBarrierError):
            meeting.wait(timeout=0.2)  # without a lock, all runs would meet here, and find nothing written
        return stored

    monkeypatch.setattr("polybench.experiments.record.records_naming", read_when_all_have_read)
    with ThreadPoolExecutor(runs) as pool:
        ended = [
            pool.submit(write_records, record, found, {"nothing": found}, (PER_IMAGE,), tmp_path) for _ in range(runs)
        ]
    assert len({one.result() for one in ended}) == 1
    assert sorted(stored.record.kind for stored in read_records(tmp_path)) == ["baseline", "trained"]
