"""`polybench test --refine --leaderboard`: the record of a refined test, beside that of the training."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from polybench.cli.main import run
from polybench.models import PatchClassifier
from polybench.results.record_text import seal_of
from tests.cli.conftest import Refinable


@pytest.fixture(autouse=True)
def board(refinable: Refinable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the trainings' leaderboard, in the current folder."""
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copytree(refinable.folder / "board", "board"))


def words(refinable: Refinable, *more: str) -> list[str]:
    refined = ["--refine", str(refinable.classifier), "--leaderboard", "board"]
    return refinable.words("test", "--trainer.default_root_dir", "tested", *refined, *more)


def the_record(board: Path, variant: str) -> tuple[dict[str, Any], pd.DataFrame]:
    [path] = board.glob(f"records/clinicdb/tiny-{variant}-*.json")
    return json.loads(path.read_text()), pd.read_csv(path.with_suffix(".csv"), dtype={"id": str})


def test_record_holds_what_the_refinement_changed(refinable: Refinable, board: Path) -> None:
    before = {path: path.read_bytes() for path in board.rglob("records/*/*")}
    assert run(words(refinable, "--refine_thresholds", "0.2,0.1")) == 0
    record, rows = the_record(board, "refined")
    assert {path: path.read_bytes() for path in before} == before
    printed = pd.read_csv("tested/test_rows_refined.csv", dtype={"id": str})
    pd.testing.assert_frame_equal(rows, printed[list(rows)])
    assert list(record["metrics"]) == ["per_image@2", "keras_fcn@2", "boundary@2", "objects@2"]
    dice = record["metrics"]["per_image@2"]["values"]["dice"]["value"]
    assert dice == pytest.approx(rows["per_image@2/dice"].mean(), abs=1e-6)
    facts, plain = record["sections"]["refinement"]["data"], pd.read_csv("tested/test_rows.csv")
    assert (facts["mask_threshold"], facts["region_threshold"], facts["thresholds_from"]) == (0.2, 0.1, "given")
    for step, table in (("tested", plain), ("refined", rows)):
        sums = [int(table[f"objects@2/{kind}"].sum()) for kind in ("tp", "fp", "fn")]
        assert facts["objects"][step] == sums
    tested = facts["scores"]["tested"]["per_image@2"]["dice"]
    assert tested == pytest.approx(plain["per_image@2/dice"].mean(), abs=1e-6)
    assert set(facts["scores"]["thresholded"]) == {"per_image@2", "keras_fcn@2", "objects@2"}
    assert facts["removed"] <= facts["regions"]
    assert set(facts["milliseconds"]) == {"segmentation", "regions", "classification"}


def test_record_names_classifier_checkpoint_and_command(refinable: Refinable, board: Path) -> None:
    assert run(words(refinable, "--variant", "second_look")) == 0
    record, _ = the_record(board, "second_look")
    facts = record["sections"]["refinement"]["data"]
    told = facts["classifier"]
    assert told["sha256"] == hashlib.sha256(refinable.classifier.read_bytes()).hexdigest()
    assert (told["task"], told["dataset"], told["stage"]) == ("classification", "clinicdb", "patches")
    size = sum(one.numel() for one in PatchClassifier("tu-test_resnet", None).parameters())
    assert facts["classifier_net"]["parameters"] == record["sections"]["refinement"]["added_parameters"] == size
    assert facts["thresholds_from"] == "validation"
    segmentation = hashlib.sha256(refinable.segmentation.read_bytes()).hexdigest()
    assert record["provenance"]["checkpoint_sha256"] == segmentation
    assert record["command"].startswith("polybench test --config")
    assert "--variant second_look --ckpt_path " in record["command"]
    assert record["command"].endswith("best.ckpt --leaderboard " + str(Path("board").absolute()))
    assert str(refinable.folder) not in json.dumps({**record, "command": "", "needs": []})
    assert "second_look" in (board / "clinicdb.md").read_text()


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        (["--leaderboard", "empty"], "is of the training that left this checkpoint"),
        (["--data.size", "[48,48]"], "recorded with another split, copy or size"),
        (["--model.mean", "[0.1,0.1,0.1]"], "another value of 'model.init_args.mean'"),
        (["--trainer.precision", "bf16-mixed"], "another value of 'trainer.precision'"),
        (["--trainer.limit_test_batches", "1"], "leave out --trainer.limit_test_batches"),
        (["--trainer.limit_val_batches", "0.5"], "leave out --trainer.limit_val_batches"),
    ],
)
def test_what_forbids_a_record_is_found_before_the_test(
    refinable: Refinable, more: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(words(refinable, *more)) == 2
    captured = capsys.readouterr()
    assert reason in captured.err
    assert "per_image@2" not in captured.out
    assert not Path("tested/test_rows.csv").exists()


def test_plain_test_writes_no_record(refinable: Refinable, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(refinable.words("test", "--leaderboard", "board")) == 2
    assert "--leaderboard needs --postprocess or --refine" in capsys.readouterr().err


def rewrite(board: Path, **dataset: str) -> None:
    """Change what the classifier's record says of its dataset."""
    [path] = board.glob("records/clinicdb/patches-*.json")
    record = json.loads(path.read_text())
    record["dataset"] |= dataset
    record["record_sha256"] = seal_of(record)
    path.write_text(json.dumps(record))


def test_classifier_of_another_split_is_refused(
    refinable: Refinable, board: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rewrite(board, split="swapped", split_sha256="0" * 64)
    assert run(words(refinable)) == 2
    assert (
        "trained under another split of clinicdb, 'swapped', and may have seen test images" in capsys.readouterr().err
    )


def test_classifier_without_a_record_is_refused(
    refinable: Refinable, board: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in board.glob("records/clinicdb/patches-*"):
        path.unlink()
    assert run(words(refinable)) == 2
    assert "what it was trained on is unknown" in capsys.readouterr().err
