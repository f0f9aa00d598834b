"""The short copies of the papers' plans have their rows, and a table's command gives each row with each column."""

import os
from pathlib import Path

import pytest
import yaml
from paper_tables import ROOT, commands, run_short
from short_plans.plans import shortened

from polybench.results.printed.numbers import printed_numbers
from polybench.results.printed.rows import printed_columns, printed_rows
from polybench.results.record import read_records
from polybench.runs import read_plan
from polybench.runs.matrix_file import read_matrix

READERS = {"matrix": read_matrix, "transfer": read_plan}


@pytest.mark.parametrize("name", ["fanet_table_vi", "fanet_table_xi_reduced", "efen_table_1", "transfer_kvasir_seg"])
def test_short_copy_has_the_rows_of_its_plan(name: str, tmp_path: Path) -> None:
    plan, copy = ROOT / "conf" / "plans" / f"{name}.yaml", tmp_path / "plan.yaml"
    copy.write_text(yaml.safe_dump(shortened(plan)))
    wanted, found = (READERS[commands()[name]](path).stages for path in (plan, copy))
    assert found.keys() == wanted.keys()
    for stage in wanted:
        assert found[stage].options.get("name") == wanted[stage].options.get("name")


@pytest.mark.slow
def test_command_of_a_table_gives_its_rows_and_columns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLYBENCH_DATA", os.environ.get("POLYBENCH_DATA", ""))  # which the run sets
    assert run_short("efen_table_1", "matrix", tmp_path) == 0
    records = {found.record.recipe: found.record for found in read_records(tmp_path / "leaderboards")}
    columns = {one.metric: one for one in printed_columns() if one.paper == "efen"}
    rows = {one.method: one.row for one in printed_rows() if one.plan == "efen_table_1"}
    numbers = [one for one in printed_numbers() if (one.paper, one.table) == ("efen", "1")]
    assert len({one.method for one in numbers}) == 3
    for number in numbers:
        column = columns[number.metric]
        metrics = records[f"{rows[number.method]}_{number.dataset}"].metrics
        [scores] = [scores for key, scores in metrics.items() if key.partition("@")[0] == column.protocol]
        assert column.column in scores.values
