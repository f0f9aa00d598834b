"""Tables of a leaderboard for papers and spreadsheets."""

import csv
import io
from pathlib import Path

import pytest

from polybench.core.errors import ConfigError, DataError
from polybench.results.export import exported
from polybench.results.page import render_page
from polybench.results.record import read_records
from tests.results.factory import dataset, digest, store, table


@pytest.fixture
def board(tmp_path: Path) -> Path:
    """A dataset of two budgets, and another one."""
    store(tmp_path, table([0.25] * 60), recipe="unet")
    store(tmp_path, table([0.75] * 60), recipe="short_unet", budget="smoke")
    store(tmp_path, table([0.5] * 60), dataset=dataset(name="other"))
    return tmp_path


def test_csv_has_a_line_for_each_ranked_row_with_what_it_is_comparable_by(board: Path) -> None:
    found = list(csv.DictReader(io.StringIO(exported(board, [], "csv"))))
    assert [(row["Dataset"], row["Budget"], row["Recipe"], row["Dice"]) for row in found] == [
        ("other", "published", "unet_toy", "0.5"),
        ("toy", "published", "unet", "0.25"),
        ("toy", "smoke", "short_unet", "0.75"),
    ]
    assert {(row["Split"], row["Protocol"], row["Manifest sha256"]) for row in found} == {
        ("official", "per_image@1", digest("official"))
    }
    assert found[0]["Dice low"] == found[0]["Dice high"] == "0.5"


def test_markdown_is_the_page(board: Path) -> None:
    assert exported(board, ["toy"], "markdown") == render_page("toy", read_records(board, "toy"))


def test_latex_and_terminal_name_images_and_protocol(board: Path) -> None:
    latex, text = exported(board, ["toy"], "latex"), exported(board, ["toy"], "terminal")
    assert latex.count(r"\caption{toy, split official, official copy") == latex.count(r"\toprule") == 2
    assert r"short\_unet & 9600 images" in latex
    assert "0.2500 [0.2500, 0.2500]" in text
    assert "other" not in text


def test_an_unknown_dataset_is_refused_with_the_recorded_ones(board: Path) -> None:
    with pytest.raises(ConfigError, match=r"no records of 'toi' in .*: recorded are other, toy\. Did you mean 'toy'\?"):
        exported(board, ["toi"], "csv")


def test_a_record_that_was_edited_is_refused(board: Path) -> None:
    [path] = (board / "records" / "other").glob("*.json")
    path.write_text(path.read_text().replace('"unet_toy"', '"unet_top"'))
    with pytest.raises(DataError, match="was edited"):
        exported(board, [], "latex")
