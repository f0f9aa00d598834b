"""Many commands on the same cells at once: each cell is run once."""

import multiprocessing
import os
import sys
from pathlib import Path

import pytest

from polybench.runs import execute, read_plan
from polybench.runs.cell import Cell, cells_of
from polybench.runs.execute import Options
from tests.runs.test_plan import write

PLAN = "name: p\nstages: {A: {recipe: a.yaml}, B: {recipe: a.yaml}, C: {recipe: a.yaml}, D: {recipe: a.yaml}}"
COMMANDS = 16
WORKER = """
import os, pathlib, sys
sys.path.insert(0, {repository!r})
from polybench.runs import worker
from polybench.runs.request import note_record
def work(folder):
    with (folder / "runs.txt").open("a") as file:
        file.write(f"{{os.getpid()}}\\n")
    record = folder.parents[2] / "leaderboards" / f"{{folder.name}}.json"
    record.parent.mkdir(exist_ok=True)
    record.write_text("{{}}")
    note_record(folder, record)
    return 0
worker.work = work
sys.exit(worker.main(pathlib.Path(sys.argv[-1])))
"""


def one_command(cells: list[Cell], barrier: "multiprocessing.synchronize.Barrier", folder: Path) -> None:
    barrier.wait()
    ended = execute(cells, None, Options(goes_on=True, report=lambda line: None, retry_seconds=0.05))
    names = [one.cell.name for one in ended.outcomes]
    (folder / f"ended-{os.getpid()}").write_text(" ".join([*names, *ended.failed]))


@pytest.mark.slow
def test_sixteen_commands_run_each_cell_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "worker"
    script.write_text(f"#!{sys.executable}\n" + WORKER.format(repository=str(Path(__file__).parents[2])))
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))
    cells = cells_of(read_plan(write(tmp_path, PLAN)), tmp_path / "runs", tmp_path / "leaderboards")
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(COMMANDS)
    commands = [context.Process(target=one_command, args=(cells, barrier, tmp_path)) for _ in range(COMMANDS)]
    for command in commands:
        command.start()
    for command in commands:
        command.join()
    assert [command.exitcode for command in commands] == COMMANDS * [0]
    assert [len((cell.folder / "runs.txt").read_text().splitlines()) for cell in cells] == 4 * [1]
    ended = [path.read_text() for path in tmp_path.glob("ended-*")]
    assert ended == COMMANDS * ["A-s0 B-s0 C-s0 D-s0"]
