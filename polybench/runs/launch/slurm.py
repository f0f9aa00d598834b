"""Cells as tasks of Slurm's job arrays, through submitit; jobs go on when the command that submitted them has ended.

Each task is the same command for one cell, which skips what is finished and resumes what was interrupted. Before the
time of a job is over, and where the site says so before a preemption, Slurm sends the task a signal: the cell saves
where it stands, and submitit puts the task into the queue again. One that is killed without a word, or whose machine
is lost, is queued again by Slurm, and goes on from the last checkpoint.
"""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from polybench.core.errors import ConfigError
from polybench.runs.launch.base import Needs, cell_environment

if TYPE_CHECKING:
    from submitit.helpers import DelayedSubmission

SAVE_SECONDS = 180
"""Between the signal and the end of a job: time to save."""

REQUEUES = 20
"""How often a cell goes on in a next job after its time was over."""

OURS = {
    **dict.fromkeys(("array", "dependency", "error", "job-name", "open-mode", "output", "requeue", "signal")),
    **dict.fromkeys(("nodes", "ntasks", "ntasks-per-node")),
    **dict.fromkeys(("gpus", "gpus-per-node"), "--gpus"),
    **{"cpus-per-task": "--cpus", "mem": "--mem", "time": "--time"},
}
"""Option of sbatch that polybench sets itself -> the option for it; None where it always is the same."""


@dataclass(frozen=True)
class SlurmJobs:
    """How cells are submitted.

    Attributes:
        name: The jobs' name: that of the plan.
        folder: Where scripts and output of the jobs go.
        words: The command line of all cells; `--cell NAME` makes it that of one.
        needs: What each cell gets.
        minutes: Time of each job.
        jobs: Cells at once; None for as many as Slurm starts.
        options: Further options of sbatch -> value; True for those that take none.
        variables: Environment variables of the cells, beside those of the command.
    """

    name: str
    folder: Path
    words: Sequence[str]
    needs: Needs
    minutes: int
    jobs: int | None = None
    options: Mapping[str, str | bool] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)

    def parameters(self, cells: int, after: Sequence[str]) -> dict[str, Any]:
        """What submitit calls the options of an array.

        Args:
            cells: How many cells it has.
            after: Jobs that must have ended before it starts.
        """
        needs = self.needs
        return {
            "job_name": self.name,
            "time": self.minutes,
            "nodes": 1,
            "ntasks_per_node": 1,
            "cpus_per_task": needs.cpus,
            "gpus_per_node": needs.gpus or None,
            "mem": None if needs.memory is None else f"{needs.memory * 1024:.0f}M",
            "dependency": f"afterany:{':'.join(after)}" if after else None,
            "array_parallelism": self.jobs or cells,
            "signal_delay_s": SAVE_SECONDS,
            "stderr_to_stdout": True,
            "srun_args": [f"--cpus-per-task={needs.cpus}"],  # since Slurm 22.05 a step doesn't take it from its job
            "additional_parameters": {"requeue": True, **self.options},
        }

    def script(self, cells: int, after: Sequence[str]) -> str:
        """The script of an array, as it would be submitted."""
        from submitit.slurm.slurm import _make_sbatch_string  # no public function of submitit shows a script

        command = shlex.join([sys.executable, "-u", "-m", "submitit.core._submit", str(self.folder)])
        count = None if cells == 1 else cells
        return _make_sbatch_string(command, self.folder, map_count=count, **self.parameters(cells, after))

    def submit(self, names: Sequence[str], after: Sequence[str]) -> list[str]:
        """Submit cells as one array.

        Args:
            names: The cells.
            after: Jobs that must have ended before they start.

        Returns:
            A job for each of them.

        Raises:
            ConfigError: If sbatch refuses them.
        """
        import submitit

        executor = submitit.SlurmExecutor(self.folder, max_num_timeout=REQUEUES)
        executor.update_parameters(**self.parameters(len(names), after))
        task = CellTask([sys.executable, "-m", "polybench", *self.words], self.variables, Path.cwd())
        try:
            return [str(job.job_id) for job in executor.map_array(task, names)]
        except (OSError, subprocess.SubprocessError, submitit.core.utils.FailedJobError) as error:
            reason = str(error).strip().splitlines()[-1]
            raise ConfigError(f"sbatch took no cells: {reason}") from error


class CellTask:
    """The task of a cell: the command for it, as a process that submitit's signals reach through this one alone.

    Args:
        words: The command line.
        variables: Further environment variables.
        folder: The folder that the command is started in.
    """

    def __init__(self, words: Sequence[str], variables: Mapping[str, str], folder: Path) -> None:
        self.words, self.variables, self.folder = list(words), dict(variables), folder
        self._pid: int | None = None
        self._is_ended = False

    def __call__(self, cell: str) -> None:
        """Run a cell; where it fails, the task ends with its exit code."""
        process = subprocess.Popen(
            [*self.words, "--cell", cell],
            cwd=self.folder,
            env=cell_environment(self.variables),
            start_new_session=True,
        )
        self._pid = process.pid
        signal.signal(signal.SIGTERM, self._end)
        self._wait()
        code = process.wait()
        while code and self._is_ended:  # a task that ended by itself would not be queued again after its preemption
            signal.pause()
        if code:
            sys.exit(code)

    def checkpoint(self, cell: str) -> "DelayedSubmission":
        """Have the cell save and end; what submitit puts into the queue again."""
        from submitit.helpers import DelayedSubmission

        self._end()
        self._wait()
        return DelayedSubmission(CellTask(self.words, self.variables, self.folder), cell)

    def _end(self, number: int = signal.SIGTERM, frame: FrameType | None = None) -> None:
        """Have the cell save; Slurm ends the task."""
        self._is_ended = True
        if self._pid is not None:
            os.kill(self._pid, signal.SIGTERM)

    def _wait(self) -> None:
        """Wait for the process without taking its exit code, so that a handler of a signal can do so too."""
        if self._pid is not None:
            os.waitid(os.P_PID, self._pid, os.WEXITED | os.WNOWAIT)


def sbatch_options(given: Sequence[str]) -> dict[str, str | bool]:
    """Read further options of sbatch.

    Sites have options of their own, so that an unknown name is left to sbatch.

    Args:
        given: Such as `partition=gpu`, `exclusive`, or `--account=lab`.

    Returns:
        Name -> value; True where it takes none.

    Raises:
        ConfigError: If one is no option, has an empty value or one of several lines, is given twice, or is one that
            polybench sets itself, also where its name is shortened, as sbatch allows.
    """
    found: dict[str, str | bool] = {}
    for word in given:
        written, equals, value = word.partition("=")
        name = written.removeprefix("--").replace("_", "-")
        if not re.fullmatch("[a-z][a-z0-9-]+", name) or (equals and not (value.strip() and value.isprintable())):
            raise ConfigError(
                f"--slurm {word!a} is no option of sbatch: give a long name, and a value of one line where it takes "
                "one, such as partition=gpu or exclusive."
            )
        if (ours := next((one for one in OURS if one.startswith(name)), None)) is not None:
            instead = f"give {OURS[ours]} instead" if OURS[ours] else "leave it out"
            raise ConfigError(f"--slurm {word}: polybench sets {ours} itself: {instead}.")
        if name in found:
            raise ConfigError(f"--slurm {word}: {name} is given twice: leave one out.")
        found[name] = value if equals else True
    return found


def refuse_without_slurm(*, submits: bool) -> None:
    """Refuse to go on where cells can't be submitted.

    Args:
        submits: Whether anything is to be submitted, or scripts are only shown.

    Raises:
        ConfigError: If submitit isn't installed, or this machine has no commands of Slurm's.
    """
    if find_spec("submitit") is None:
        raise ConfigError("--launcher slurm needs submitit, which isn't installed: pip install 'polybench[slurm]'.")
    for command in ("sbatch", "srun", "squeue") if submits else ():
        if shutil.which(command) is None:
            raise ConfigError(
                f"There is no {command} on this machine: start the command on a login node of a Slurm cluster, or show "
                "the script with --dry_run."
            )


def queued_jobs() -> set[str]:
    """The jobs of this user that wait or run.

    Raises:
        ConfigError: If Slurm doesn't answer.
    """
    words = ["squeue", "--me", "--noheader", "--array", "--format=%i"]
    try:
        found = subprocess.run(words, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise ConfigError(f"squeue doesn't say which cells are in the queue ({error}): try again later.") from error
    return set(found.stdout.split())
