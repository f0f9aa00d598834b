import pytest

from polybench.metrics import bands
from tools.benchmark_memory import SCORE, main, measured

ISSUE = 68
"""Bytes a pixel that all protocols took together before parts of an image were worked on in turn."""


def test_all_protocols_together_take_less_than_half_of_what_they_took(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bands, "PIXELS", 2**14)  # a small image has large parts
    peaks = measured((2000, 2000), 0.0, ["all, and stored"])
    assert peaks["all, and stored"].bytes_per_pixel < ISSUE / 2


def test_table_names_what_was_measured(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--size", "60", "80", "--only", "pranet", SCORE]) == 0
    printed = capsys.readouterr().out
    assert "80x60 pixels" in printed
    assert "pranet" in printed
    assert SCORE in printed
