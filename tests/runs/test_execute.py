"""Runs of a plan as processes: failures, signals, and folders in use."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml

from polybench.experiments.again import Again
from polybench.runs import execute as run_cells
from polybench.runs import read_plan
from polybench.runs.cell import Cell, cells_of
from polybench.runs.execute import CellError, Options, StoppedError
from polybench.runs.launch import LocalLauncher
from polybench.runs.lease import is_free, leased, leased_run, run_lease
from polybench.runs.request import note_record
from tests.cli.recipes import write_stage
from tests.runs.test_plan import write
from tests.waiting import until

AGAIN = Again("command", ())
REPOSITORY = str(Path(__file__).parents[2])
INDEPENDENT = "name: p\nstages: {A: {recipe: a.yaml}, B: {recipe: a.yaml}}"
SAVES_ON_SIGTERM = """
def save(number, frame):
    (folder / "saved").touch()
    sys.exit(143)
signal.signal(signal.SIGTERM, save)
(folder / "ready").write_text(str(os.getpid()))
signal.pause()
"""


FINISHES = """
record = folder.parents[2] / "leaderboards" / "record.json"
record.parent.mkdir(exist_ok=True)
record.write_text("{}")
(folder / "done.json").write_text('{"record": "%s"}' % record.resolve())
"""


def stand_in(folder: Path, monkeypatch: pytest.MonkeyPatch, body: str, plan: str = INDEPENDENT) -> list[Cell]:
    """Cells, by default two independent ones, in whose processes a few lines of Python stand in for polybench."""
    folder.mkdir(exist_ok=True)
    script = folder / "stand_in"
    head = f"#!{sys.executable}\nimport os, pathlib, signal, sys, time\n"
    where = "folder = pathlib.Path(sys.argv[-1])\n"
    script.write_text(head + where + body)
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))
    return cells_of(read_plan(write(folder, plan)), folder / "runs", folder / "leaderboards")


def when_ready(cells: list[Cell], then: Callable[[list[int]], None]) -> None:
    """Do something, in a thread, with the processes of all runs as soon as they can save."""

    def wait() -> None:
        ready = [cell.folder / "ready" for cell in cells]
        while not all(path.is_file() and path.read_text() for path in ready):
            time.sleep(0.02)
        then([int(path.read_text()) for path in ready])

    threading.Thread(target=wait, daemon=True).start()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_signal_has_all_runs_save_before_the_command_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals, code: int
) -> None:
    cells = stand_in(tmp_path, monkeypatch, SAVES_ON_SIGTERM)
    pids, lines = list[int](), list[str]()

    def send(found: list[int]) -> None:
        pids.extend(found)
        for pid in [*found, os.getpid()] if number == signal.SIGINT else [os.getpid()]:
            os.kill(pid, number)  # a terminal sends Ctrl-C to all of them

    when_ready(cells, send)
    before = signal.getsignal(number)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a suite that runs in the background ignores it
    with pytest.raises(StoppedError, match=f"by {number.name} while A-s0, B-s0 ran: the same command") as error:
        run_cells(cells, AGAIN, Options(LocalLauncher(jobs=2), report=lines.append))
    signal.signal(number, before)
    assert error.value.exit_code == code
    assert all((cell.folder / "saved").is_file() for cell in cells)
    assert [line for line in lines if "failed" in line] == []
    assert lines[-1] == f"B-s0: stopped, log in '{cells[1].folder / 'log.txt'}'"
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


@pytest.mark.parametrize(("code", "expected"), [(2, 2), (1, 1), (137, 1)])
def test_first_failure_ends_a_plan_with_the_code_of_its_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, expected: int
) -> None:
    cells = stand_in(tmp_path, monkeypatch, f"print('this is why')\nsys.exit({code})")
    ended = run_cells(cells, AGAIN, Options(report=lambda line: None))
    error = ended.failed["A-s0"]
    assert f"exit code {code}" in str(error)
    assert "this is why" in str(error)
    assert isinstance(error, CellError)
    assert error.exit_code == expected
    assert ended.left == [cells[1]]
    assert not cells[1].folder.exists()


def test_other_cells_go_on_after_one_has_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    body = "if 'A-s0' in str(folder): sys.exit(1)\n" + FINISHES
    cells = stand_in(tmp_path, monkeypatch, body)
    ended = run_cells(cells, AGAIN, Options(goes_on=True, report=lambda line: None))
    assert list(ended.failed) == ["A-s0"]
    assert [one.cell.name for one in ended.outcomes] == ["B-s0"]
    assert not ended.left


def test_cell_that_needs_a_failed_one_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    body = "if 'A-s0' in str(folder): sys.exit(1)\n" + FINISHES
    chain = "name: p\nstages: {A: {recipe: a.yaml}, B: {recipe: a.yaml, inputs: {encoder: A}}, C: {recipe: a.yaml}}"
    cells = stand_in(tmp_path, monkeypatch, body, chain)
    ended = run_cells(cells, AGAIN, Options(goes_on=True, report=lambda line: None))
    assert [cell.name for cell in ended.left] == ["B-s0"]
    assert [one.cell.name for one in ended.outcomes] == ["C-s0"]


def test_folder_that_takes_no_file_fails_its_cell_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cells = stand_in(tmp_path, monkeypatch, FINISHES)
    cells[0].folder.parent.mkdir(parents=True)
    cells[0].folder.write_text("a file in the place of the folder")
    ended = run_cells(cells, AGAIN, Options(goes_on=True, report=lambda line: None))
    assert str(cells[0].folder.name) in str(ended.failed["A-s0"])
    assert [one.cell.name for one in ended.outcomes] == ["B-s0"]


def test_cell_of_another_process_is_waited_for_and_its_record_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells = stand_in(tmp_path, monkeypatch, FINISHES)
    cells[0].folder.mkdir(parents=True)
    waits, lines = threading.Event(), list[str]()

    def report(line: str) -> None:
        lines.append(line)
        if "waits for it" in line:
            waits.set()

    def work_there() -> None:
        waits.wait()
        record = tmp_path / "leaderboards" / "record.json"
        record.parent.mkdir(exist_ok=True)
        record.write_text("{}")
        note_record(cells[0].folder, record)
        held.close()

    held = ExitStack()
    held.enter_context(leased(cells[0].folder, lambda: None))
    thread = threading.Thread(target=work_there, daemon=True)
    thread.start()
    ended = run_cells(cells, AGAIN, Options(report=report, retry_seconds=0.01))
    thread.join()
    assert [(one.cell.name, one.skipped) for one in ended.outcomes] == [("A-s0", True), ("B-s0", False)]
    assert f"A-s0: process {os.getpid()} is at work in '{cells[0].folder}', waits for it" in lines
    assert "A-s0: finished elsewhere, see record.json" in lines


def test_cell_that_another_process_left_unfinished_is_run_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cells = stand_in(tmp_path, monkeypatch, FINISHES)
    cells[0].folder.mkdir(parents=True)
    held = ExitStack()
    held.enter_context(leased(cells[0].folder, lambda: None))

    def report(line: str) -> None:
        if "waits for it" in line:
            held.close()

    ended = run_cells(cells, AGAIN, Options(report=report, retry_seconds=0.01))
    assert [(one.cell.name, one.skipped) for one in ended.outcomes] == [("A-s0", False), ("B-s0", False)]


def test_same_run_in_another_folder_is_waited_for_and_its_record_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells = stand_in(tmp_path, monkeypatch, FINISHES)
    lease, elsewhere = run_lease(tmp_path / "leaderboards", "a"), tmp_path / "leaderboards" / "elsewhere.json"
    held, lines = ExitStack(), list[str]()
    held.enter_context(leased_run(lease, lambda: None))

    def report(line: str) -> None:
        lines.append(line)
        if "waits for it" in line:
            elsewhere.touch()
            held.close()

    def recorded(cell: Cell) -> Path | None:
        return elsewhere if cell.name == "A-s0" and elsewhere.exists() else None

    options = Options(
        report=report,
        recorded=recorded,
        run_lease=lambda cell: lease if cell.name == "A-s0" else None,
        retry_seconds=0.01,
    )
    ended = run_cells(cells, AGAIN, options)
    assert (ended.outcomes[0].record, ended.outcomes[0].skipped) == (elsewhere, True)
    assert f"A-s0: process {os.getpid()} is at work on the same run in another folder, waits for it" in lines
    assert not (cells[0].folder / "done.json").exists()


def test_threads_are_divided_among_the_cells_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)))
    body = "(folder / 'threads').write_text(os.environ.get('OMP_NUM_THREADS', 'all'))\n" + FINISHES
    for jobs, expected in ((1, "all"), (3, "2")):
        cells = stand_in(tmp_path / str(jobs), monkeypatch, body)
        run_cells(cells, AGAIN, Options(LocalLauncher(jobs=jobs), report=lambda line: None))
        assert [(cell.folder / "threads").read_text() for cell in cells] == 2 * [expected]


def test_each_device_has_a_cell_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    body = "(folder / 'device').write_text(os.environ['CUDA_VISIBLE_DEVICES'])\n" + FINISHES
    cells = stand_in(tmp_path, monkeypatch, body)
    run_cells(cells, AGAIN, Options(LocalLauncher(["3", "5"]), report=lambda line: None))
    assert [(cell.folder / "device").read_text() for cell in cells] == ["3", "5"]


@pytest.mark.slow
def test_terminated_plan_saves_its_stage_and_leaves_no_process(tmp_path: Path, data_root: Path) -> None:
    write_stage(tmp_path, data_root, "patches", None, max_epochs=100000, callbacks=[])
    plan = {"name": "tiny", "options": {"budget": "smoke"}, "stages": {"C1": {"recipe": "patches.yaml"}}}
    (tmp_path / "plan.yaml").write_text(yaml.safe_dump(plan))
    transfer = subprocess.Popen(
        [sys.executable, "-m", "polybench", "transfer", "--config", "plan.yaml"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": REPOSITORY},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    folder = tmp_path / "runs/plans/tiny/C1-s0"
    until((folder / "checkpoints/last.ckpt").exists, transfer)
    transfer.send_signal(signal.SIGTERM)
    output, _ = transfer.communicate()
    assert transfer.returncode == 143, output
    assert "Interrupted by SIGTERM while C1-s0 ran: the same command resumes there." in output
    assert (folder / "checkpoints/interrupted.ckpt").is_file()
    assert is_free(folder)
