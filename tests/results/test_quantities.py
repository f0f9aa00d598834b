"""What a net saw, and what a baseline is scored at, in words."""

from dataclasses import replace

import pytest

from polybench.experiments.record import baseline_identity
from polybench.results.quantities import network_input, scored_at
from tests.results.factory import dataset, table, trained


@pytest.mark.parametrize(
    ("pad_value", "expected"),
    [(None, "320\N{MULTIPLICATION SIGN}320"), (0, "320\N{MULTIPLICATION SIGN}320 letterboxed")],
)
def test_letterboxed_frames_are_named(pad_value: int | None, expected: str) -> None:
    data = dataset(size=(320, 320), pad_value=pad_value)
    assert network_input(data) == f"whole frames, {expected}"
    assert scored_at(data) == expected


def test_baselines_of_letterboxed_and_stretched_frames_are_two() -> None:
    record = trained(table([0.5, 0.75]))
    found = [
        baseline_identity(replace(record, dataset=replace(record.dataset, pad_value=grey)), "otsu_threshold")
        for grey in (None, 0, 9)
    ]
    assert found[0].keys() | {"letterbox"} == found[1].keys()
    assert found[1] != found[2]
