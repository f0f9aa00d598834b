import pytest

from tools import kill_resume


@pytest.mark.parametrize(
    ("found", "start", "expected"),
    [
        (("a", "1 b", {"x": 1}), 20, "equal"),
        (("a", "1 b", {"x": 1}), 18, "equal"),
        (("b", "1 b", {"x": 1}), 20, "DIFFERENT last"),
        (("a", "0 b", {"x": 1}), 20, "DIFFERENT best"),
        (("a", "1 b", {"x": 1, "x-r2": 1}), 20, "DIFFERENT records"),
        (("a", "0 c", {}), 20, "DIFFERENT best, records"),
        (("a", "1 b", {"x": 1}), 0, "LOST BATCHES"),
        (("b", "1 b", {"x": 1}), 15, "LOST BATCHES"),
    ],
)
def test_run_that_ends_otherwise_or_lost_batches_is_not_called_equal(
    found: tuple[str, str, dict[str, int]], start: int, expected: str
) -> None:
    reference = kill_resume.Outcome("a", "1 b", {"x": 1})
    assert kill_resume.verdict(kill_resume.Outcome(*found), reference, start, 23) == expected
