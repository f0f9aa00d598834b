"""Verdicts on hand-made records, and a tiny row that is run again."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from polybench.cli.main import run
from polybench.core.errors import ConfigError, DataError
from polybench.results.comparison import scored_run
from polybench.results.record import StoredRecord, read_records
from polybench.results.verified import Mark, mark_of, write_mark
from polybench.runs.reproduce import fit_words
from polybench.runs.verdict import SecondRun, compared
from tests.cli.recipes import write_recipe
from tests.results.factory import identity, store, table

DICE = [0.9, 0.8, 0.7, 0.6, 0.9, 0.8, 0.7, 0.6]
NEAR = [0.88, 0.81, 0.7, 0.6, 0.9, 0.8, 0.69, 0.61]
BELOW = [0.8, 0.7, 0.6, 0.5, 0.8, 0.7, 0.6, 0.5]


def stored(root: Path, dice: list[float], seed: int = 0) -> StoredRecord:
    path = store(root, table(dice), seed=seed, identity=identity("net"))
    return next(one for one in read_records(root) if one.path == path)


def second(root: Path, dice: list[float]) -> SecondRun:
    return SecondRun(scored_run(stored(root, dice))._replace(name="again"), "a CPU", ())


def test_equal_values_of_every_image_are_identical(tmp_path: Path) -> None:
    found = compared(stored(tmp_path / "a", DICE), second(tmp_path / "b", DICE), tmp_path / "a")
    assert (found.kind, found.difference, found.reproduced) == ("identical", 0.0, True)


def test_a_difference_whose_interval_holds_zero_is_not_told_apart(tmp_path: Path) -> None:
    found = compared(stored(tmp_path / "a", DICE), second(tmp_path / "b", NEAR), tmp_path / "a")
    assert found.kind == "not told apart"
    assert found.difference == pytest.approx(sum(NEAR) / 8 - sum(DICE) / 8)


def test_a_smaller_difference_than_that_of_two_seeds_is_within_seeds(tmp_path: Path) -> None:
    first = stored(tmp_path / "a", DICE)
    stored(tmp_path / "a", [value - 0.2 for value in DICE], seed=1)
    found = compared(first, second(tmp_path / "b", BELOW), tmp_path / "a")
    assert (found.kind, found.seeds) == ("within seeds", pytest.approx(0.2))


def test_a_number_that_does_not_come_out_differs(tmp_path: Path) -> None:
    found = compared(stored(tmp_path / "a", DICE), second(tmp_path / "b", BELOW), tmp_path / "a")
    assert (found.kind, found.reproduced) == ("differs", False)
    assert "-0.1000" in found.sentence()


def test_a_run_of_another_row_is_not_compared_as_one_of_this(tmp_path: Path) -> None:
    other = replace(second(tmp_path / "b", DICE), same=False)
    found = compared(stored(tmp_path / "a", DICE), other, tmp_path / "a")
    assert (found.kind, found.reproduced) == ("another training", False)


def test_other_images_are_not_compared(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="different images"):
        compared(stored(tmp_path / "a", DICE), second(tmp_path / "b", DICE[:7]), tmp_path / "a")


def test_rows_that_no_single_fit_made_are_refused(tmp_path: Path) -> None:
    record = stored(tmp_path, DICE).record
    with pytest.raises(ConfigError, match="was made by a plan"):
        fit_words(replace(record, command="polybench transfer --config plan.yaml"))
    with pytest.raises(ConfigError, match="is a baseline"):
        fit_words(replace(record, kind="baseline", budget=None, net=None, training=None, identity=None))


def test_a_mark_is_of_the_record_that_it_was_made_for(tmp_path: Path) -> None:
    first = stored(tmp_path, DICE)
    mark = Mark("0" * 64, "2026-11-30", "training", "identical", "per_image@1/dice", 0.0, None, None, "a CPU")
    write_mark(tmp_path, "toy", first.name, mark)
    assert mark_of(first) is None
    path = tmp_path / "verified" / "toy" / f"{first.name}.json"
    path.write_text("{}")
    with pytest.raises(DataError, match="is no mark of polybench reproduce"):
        mark_of(first)


def test_a_row_comes_out_again_and_so_does_its_checkpoint(
    tmp_path: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    recipe = write_recipe(tmp_path, data_root)
    assert run(["fit", "--config", str(recipe)]) == 0
    [path] = Path("leaderboards/records/clinicdb").glob("tiny-*.json")
    [checkpoint] = Path("runs/tiny-s0").glob("*/checkpoints/best.ckpt")
    capsys.readouterr()
    assert run(["reproduce", path.stem]) == 0
    assert "Identical: per_image@2/dice is" in capsys.readouterr().out
    [mark] = Path("leaderboards/verified/clinicdb").glob("*.json")
    assert (mark.name, json.loads(mark.read_text())["verdict"]) == (path.name, "identical")
    assert run(["reproduce", path.stem]) == 0
    assert "taken from the run that is in 'runs/reproduce/" in capsys.readouterr().out
    assert run(["reproduce", path.stem, "--evaluate", str(checkpoint)]) == 0
    assert "which was trained again, stays" in capsys.readouterr().out
    assert json.loads(mark.read_text())["what"] == "training"
    recipe.write_text(recipe.read_text().replace("lr: 0.01", "lr: 0.02"))
    assert run(["reproduce", path.stem]) == 2
    shown = capsys.readouterr()
    assert "today the command gives another training" in shown.out
    assert "holds a finished run of something else" in shown.err


def test_an_unknown_record_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = stored(tmp_path, DICE)
    assert run(["reproduce", f"{first.name}0", "--root", str(tmp_path)]) == 2
    assert f"Did you mean '{first.name}'" in capsys.readouterr().err
