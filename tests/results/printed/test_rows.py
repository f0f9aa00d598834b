"""Each row and column of a papers' table with a plan is made by the plan, or the data say why not."""

from functools import cache
from pathlib import Path

import pytest

from polybench.datasets import PolypPoolDataModule
from polybench.metrics.protocols import PROTOCOLS
from polybench.results.printed.numbers import PrintedNumber, printed_numbers
from polybench.results.printed.places import places
from polybench.results.printed.rows import printed_columns, printed_rows
from polybench.runs import read_plan
from polybench.runs.matrix_file import read_matrix
from polybench.runs.plan import Plan
from tests.conftest import REPOSITORY

POOL = PolypPoolDataModule
PLANS = REPOSITORY / "conf" / "plans"
NAMES = sorted({row.plan for row in printed_rows()})
TABLES = list(dict.fromkeys((row.paper, row.table) for row in printed_rows()))


@cache
def plan(name: str) -> Plan:
    path = PLANS / f"{name}.yaml"
    return read_plan(path) if "stages:" in path.read_text() else read_matrix(path)


def printed(paper: str, table: str) -> list[PrintedNumber]:
    return [one for one in printed_numbers() if (one.paper, one.table) == (paper, table)]


def trained_on(dataset: str) -> set[str]:
    """The dataset's own name, and that of the pool whose test reports it apart."""
    members = {member.short_name: name for name, member in POOL.members.items()}
    reported = any(f"{members.get(dataset)}/" in beginnings for beginnings in POOL.test_sets.values())
    return {dataset, POOL.short_name} if reported else {dataset}


@pytest.mark.parametrize(("paper", "table"), TABLES)
def test_each_printed_row_is_a_cell_of_the_plan_or_says_why_not(paper: str, table: str) -> None:
    rows = {(one.method, one.backbone): one for one in printed_rows() if (one.paper, one.table) == (paper, table)}
    numbers = printed(paper, table)
    assert {(one.method, one.backbone) for one in numbers} == {key for key in rows if key[0]}
    for one in numbers:
        row = rows[one.method, one.backbone]
        if row.row:
            names = {row.row, *(f"{row.row}_{dataset}" for dataset in trained_on(one.dataset))}
            assert names & plan(row.plan).stages.keys(), row
        assert bool(row.row) != bool(row.reason), row


@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith("transfer")])
def test_a_plan_has_no_row_that_its_tables_lack(name: str) -> None:
    rows = {row.row for row in printed_rows() if row.plan == name and row.row}
    assert all(any(stage.startswith(f"{row}_") for row in rows) for stage in plan(name).stages)
    assert not [row for row in printed_rows() if not row.method and not row.reason]


def test_every_table_that_a_matrix_makes_has_its_rows_listed() -> None:
    made = {
        (one.paper, one.place.removeprefix("Table "), Path(one.command.split()[-1]).stem)
        for one in places()
        if one.command.startswith("polybench matrix") and one.state != "reduced" and one.place.startswith("Table")
    }
    assert made <= {(row.paper, row.table, row.plan) for row in printed_rows()}


@pytest.mark.parametrize(("paper", "table"), TABLES)
def test_each_printed_column_is_a_metric_of_its_protocol_or_says_why_not(paper: str, table: str) -> None:
    metrics = {protocol.name: set(protocol.directions) for protocol in PROTOCOLS}
    columns = {(one.paper, one.metric): one for one in printed_columns()}
    for number in printed(paper, table):
        column = columns[paper, number.metric]
        if column.column:
            assert column.protocol == number.protocol
            assert column.column in metrics[column.protocol]
        assert bool(column.column) != bool(column.reason)


@pytest.mark.parametrize("name", ["fanet_table_xi", "efen_table_1"])
def test_a_reduced_plan_has_the_rows_of_the_full_one_and_says_so_in_each_name(name: str) -> None:
    full, reduced = plan(name).stages, plan(f"{name}_reduced").stages
    assert list(reduced) == list(full)
    for stage in reduced.values():
        assert "reduced" in stage.options["name"]
        assert stage.options["budget"] == "reduced"
