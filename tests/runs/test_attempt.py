"""How an attempt at a cell ended is told from its folder: a failure with its reason, an end from outside without."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from polybench.core.errors import ConfigError
from polybench.runs import worker
from polybench.runs.attempt import attempt
from polybench.runs.lease import leased
from polybench.runs.request import Request
from tests.runs.test_execute import REPOSITORY

KILLED = """
import os, pathlib, signal, sys
sys.path.insert(0, {repository!r})
from polybench.runs import worker
worker.work = lambda folder: os.kill(os.getpid(), signal.SIGKILL)
worker.main(pathlib.Path({folder!r}))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    Request("fit", (), (), "", (), shared_start=False, leaderboard=str(tmp_path / "board")).write(tmp_path)
    return tmp_path


def fail(error: Exception, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def work(folder: Path) -> int:
        raise error

    monkeypatch.setattr(worker, "work", work)
    with pytest.raises(type(error)):
        worker.main(folder)


def test_cell_that_nobody_started_has_no_attempt(tmp_path: Path) -> None:
    assert attempt(tmp_path) is None


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (ConfigError("No such net.\nIts log."), "failed: No such net."),
        (ValueError("3 is odd"), "failed: ValueError: 3 is odd"),
        (ConfigError("x" * 100), f"failed: {'x' * 60}..."),
    ],
)
def test_failure_has_its_reason_in_one_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, state: str
) -> None:
    fail(error, folder, monkeypatch)
    assert attempt(folder) == state


def test_end_from_outside_after_a_failure_is_none(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fail(ConfigError("No such net."), folder, monkeypatch)
    killed = KILLED.format(repository=REPOSITORY, folder=str(folder))
    assert subprocess.run([sys.executable, "-c", killed], check=False).returncode == -signal.SIGKILL
    assert attempt(folder) == "interrupted"


def test_cell_at_which_a_process_works_runs_whatever_became_of_it_before(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail(ConfigError("No such net."), folder, monkeypatch)
    with leased(folder, lambda: None):
        assert attempt(folder) == f"running, process {os.getpid()}"
