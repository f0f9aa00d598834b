import pytest

from polybench.results.statistics import trust
from polybench.results.statistics.trust import COVERAGE, PROMISED, coverage, coverage_note


def test_few_groups_are_warned_of_by_what_was_measured_with_no_more() -> None:
    assert coverage(25)[0] == 12
    assert coverage(26)[0] == 26
    assert coverage(2)[0] == 3
    note = coverage_note(13)
    assert note is not None
    low, high = COVERAGE[12]
    assert "With 13 groups the 95 % intervals of differences may be too narrow: in simulated tests of 12 groups" in note
    assert f"in {100 * low:.0f} to {100 * high:.0f} % of the cases" in note


def test_nothing_is_warned_of_where_intervals_keep_their_promise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trust, "COVERAGE", {6: (PROMISED - 0.01, 0.95), 100: (PROMISED, 0.96)})
    assert coverage_note(99) is not None
    assert coverage_note(100) is None


def test_a_single_group_has_no_interval_to_warn_of() -> None:
    assert coverage_note(1) is None
