"""The report of a matrix: rows over seeds, folds put together, differences on one test set."""

from pathlib import Path

import pytest

from polybench.results.render import markdown
from polybench.runs.cell import cells_of
from polybench.runs.execute import Outcome
from polybench.runs.matrix_file import read_matrix
from polybench.runs.matrix_report import rows_of, rows_table, write_matrix_report
from tests.results.factory import identity, store, table
from tests.results.test_folds import FOLDS, data_of, shared, store_fold
from tests.runs.test_matrix_file import write

SPLITS = """
name: folds
methods: {a: a.yaml, b: b.yaml}
datasets: {toy: {config: one.yaml, splits: [fold_1_of_3, fold_2_of_3, fold_3_of_3]}}
"""
DICE = {"a": (0.25, 0.75), "b": (0.5, 0.5)}


def outcomes_of_folds(folder: Path) -> list[Outcome]:
    """Both methods on all folds, with the same numbers."""
    found = []
    for cell in cells_of(read_matrix(write(folder, SPLITS)), folder / "runs", folder):
        fold = int(cell.stage.name.split("fold_")[1][0])
        method = cell.stage.name[0]
        record = store_fold(folder, fold, identity=shared(fold, method), recipe=f"net_{method}", dataset=data_of(fold))
        found.append(Outcome(cell, record, skipped=False))
    return found


def test_folds_are_one_row_of_all_their_images(tmp_path: Path) -> None:
    rows = rows_of(outcomes_of_folds(tmp_path))
    assert list(rows) == ["a_toy", "b_toy"]
    [row, _] = rows_table(rows).rows
    assert markdown.cell_text(row[1]) == "toy, `3 of 3 folds`"
    assert markdown.cell_text(row[4]).startswith("Dice 0.5833 [")  # (0.2 + 0.4 + 0.6 + 1.0 + 0.8 + 0.5) / 6
    assert markdown.cell_text(row[5]) == str(sum(map(len, FOLDS.values())))
    assert [markdown.cell_text(row[6]).count(f"[fold_{fold}_of_3](") for fold in FOLDS] == [1, 1, 1]


def test_incomplete_folds_are_not_compared(tmp_path: Path) -> None:
    outcomes = outcomes_of_folds(tmp_path)
    whole = write_matrix_report(outcomes[0].cell.plan, outcomes, tmp_path / "plans", "again").read_text()
    assert "| b_toy | a_toy | +0.0000 |" in whole
    part = write_matrix_report(outcomes[0].cell.plan, outcomes[:-1], tmp_path / "plans", "again").read_text()
    assert "| b_toy | a_toy |" not in part
    assert "`2 of 3 folds`" in part


def test_seeds_are_one_row_and_methods_are_paired(tmp_path: Path) -> None:
    text = "name: m\nseeds: [0, 1]\nmethods: {a: a.yaml, b: b.yaml}\ndatasets: {toy: one.yaml}\n"
    outcomes = []
    for cell in cells_of(read_matrix(write(tmp_path, text)), tmp_path / "runs", tmp_path):
        dice = DICE[cell.stage.name[0]]
        rows = table([dice[cell.seed], 0.5, 0.5], ["x", "y", "z"])
        facts = {"seed": cell.seed, "recipe": cell.stage.name, "identity": identity(cell.stage.name)}
        outcomes.append(Outcome(cell, store(tmp_path, rows, **facts), skipped=False))
    report = write_matrix_report(outcomes[0].cell.plan, outcomes, tmp_path / "plans", "polybench matrix").read_text()
    # a: (.25 + .5 + .5) / 3 and (.75 + .5 + .5) / 3, so .5 +- .1179; b: .5 twice
    assert "| 9,600 | Dice 0.5000 ± 0.1179 `per_image@1` | 3 |" in report
    assert "| b_toy | a_toy | +0.0000 |" in report
    assert "polybench matrix" in report


@pytest.mark.parametrize("name", ["a", "b"])
def test_records_are_led_to(tmp_path: Path, name: str) -> None:
    outcomes = outcomes_of_folds(tmp_path)
    report = write_matrix_report(outcomes[0].cell.plan, outcomes, tmp_path / "plans", "again")
    line = next(line for line in report.read_text().splitlines() if line.startswith(f"| {name}_toy |"))
    address = line.rpartition("(")[2].partition(")")[0]
    assert (report.parent / address).resolve().is_file()


def test_a_cell_that_failed_is_said_and_counts_as_the_worst(tmp_path: Path) -> None:
    text = "name: m\nmethods: {a: {config: a.yaml, seeds: [0, 1]}, b: b.yaml}\ndatasets: {toy: one.yaml}\n"
    outcomes = []
    cells = cells_of(read_matrix(write(tmp_path, text)), tmp_path / "runs", tmp_path)
    for cell in cells:
        if cell.seed == 0:
            facts = {"recipe": cell.stage.name, "identity": identity(cell.stage.name)}
            outcomes.append(Outcome(cell, store(tmp_path, table([0.8, 0.8], ["x", "y"]), **facts), skipped=False))
    report = write_matrix_report(cells[0].plan, outcomes, tmp_path, "again", failed=["a_toy-s1"]).read_text()
    assert "| b_toy | a_toy | +0.4000 |" in report  # .8 against the mean of .8 and 0
    assert "s0.json), 1 failed |" in report
    assert "Runs without a record count as the worst score: 1 of a_toy." in report
