import re

import pytest

from tools import kill_resume


@pytest.mark.parametrize(
    ("found", "start", "expected"),
    [
        ("a", 20, "equal"),
        ("a", 18, "equal"),
        ("b", 20, "DIFFERENT"),
        ("a", 0, "LOST BATCHES"),
        ("b", 15, "LOST BATCHES"),
    ],
)
def test_run_that_lost_batches_is_not_called_equal(found: str, start: int, expected: str) -> None:
    assert kill_resume.verdict(found, "a", start, 23) == expected


@pytest.mark.slow
def test_killed_run_goes_on_from_its_checkpoint(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kill_resume, "EPOCHS", 1)
    assert kill_resume.main(["--kills", "1", "--workers", "0"]) == 0
    unbroken, resumed, total = capsys.readouterr().out.splitlines()[-3:]
    places = re.search(r"killed \D+ (\d+), went on from (\d+): (\w+) equal$", resumed)
    assert places, resumed
    batch, start = int(places[1]), int(places[2])
    assert 5 < batch < 18
    assert batch - 5 <= start <= 18
    assert unbroken == f"0 workers, unbroken: {places[3]}"
    assert total == "0 of 2 runs went wrong."
