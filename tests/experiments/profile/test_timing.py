import pytest

from polybench.experiments.profile import timing
from polybench.experiments.profile.timing import Mode, time_in_turn


class Clock:
    """A clock that the timed actions move."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(timing, "time", clock)
    return clock


def test_modes_take_turns_in_every_round() -> None:
    calls: list[str] = []
    modes = {
        "a": Mode(lambda: calls.append("a"), lambda: calls.append("before a"), lead_in=1, block=2),
        "b": Mode(lambda: calls.append("b"), runs=2),
    }
    time_in_turn(modes, range(2))
    assert calls == ["before a", "a", "a", "a", "b", "b"] * 2


def test_time_of_a_block_is_the_mean_of_its_calls(clock: Clock) -> None:
    spans = iter([1.0, 2.0, 6.0])
    seconds = time_in_turn({"a": Mode(lambda: clock.advance(next(spans)), block=3)}, range(1))
    assert seconds == {"a": [3.0]}


def test_what_is_not_timed_does_not_count(clock: Clock) -> None:
    spans = iter([100.0, 2.0])
    mode = Mode(lambda: clock.advance(next(spans)), lambda: clock.advance(50.0), lead_in=1)
    assert time_in_turn({"a": mode}, range(1)) == {"a": [2.0]}


def test_work_that_the_device_still_does_counts(clock: Clock) -> None:
    queued: list[float] = []

    def wait() -> None:
        clock.advance(sum(queued))
        queued.clear()

    seconds = time_in_turn({"a": Mode(lambda: queued.append(4.0), block=2, runs=2)}, range(1), wait)
    assert seconds == {"a": [4.0, 4.0]}


def test_every_run_is_kept(clock: Clock) -> None:
    spans = iter([1.0, 2.0, 3.0, 4.0])
    assert time_in_turn({"a": Mode(lambda: clock.advance(next(spans)), runs=2)}, range(2)) == {
        "a": [1.0, 2.0, 3.0, 4.0]
    }
