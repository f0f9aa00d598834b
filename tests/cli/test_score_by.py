"""`polybench score --by`: scores by a column of a table."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from polybench.cli.main import run

Words = list[str]


@pytest.fixture
def words(tmp_path: Path) -> Words:
    """Four images: Oslo's are found, one of Rome's is missed."""
    mask = np.zeros((16, 16), np.uint8)
    mask[4:8, 4:8] = 255
    for name in "abcd":
        for folder, drawn in (("gt", mask), ("pred", mask * (name != "d"))):
            (tmp_path / folder).mkdir(exist_ok=True)
            Image.fromarray(drawn).save(tmp_path / folder / f"{name}.png")
    (tmp_path / "patients.csv").write_text("id,centre\nb,Oslo\na,Oslo\nc,Rome\nd,Rome\nz,Bern\n")
    return ["score", "--pred", str(tmp_path / "pred"), "--gt", str(tmp_path / "gt")]


def by(folder: Path, column: str = "centre") -> Words:
    return ["--by", f"{folder / 'patients.csv'}:{column}"]


def test_terminal_shows_each_class_and_the_worst(
    words: Words, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*words, *by(tmp_path)]) == 0
    shown = capsys.readouterr().out.partition("Dice of per_image by centre")[2]
    rows = {cells[0]: cells[1:] for line in shown.splitlines() if (cells := line.replace("│", " ").split())}
    assert rows["Oslo"][:3] == ["2", "2", "1.0000"]
    assert rows["Rome"][:3] == ["2", "2", "0.5000"]
    assert "Worst stratum: Rome with 0.5000" in shown
    assert "Bern" not in shown


def test_files_have_the_classes(words: Words, tmp_path: Path) -> None:
    outputs = ["--json", str(tmp_path / "out.json"), "--csv", str(tmp_path / "out.csv")]
    assert run([*words, *by(tmp_path), *outputs]) == 0
    found: dict[str, Any] = json.loads((tmp_path / "out.json").read_text())["by"]
    assert (found["table"], found["column"]) == ("patients.csv", "centre")
    dice = found["strata"]["per_image"]["dice"]
    assert dice["worst"] == "Rome"
    assert dice["each"][1] == {
        "name": "Rome",
        "value": 0.5,
        "low": 0.0,
        "high": 1.0,
        "n": 2,
        "groups": 2,
        "worst_group": {"name": "d", "value": 0.0, "n": 1},
    }
    assert pd.read_csv(tmp_path / "out.csv")["by/centre"].tolist() == ["Oslo", "Oslo", "Rome", "Rome"]


def test_without_a_table_nothing_is_said_of_classes(words: Words, tmp_path: Path) -> None:
    assert run([*words, "--json", str(tmp_path / "out.json")]) == 0
    assert "by" not in json.loads((tmp_path / "out.json").read_text())


@pytest.mark.parametrize(
    ("column", "code", "message"),
    [("center", 2, "Did you mean 'centre'?"), ("", 2, "names no column: give TABLE.csv:COLUMN")],
)
def test_a_wrong_column_ends_in_one_sentence(
    words: Words, tmp_path: Path, column: str, code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*words, *by(tmp_path, column)]) == code
    complaint = capsys.readouterr().err
    assert message in complaint
    assert complaint.count("\n") == 1


def test_image_that_the_table_lacks_is_named_before_anything_is_scored(
    words: Words, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "patients.csv").write_text("id,centre\na,Oslo\nb,Oslo\nc,Rome\n")
    assert run([*words, *by(tmp_path)]) == 1
    assert "lacks 1 of the 4 images: d." in capsys.readouterr().err


def test_the_table_is_not_overwritten(words: Words, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (tmp_path / "patients.csv").read_text()
    assert run([*words, *by(tmp_path), "--csv", str(tmp_path / "patients.csv")]) == 2
    assert "is a file that is read: choose another name." in capsys.readouterr().err
    assert (tmp_path / "patients.csv").read_text() == before
