"""The lease of a cell: one process at a time, taken over when its owner is gone."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from polybench.core.atomic import atomic_write_text
from polybench.runs import lease, worker
from polybench.runs.lease import BUSY, BusyError, Looks, holder, is_free, leased
from polybench.runs.request import Request, note_record

OWNER = """
import pathlib, signal, sys
from polybench.runs.lease import leased
with leased(pathlib.Path(sys.argv[1]), lambda: None):
    print("held", flush=True)
    signal.pause()
"""


def test_second_process_is_refused_while_the_first_holds_it(tmp_path: Path) -> None:
    with leased(tmp_path, lambda: None):
        assert holder(tmp_path) == os.getpid()
        assert not is_free(tmp_path)
        with pytest.raises(BusyError), leased(tmp_path, lambda: None, seconds=0):
            pass
    assert is_free(tmp_path)
    assert holder(tmp_path) is None


def test_lease_of_a_process_that_was_killed_is_taken_over_at_once(tmp_path: Path) -> None:
    owner = subprocess.Popen([sys.executable, "-c", OWNER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    assert owner.stdout.readline() == "held\n"
    assert not is_free(tmp_path)
    owner.send_signal(signal.SIGKILL)
    owner.communicate()
    with leased(tmp_path, lambda: None):
        assert holder(tmp_path) == os.getpid()


def test_silent_lease_of_another_machine_is_taken_over_and_its_owner_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "SILENT", 0.6)
    lost = threading.Event()
    with leased(tmp_path, lost.set):
        path = tmp_path / lease.LEASE
        elsewhere = path.read_text().replace(os.uname().nodename, "elsewhere")
        atomic_write_text(path, elsewhere)  # another file in its place, as of a machine that took it over
        assert lost.wait(10)
        looks, start = Looks(), time.monotonic()
        while not looks.is_free(tmp_path):
            time.sleep(0.02)
        assert time.monotonic() - start >= 0.6


def test_empty_lease_of_a_crash_is_taken_over(tmp_path: Path) -> None:
    (tmp_path / lease.LEASE).touch()
    looks = Looks()
    assert not looks.is_free(tmp_path)
    os.utime(tmp_path / lease.LEASE, (0, 0))
    assert not looks.is_free(tmp_path)
    assert looks.is_free(tmp_path)
    with leased(tmp_path, lambda: None):
        assert holder(tmp_path) == os.getpid()


def test_worker_leaves_a_cell_at_which_another_works(tmp_path: Path) -> None:
    with leased(tmp_path, lambda: None):
        assert worker.main(tmp_path) == BUSY


def test_worker_leaves_a_run_that_another_folder_has_in_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, folder = lease.run_lease(tmp_path / "board", "a"), tmp_path / "cell"
    folder.mkdir()
    Request("fit", (), (), "", (), shared_start=False, leaderboard=str(tmp_path), run_lease=str(path)).write(folder)
    monkeypatch.setattr(worker, "work", lambda folder: 7)
    with lease.leased_run(path, lambda: None):
        assert worker.main(folder) == BUSY
    assert worker.main(folder) == 7
    assert (path.parent / ".gitignore").read_text() == "*\n"
    assert not path.exists()


@pytest.mark.parametrize(("leaderboard", "code"), [("here", 0), ("elsewhere", 7)])
def test_worker_runs_no_cell_whose_record_is_in_its_leaderboard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, leaderboard: str, code: int
) -> None:
    record = tmp_path / "here" / "record.json"
    record.parent.mkdir()
    record.write_text("{}")
    Request("fit", (), (), "", (), shared_start=False, leaderboard=str(tmp_path / leaderboard)).write(tmp_path)
    note_record(tmp_path, record)
    monkeypatch.setattr(worker, "work", lambda folder: 7)
    assert worker.main(tmp_path) == code


@pytest.mark.parametrize("name", ["RANK", "LOCAL_RANK", "SLURM_PROCID"])
def test_only_the_first_process_of_a_run_takes_the_lease(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "1")
    monkeypatch.setattr(worker, "work", lambda folder: 7)
    with leased(tmp_path, lambda: None):
        assert worker.main(tmp_path) == 7
