"""`polybench score --against`: anyone's predictions beside the rows of the same images."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from polybench.cli.main import run
from tests.results.factory import dataset, store

PROTOCOL = "per_image@2"


@pytest.fixture
def words(data_root: Path, tmp_path: Path) -> list[str]:
    """Predictions that are the masks of four frames of two groups, the last one missing."""
    (tmp_path / "pred").mkdir()
    for number in range(9, 12):
        mask = np.asarray(Image.open(data_root / "CVC-ClinicDB" / "Ground Truth" / f"{number}.tif"))
        Image.fromarray(mask).save(tmp_path / "pred" / f"{number}.png")
    split = ["--dataset", "clinicdb", "--root", str(data_root), "--split", f"{data_root / 'split.csv'}/test"]
    return ["score", "--pred", str(tmp_path / "pred"), *split]


def board(words: list[str], folder: Path, **changes: str) -> Path:
    """A leaderboard whose row has a Dice of 0.5 for each of the same images."""
    assert run([*words, "--json", str(folder / "own.json"), "--csv", str(folder / "own.csv")]) == 0
    own = pd.read_csv(folder / "own.csv", dtype={"id": str, "group": str})
    true = own[f"{PROTOCOL}/tp"] + own[f"{PROTOCOL}/fn"]
    pixels = true + own[f"{PROTOCOL}/fp"] + own[f"{PROTOCOL}/tn"]
    found = (true + 1) // 2
    counts = {"tp": found, "fp": 3 * found - true, "fn": true - found}  # 2 tp / (2 tp + fp + fn) is 1 / 2
    counts["tn"] = pixels - sum(counts.values())
    rows = own[["id", "group"]].assign(**{f"{PROTOCOL}/{name}": value for name, value in counts.items()})
    rows[f"{PROTOCOL}/dice"] = 0.5
    manifest = json.loads((folder / "own.json").read_text())["truth"]["manifest_sha256"]
    facts = dataset(name="clinicdb", **{"manifest_sha256": manifest, **changes})
    protocols = {PROTOCOL: {"dice": "higher"}}
    store(folder / "board", rows.sort_values("id"), protocols=protocols, dataset=facts)
    return folder / "board"


def test_a_missing_prediction_counts_as_the_worst(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = board(words, tmp_path)
    capsys.readouterr()
    assert run([*words, "--against", str(root), "--json", str(tmp_path / "found.json")]) == 0
    shown = capsys.readouterr().out
    assert "-0.2500" in shown  # 0.5 minus the mean of 1, 1, 1 and 0
    assert "1, 3" in shown
    (pair,) = json.loads((tmp_path / "found.json").read_text())["against"]["pairs"]
    assert (pair["difference"], pair["won"], pair["lost"]) == (pytest.approx(-0.25), 1, 3)


def test_rows_of_another_copy_are_not_compared(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = board(words, tmp_path, manifest_sha256="0" * 64)
    assert run([*words, "--against", str(root)]) == 1
    assert "was tested on these 4 images of this copy; its rows are of official" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "message"),
    [(["--against", "nowhere"], "no folder of leaderboards at 'nowhere'"), ([], "--against compares with rows")],
)
def test_what_cannot_be_compared_is_refused_before_anything_is_scored(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], change: list[str], message: str
) -> None:
    command = [*words, *change] if change else ["score", "--pred", "p", "--gt", "g", "--against", str(tmp_path)]
    assert run(command) != 0
    assert message in capsys.readouterr().err
