"""Processes that torchrun or Slurm starts train together; what can't work is refused before."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import pytest

from polybench.cli.main import run
from tests.conftest import REPOSITORY
from tests.training_kinds import BATCH, KINDS, write
from tests.waiting import free_port

RECORDER = ("--trainer.callbacks+=tests.cli.recorder.Checksum", "--trainer.callbacks.folder=hashes")
QUICK = ("--trainer.accelerator", "cpu", "--trainer.max_epochs", "1", *RECORDER)


def finished(folder: Path, command: list[str], variables: Mapping[str, str] | None = None, times: int = 1) -> str:
    """The output of a command that succeeds, started as often as there are machines."""
    place = {**os.environ, "PYTHONPATH": str(REPOSITORY), **(variables or {})}
    pipe, errors = subprocess.PIPE, subprocess.STDOUT
    started = [
        subprocess.Popen(command, cwd=folder, env=place, stdout=pipe, stderr=errors, text=True) for _ in range(times)
    ]
    outputs = [process.communicate()[0] for process in started]
    assert not any(process.returncode for process in started), "\n".join(outputs)
    return "".join(outputs)


def assert_in_step(folder: Path) -> None:
    one, two = ((folder / "hashes" / f"{rank}.txt").read_text().split() for rank in (0, 1))
    assert one == two
    assert len(set(one)) == 3  # the first, and one after each step


@pytest.mark.ddp
@pytest.mark.slow
def test_torchrun_on_two_machines_trains_and_tests_as_one_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    recipe = write(tmp_path, KINDS["segmentation"])
    words = ["fit", "--config", str(recipe), *QUICK, "--trainer.num_nodes", "2", "--trainer.devices", "1"]
    place = ["--rdzv_backend", "c10d", "--rdzv_endpoint", f"127.0.0.1:{free_port()}"]
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nnodes", "2", "--nproc_per_node", "1", *place]
    output = finished(tmp_path, [*launcher, "-m", "polybench", *words, "--trainer.strategy", "ddp"], times=2)
    assert_in_step(tmp_path)
    [folder] = (tmp_path / "runs" / "tiny-s0").iterdir()  # both chose one folder
    assert len(list((tmp_path / "leaderboards" / "records" / "clinicdb").glob("tiny-*.json"))) == 1
    assert output.count("Note: images of 32x32") == 1
    best = ["--ckpt_path", str(folder / "checkpoints" / "best.ckpt"), "--trainer.default_root_dir", "again"]
    assert run(["test", *words[1:3], *QUICK[:2], *best]) == 0
    pd.testing.assert_frame_equal(pd.read_csv(folder / "record.csv"), pd.read_csv("again/test_rows.csv"))


SRUN = """#!{python}
# What srun does on one machine: a process for each task, with Slurm's variables.
import os, subprocess, sys
words = [word for word in sys.argv[1:] if not word.startswith("--kill-on-bad-exit")]
assert words.pop(0) == "polybench"
tasks = int(os.environ["SLURM_NTASKS"])
each = tasks // int(os.environ["SLURM_NNODES"])
started = []
for task in range(tasks):
    place = {{"SLURM_PROCID": str(task), "SLURM_LOCALID": str(task % each), "SLURM_NODEID": str(task // each)}}
    place["SLURM_STEP_ID"] = "0"
    started.append(subprocess.Popen(["{python}", "-m", "polybench", *words], env=os.environ | place))
codes = [process.wait() for process in started]
sys.exit(max(code if code >= 0 else 128 - code for code in codes))
"""


@pytest.mark.ddp
@pytest.mark.slow
def test_the_slurm_script_trains_on_two_machines(tmp_path: Path) -> None:
    recipe = write(tmp_path, KINDS["segmentation"])
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    (bin_folder / "srun").write_text(SRUN.format(python=sys.executable))
    (bin_folder / "srun").chmod(0o755)
    job = {"SLURM_JOB_ID": "4711", "SLURM_NNODES": "2", "SLURM_NTASKS": "2", "SLURM_NTASKS_PER_NODE": "1"}
    job |= {"SLURM_JOB_NAME": "polybench", "SLURM_NODELIST": "127.0.0.1", "SLURM_CPUS_PER_TASK": "1"}
    job["PATH"] = f"{bin_folder}{os.pathsep}{os.environ['PATH']}"
    script = ["bash", str(REPOSITORY / "tools" / "slurm" / "ddp.sbatch"), "--config", str(recipe), *QUICK]
    output = finished(tmp_path, script, job)
    assert_in_step(tmp_path)
    assert (tmp_path / "runs" / "slurm-4711" / "checkpoints" / "last.ckpt").exists()
    assert output.count("Note: images of 32x32") == 1
    longer = ["--trainer.max_epochs", "2"]
    assert "--ckpt_path" not in output
    finished(tmp_path, [*script, *longer], job)  # queued again: it goes on
    one = (tmp_path / "hashes" / "0.txt").read_text().split()
    assert len(one) == 3


def test_the_slurm_script_queues_a_job_again_that_has_saved_its_state(tmp_path: Path) -> None:
    stubs = {"srun": "#!/bin/sh\nexit 143\n", "scontrol": '#!/bin/sh\necho "$@" > asked.txt\n'}
    for name, text in stubs.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    job = {"SLURM_JOB_ID": "4711", "SLURM_NNODES": "2", "SLURM_NTASKS_PER_NODE": "1"}
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    script = ["bash", str(REPOSITORY / "tools" / "slurm" / "ddp.sbatch")]
    done = subprocess.run(script, cwd=tmp_path, env={**os.environ, **job, "PATH": path}, check=False)
    assert done.returncode == 143
    assert (tmp_path / "asked.txt").read_text() == "requeue 4711\n"


REFUSED = {
    "batch": (["--trainer.devices", "4"], f"A batch of {BATCH} can't be shared equally by 4 processes"),
    "nodes": (["--trainer.num_nodes", "2"], "--trainer.num_nodes 2 waits for processes of other machines"),
    "batch norm": (["--trainer.devices", "2", "--trainer.sync_batchnorm", "true"], "on CUDA devices alone"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_work_is_refused_before_any_process_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    recipe = write(tmp_path, KINDS["segmentation"])
    options, message = REFUSED[name]
    words = ["--trainer.strategy", "ddp", "--trainer.accelerator", "cpu", *options]
    assert run(["fit", "--config", str(recipe), *words]) == 2
    assert message in capsys.readouterr().err
