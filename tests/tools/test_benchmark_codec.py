import pytest

from tools.benchmark_codec import main


def test_each_drawn_set_gets_its_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--size", "32", "--limit", "1", "--rounds", "1"]) == 0
    assert capsys.readouterr().out.count("polybench, payload") == 3
