"""`polybench score --also`: a protocol of no dataset."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from polybench.cli.main import run
from polybench.metrics.protocols import PROTOCOLS


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    mask = np.zeros((16, 16), np.uint8)
    mask[4:8, 4:8] = 255
    for folder, drawn in (("gt", mask), ("pred", mask // 2)):
        (tmp_path / folder).mkdir()
        Image.fromarray(drawn).save(tmp_path / folder / "a.png")
    places = ["--pred", str(tmp_path / "pred"), "--gt", str(tmp_path / "gt"), "--json", str(tmp_path / "out.json")]
    return ["score", *places]


def test_a_protocol_is_added_by_its_name(words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*words, "--also", "uacanet"]) == 0
    found = json.loads((tmp_path / "out.json").read_text())
    assert list(found["protocols"]) == [*(protocol.name for protocol in PROTOCOLS), "uacanet"]
    assert found["protocols"]["uacanet"]["mae"] == pytest.approx(16 * (1 - 127 / 255) / 256, abs=1e-6)
    assert found["versions"]["uacanet"] == 1
    assert "uacanet@1" in capsys.readouterr().out


def test_it_is_not_there_unless_it_is_named(words: list[str], tmp_path: Path) -> None:
    assert run(words) == 0
    assert "uacanet" not in json.loads((tmp_path / "out.json").read_text())["protocols"]


def test_unknown_name_ends_in_one_sentence(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*words, "--also", "uacnet"]) == 2
    complaint = capsys.readouterr().err
    assert "--also 'uacnet' is no protocol to add: give uacanet. Did you mean 'uacanet'?" in complaint
    assert complaint.count("\n") == 1
