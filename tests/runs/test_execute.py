"""Runs of a plan as processes: failures, signals, and folders in use."""

import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from polybench.core.errors import ConfigError
from polybench.experiments.again import Again
from polybench.runs import execute as run_cells
from polybench.runs import read_plan
from polybench.runs.cell import Cell, cells_of
from polybench.runs.execute import CellError, StoppedError
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


def stand_in(folder: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> list[Cell]:
    """Two independent runs, in whose processes a few lines of Python stand in for polybench."""
    script = folder / "stand_in"
    head = f"#!{sys.executable}\nimport os, pathlib, signal, sys, time\n"
    where = "folder = pathlib.Path(sys.argv[-1])\n"
    script.write_text(head + where + body)
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))
    return cells_of(read_plan(write(folder, INDEPENDENT)), folder / "runs", folder / "leaderboards")


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
    pids: list[int] = []

    def send(found: list[int]) -> None:
        pids.extend(found)
        for pid in [*found, os.getpid()] if number == signal.SIGINT else [os.getpid()]:
            os.kill(pid, number)  # a terminal sends Ctrl-C to all of them

    when_ready(cells, send)
    before = signal.getsignal(number)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a suite that runs in the background ignores it
    with pytest.raises(StoppedError, match=f"by {number.name} while A-s0, B-s0 ran: the same command") as error:
        run_cells(cells, AGAIN, jobs=2, report=lambda line: None)
    signal.signal(number, before)
    assert error.value.exit_code == code
    assert all((cell.folder / "saved").is_file() for cell in cells)
    assert [(cell.folder / "cell.lock").read_text() for cell in cells] == [str(pid) for pid in pids]
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


@pytest.mark.parametrize(("code", "expected"), [(2, 2), (1, 1), (137, 1)])
def test_wrong_configuration_of_a_run_is_that_of_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, expected: int
) -> None:
    cells = stand_in(tmp_path, monkeypatch, f"print('this is why')\nsys.exit({code})")
    with pytest.raises(CellError, match=f"exit code {code}(?s:.*)this is why") as error:
        run_cells(cells, AGAIN, report=lambda line: None)
    assert error.value.exit_code == expected
    assert not cells[1].folder.exists()


def test_folder_in_use_names_the_process_and_the_other_runs_are_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells = stand_in(tmp_path, monkeypatch, SAVES_ON_SIGTERM)
    cells[1].folder.mkdir(parents=True)
    with (cells[1].folder / "cell.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write("4711")
        lock.flush()
        with pytest.raises(ConfigError, match="Process 4711 is at work in"):
            run_cells(cells, AGAIN, jobs=2, report=lambda line: None)
    pid = int((cells[0].folder / "cell.lock").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


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
    with pytest.raises(ProcessLookupError):
        os.kill(int((folder / "cell.lock").read_text()), 0)
