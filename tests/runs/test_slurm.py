"""Cells as tasks of Slurm's arrays: submitted, saved and queued again, in order, once."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from polybench.cli.main import run
from polybench.runs.cell import Cell
from polybench.runs.launch.slurm import CellTask, SlurmJobs
from polybench.runs.submit import JOB
from tests.cli.recorder import HOLD
from tests.cli.test_plans import write_plan
from tests.runs import slurm_stub
from tests.runs.launched import records_of, words, write_matrix

REPOSITORY = str(Path(__file__).parents[2])
CHAIN = "name: p\nstages: {A: {recipe: a.yaml}, B: {recipe: a.yaml, inputs: {encoder: A}}, C: {recipe: a.yaml}}"


@pytest.fixture
def stub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the stub's state; the current folder is that of the test."""
    folder = tmp_path / "slurm"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{slurm_stub.link_commands(tmp_path / 'bin')}:{os.environ['PATH']}")
    monkeypatch.setenv("SLURM_STUB", str(folder))
    monkeypatch.setenv("PYTHONPATH", REPOSITORY)
    monkeypatch.chdir(tmp_path)
    return folder


def wait(stub: Path, found: Callable[[], object]) -> None:
    """Wait until something is found; a job that fails is shown."""
    while not found():
        if any(path.read_text() == "FAILED" for path in stub.glob("*.state")):
            pytest.fail("\n".join(path.read_text() for path in stub.parent.glob("two/*/slurm/*.out")))
        time.sleep(0.02)


def are_completed(stub: Path, jobs: int) -> bool:
    return [path.read_text() for path in stub.glob("*.state")] == jobs * ["COMPLETED"]


@pytest.mark.slow
def test_array_that_is_queued_again_once_leaves_the_records_of_the_local_launcher(
    stub: Path, tmp_path: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    hold = tmp_path / "hold"
    monkeypatch.setenv(HOLD, str(hold))
    matrix = write_matrix(tmp_path, data_root)
    assert run(words("matrix", matrix, "one")) == 0
    hold.touch()
    submits = words("matrix", matrix, "two", "--launcher", "slurm")
    assert run(submits) == 0
    assert "tiny_clinicdb-s1: job 100_1." in capsys.readouterr().out
    wait(stub, lambda: hold.is_file() and hold.read_text())
    assert run(submits) == 0
    assert "tiny_clinicdb-s0: in the queue already, job 100_0." in capsys.readouterr().out
    subprocess.run(["scancel", "--signal", "100_0"], check=True)
    wait(stub, lambda: are_completed(stub, 2))
    assert (stub / "100_0.requeue").exists()
    assert "scontrol requeue 100_0" in (stub / "calls.txt").read_text()
    output = (tmp_path / "two/m/slurm/100_0_0_log.out").read_text()
    assert "tiny_clinicdb-s0: resumes" in output
    assert run(submits) == 0
    assert "Report: two-board/plans/m.md" in capsys.readouterr().out
    assert records_of(Path("two-board")) == records_of(Path("one-board"))
    assert len([name for name in records_of(Path("two-board")) if name.startswith("tiny")]) == 2
    assert len(list(stub.glob("*.sh"))) == 1


@pytest.mark.slow
def test_stages_are_run_after_those_whose_files_they_take(
    stub: Path, tmp_path: Path, data_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    submits = words("transfer", write_plan(tmp_path, data_root), "two", "--launcher", "slurm")
    assert run(submits) == 0
    assert capsys.readouterr().out.splitlines()[:3] == [
        "C1-s0: job 100.",
        "S2-s0: job 101, after 100.",
        "S2+C1-s0: job 102, after 101.",
    ]
    wait(stub, lambda: are_completed(stub, 3))
    assert run(submits) == 0
    assert (tmp_path / "two-board/plans/tiny.md").is_file()


def test_cell_gets_project_and_group_and_fails_as_its_command_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SLURM_NTASKS", "1")
    before = signal.getsignal(signal.SIGTERM)
    task = CellTask(["sh", "-c", "env; pwd; echo $@; exit 3", "matrix"], {"WANDB_RUN_GROUP": "m"}, tmp_path)
    with pytest.raises(SystemExit, match="3"):
        task("tiny-s0")
    signal.signal(signal.SIGTERM, before)
    lines = capfd.readouterr().out.splitlines()
    assert "WANDB_RUN_GROUP=m" in lines
    assert not [line for line in lines if line.startswith("SLURM_NTASKS")]
    assert lines[-2:] == [str(tmp_path), "--cell tiny-s0"]


def test_submitted_cells_carry_the_project(
    stub: Path, tmp_path: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_matrix(tmp_path, data_root)
    found: list[SlurmJobs] = []

    def note(cells: Sequence[Cell], jobs: SlurmJobs) -> list[str]:
        found.append(jobs)
        return []

    monkeypatch.setattr("polybench.runs.submit.submit", note)
    assert run(dry("--wandb", "lab")) == 0
    assert found[0].variables == {"POLYBENCH_WANDB_PROJECT": "lab", "WANDB_RUN_GROUP": "m"}
    assert found[0].words == words("matrix", Path("matrix.yaml"), "runs")


def dry(*more: str) -> list[str]:
    return words("matrix", Path("matrix.yaml"), "runs", "--launcher", "slurm", *more)


def test_dry_run_prints_the_script_and_submits_nothing(
    tmp_path: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_matrix(tmp_path, data_root)
    more = [
        "--gpus",
        "1",
        "--mem",
        "16",
        "--time",
        "90",
        "--jobs",
        "4",
        "--slurm",
        "partition=gpu",
        "--slurm",
        "exclusive",
    ]
    assert run(dry(*more, "--dry_run")) == 0
    lines = capsys.readouterr().out.splitlines()
    expected = (
        "array=0-1%2",
        "time=90",
        "gpus-per-node=1",
        "mem=16384M",
        "partition=gpu",
        "cpus-per-task=1",
        "job-name=m",
    )
    assert {f"#SBATCH --{one}" for one in (*expected, "exclusive", "requeue", "signal=USR2@180")} <= set(lines)
    assert lines[lines.index("#!/bin/bash") + 1] == "# Tasks from 0 on: tiny_clinicdb-s0, tiny_clinicdb-s1"
    assert lines[-2].startswith("srun --unbuffered --output ")
    assert not (tmp_path / "runs").exists()


def test_no_command_of_slurm_is_one_sentence_before_anything_is_read(
    tmp_path: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert run(dry()) == 2
    assert capsys.readouterr().err.startswith("polybench: error: There is no sbatch on this machine: start the command")
    write_matrix(tmp_path, data_root)
    assert run(dry("--commands")) == 0  # which submits nothing


def test_refusal_of_sbatch_is_one_sentence(
    stub: Path, tmp_path: Path, data_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_matrix(tmp_path, data_root)
    assert run(dry("--slurm", f"partition={slurm_stub.REFUSES}")) == 2
    assert "error: sbatch took no cells: sbatch: error: invalid partition" in capsys.readouterr().err
    assert not list((tmp_path / "runs").glob(f"*/*/{JOB}"))


@pytest.mark.parametrize(
    ("more", "error"),
    [
        (["--launcher", "slurm", "--devices", "0"], "--devices is of --launcher local, not of --launcher slurm"),
        (["--gpus", "1"], "--gpus is of --launcher ray and --launcher slurm, not of --launcher local"),
        (["--launcher", "slurm", "--dry_run", "--slurm", "array=0-9"], "polybench sets array itself: leave"),
        (["--launcher", "slurm", "--slurm", "tim=60"], "polybench sets time itself: give --time instead"),
        (["--launcher", "slurm", "--slurm", "partition="], "'partition=' is no option of sbatch"),
        (["--launcher", "slurm", "--slurm", "comment=a\nrm"], "'comment=a\\nrm' is no option of sbatch"),
        (["--jobs", "0"], "--jobs must be at least 1"),
        (["--launcher", "slurm", "--mem", "nan"], "--mem must be at least 0.1"),
    ],
)
def test_options_that_do_not_fit_are_refused(
    tmp_path: Path,
    data_root: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    more: list[str],
    error: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    write_matrix(tmp_path, data_root)
    assert run(words("matrix", Path("matrix.yaml"), "runs", *more)) == 2
    assert error in capsys.readouterr().err


def test_launchers_are_imported_where_they_are_asked_for() -> None:
    code = (
        "import sys, polybench.cli.matrix, polybench.cli.transfer, polybench.runs.submit, polybench.runs.launch.ray\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", code + "print({'ray', 'submitit'} & set(sys.modules))"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout == "set()\n"
