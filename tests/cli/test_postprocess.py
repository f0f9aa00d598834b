"""`--postprocess` of `test` and `predict`: masks, table, record."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.metrics import f1_score

from polybench.cli.main import run
from tests.cli.conftest import Refinable
from tests.cli.recipes import start

TESTED = ("9", "10", "11", "12")


@pytest.fixture(autouse=True)
def board(refinable: Refinable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the trainings' leaderboard, in the current folder."""
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copytree(refinable.folder / "board", "board"))


def the_record(board: Path, variant: str) -> dict[str, object]:
    [path] = board.glob(f"records/clinicdb/tiny-{variant}-*.json")
    found: dict[str, object] = json.loads(path.read_text())
    return found


def test_predicted_masks_score_as_the_record_says(
    refinable: Refinable, board: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--postprocess", "crf,flips"]
    assert run(refinable.words("test", "--trainer.default_root_dir", "tested", *words, "--leaderboard", "board")) == 0
    assert "Predictions before and after post-processing" in capsys.readouterr().out
    record = the_record(board, "flips-crf")
    [trained] = [json.loads(path.read_text()) for path in refinable.folder.glob("board/records/clinicdb/tiny-*.json")]
    ids = record["identity"]
    assert isinstance(ids, dict)
    assert ids["training_id"] == trained["identity"]["training_id"]
    assert ids["evaluation_id"] != trained["identity"]["evaluation_id"]
    metrics = record["metrics"]
    assert isinstance(metrics, dict)
    assert "pranet@2" in metrics
    assert {"fanet@2", "efen@2"}.isdisjoint(metrics)
    assert "mean over flips" in (board / "clinicdb.md").read_text()
    folder = refinable.data / "CVC-ClinicDB"
    Path("images").mkdir()
    for name in TESTED:
        (Path("images") / f"{name}.tif").symlink_to(folder / "Original" / f"{name}.tif")
    assert run(refinable.words("predict", "--images", "images", "--out", "masks", *words)) == 0
    dice = []
    for name in TESTED:
        truth, mask = (
            np.asarray(Image.open(path)) > 127
            for path in (folder / "Ground Truth" / f"{name}.tif", Path("masks") / f"{name}.png")
        )
        dice.append(f1_score(truth.ravel(), mask.ravel(), zero_division=0))
    assert metrics["per_image@2"]["values"]["dice"]["value"] == pytest.approx(np.mean(dice), abs=1e-9)
    tables = [pd.read_csv(path) for path in ("masks/postprocessed.csv", "tested/test_postprocessed.csv")]
    tables[0]["image"] = tables[0]["image"].str.removesuffix(".tif")
    tables = [table.astype({"image": str}).sort_values("image", ignore_index=True) for table in tables]
    pd.testing.assert_frame_equal(*tables)
    assert 0 < tables[0]["changed"].sum() < tables[0]["pixels"].sum()
    assert run(refinable.words("predict", "--images", "images", "--out", "masks")) == 2  # the table would not be theirs
    assert "postprocessed.csv' is of an earlier prediction with --postprocess" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--postprocess", "flip"], "--postprocess must be flips, crf, or flips,crf, not 'flip'"),
        (["--postprocess", "crf", "--refine", "best.ckpt"], "--postprocess and --refine both change the predictions"),
    ],
)
def test_wrong_steps_are_refused(
    refinable: Refinable, words: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(refinable.words("test", *words)) == 2
    assert reason in capsys.readouterr().err


@pytest.mark.ddp
@pytest.mark.slow
def test_two_processes_post_process_as_one_does(refinable: Refinable, tmp_path: Path) -> None:
    words = refinable.words("test", "--postprocess", "flips,crf", "--data.eval_batch_size", "4")
    assert run([*words, "--trainer.default_root_dir", "one"]) == 0
    process = start(tmp_path, *words, "--trainer.default_root_dir", "two", "--trainer.devices", "2")
    output, _ = process.communicate()
    assert process.returncode == 0, output
    for name in ("test_postprocessed.csv", "test_rows_flips-crf.csv"):
        assert Path("two", name).read_text() == Path("one", name).read_text()
