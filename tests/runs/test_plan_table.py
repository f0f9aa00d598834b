"""The table of a plan's runs: their states, and the time that is left by those that are finished."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from polybench.cli.main import run
from polybench.results.record import write_record
from polybench.results.render import terminal
from polybench.runs import plan_table as module
from polybench.runs.cell import Cell, cells_of
from polybench.runs.finetune_file import read_study
from polybench.runs.plan_table import plan_table
from tests.conftest import REPOSITORY
from tests.results.factory import table, trained
from tests.runs.test_finetune_file import write

STUDY = "name: study\nseeds: [0, 1]\nrecipe: a.yaml\ndepths: [head, fc7]\n"


def test_runs_have_states_and_times(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cells = cells_of(read_study(write(tmp_path, STUDY)).plan, tmp_path / "runs", tmp_path)
    before = plan_table(cells)
    assert [row[:2] for row in before.rows] == [
        (name, "to do") for name in ("head+100-s0", "fc7+100-s0", "head+100-s1", "fc7+100-s1")
    ]
    assert before.notes == ("4 runs, 4 to run.",)
    record = trained(table([0.5, 0.6]))
    assert record.training is not None
    record = replace(record, training=replace(record.training, wall_seconds=60.0))
    path = write_record(record, table([0.5, 0.6]), tmp_path)
    done = cells[0].name
    monkeypatch.setattr(Cell, "state", lambda cell: "finished" if cell.name == done else "to do")
    monkeypatch.setattr(Cell, "finished", lambda cell: path if cell.name == done else None)
    after = module.plan_table(cells)
    assert terminal.plain_text(after.rows[0][2]) == "1 min 0 s"
    assert after.notes == (
        "4 runs, 3 to run.",
        "About 3 min 0 s of training, if each takes as long as the mean of the 1 that are finished.",
    )


def test_finetune_lists_its_runs_without_further_options(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("POLYBENCH_DATA", str(tmp_path))
    study = str(REPOSITORY / "conf" / "plans" / "finetune_kvasir_seg_lite0.yaml")
    assert run(["finetune", "--config", study, "--list"]) == 0
    printed = capsys.readouterr().out
    assert "48 runs, 48 to run." in printed
    assert re.search("detector-s0 +│ no data", printed)
    assert "There is no folder" in printed
