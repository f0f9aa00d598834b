"""Cells as tasks of Ray: each a process on a machine with room for it, started again where that machine is lost.

Ray only places the cells. What a cell is, resumes from and leaves stands in its folder, which all machines share under
one path, as they do polybench; a task whose machine is gone is a new process in the same folder.
"""

import ctypes
import logging
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from polybench.core.errors import SIGTERM_EXIT_CODE, ConfigError
from polybench.runs.launch.base import LOG, Needs, cell_environment, worker_words

RETRIES = 10
"""How often a cell is started again whose machine, or whose process of Ray, is gone."""

CARRIED = ("POLYBENCH_", "WANDB_", "PYTHONPATH", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
"""How the names begin of variables that cells on other machines get from the command."""

OF_RAY = ("RAY_", "PYTHONBREAKPOINT")
"""How the names begin of variables that Ray sets for its own processes."""

ANSWERS_WITHIN = 5.0
"""Seconds that an address has to take a connection."""

POLL_SECONDS = 0.2
_SET_SIGNAL_OF_PARENT_DEATH = 1  # PR_SET_PDEATHSIG of prctl(2)


@dataclass(frozen=True)
class CellTask:
    """What the task of a cell starts.

    Attributes:
        python: The interpreter of the command; where a machine has none there, its own is taken.
        cell: The cell's folder.
        folder: The folder that the command was started in.
        variables: Environment variables.
    """

    python: str
    cell: Path
    folder: Path
    variables: Mapping[str, str]


def run_cell(task: CellTask) -> int:
    """Run a cell in a process, on the machine where Ray put the task; where the task is cancelled, the cell saves.

    Args:
        task: What is started.

    Returns:
        The exit code.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)  # by which Ray cancels; a background process ignores it
    python = task.python if Path(task.python).exists() else sys.executable
    environment = {key: value for key, value in cell_environment({}).items() if not key.startswith(OF_RAY)}
    with (task.folder / task.cell / LOG).open("ab") as log:
        process = subprocess.Popen(
            worker_words(python, task.cell),
            cwd=task.folder,
            env=environment | dict(task.variables),
            stdout=log,
            stderr=subprocess.STDOUT,
            preexec_fn=partial(ctypes.CDLL(None).prctl, _SET_SIGNAL_OF_PARENT_DEATH, signal.SIGTERM),
        )
    try:
        while (code := process.poll()) is None:
            time.sleep(POLL_SECONDS)
        return code
    except KeyboardInterrupt:
        process.terminate()
        return process.wait()


class RayJob:
    """The task of a cell.

    Args:
        ray: The library.
        task: The reference of the task's exit code.
        log: The cell's log.
        running: The tasks that run, of which this one is taken out once it has ended.
    """

    def __init__(self, ray: ModuleType, task: Any, log: Path, running: list[Any]) -> None:
        self._ray, self._task, self._log, self._running = ray, task, log, running
        self._code: int | None = None

    @property
    def where(self) -> str:
        """That it is a task of Ray's."""
        return "a task of Ray"

    def poll(self) -> int | None:
        """Its exit code; None while it runs or waits for a machine."""
        if self._code is None and self._ray.wait([self._task], timeout=0)[0]:
            self._code = self._result()
            self._running.remove(self._task)
        return self._code

    def terminate(self) -> None:
        """Cancel it: the process of the cell gets SIGTERM, on which a run saves and ends."""
        self._ray.cancel(self._task)

    def wait(self) -> None:
        """Wait until it has ended."""
        self._ray.wait([self._task])

    def _result(self) -> int:
        try:
            return int(self._ray.get(self._task))
        except self._ray.exceptions.TaskCancelledError:
            return SIGTERM_EXIT_CODE
        except (self._ray.exceptions.RayError, OSError) as error:
            with self._log.open("a", encoding="utf-8") as log:
                log.write(f"Ray could not run this cell: {error}\n")
            return 1


class RayLauncher:
    """Starts cells as tasks of a Ray cluster.

    Args:
        needs: What each cell gets.
        jobs: Cells at once; None for as many as the cluster has room for, which is looked up again and again.
        variables: Environment variables of the cells, beside those of `CARRIED`.
    """

    def __init__(self, needs: Needs, jobs: int | None, variables: Mapping[str, str]) -> None:
        import ray

        self._ray: ModuleType = ray
        self._jobs, self._needs = jobs, needs
        carried = {key: value for key, value in os.environ.items() if key.startswith(CARRIED)}
        self.variables = carried | dict(variables)
        memory = int((needs.memory or 0) * 2**30)
        self._resources = {"CPU": needs.cpus, "GPU": needs.gpus, "memory": memory}
        decorate = ray.remote(num_cpus=needs.cpus, num_gpus=needs.gpus, memory=memory, max_retries=RETRIES)
        self._run: Any = decorate(run_cell)
        self._running: list[Any] = []

    @property
    def jobs(self) -> int:
        """Cells that can run at once, by the machines that are there now."""
        return self._jobs or max(1, self.room())

    def room(self) -> int:
        """Cells that the machines of the cluster could run at once if nothing else ran there."""
        nodes = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        asked = {name: number for name, number in self._resources.items() if number}
        return sum(min(int(node.get(name, 0) / number) for name, number in asked.items()) for node in nodes)

    def has_place(self) -> bool:
        """Whether fewer cells run than may."""
        return len(self._running) < self.jobs

    def start(self, folder: Path) -> RayJob:
        """Start a cell on whatever machine has room for it."""
        cell = CellTask(sys.executable, folder, Path.cwd(), self.variables)
        task = self._run.remote(cell)
        self._running.append(task)
        return RayJob(self._ray, task, folder / LOG, self._running)


@contextmanager
def ray_launcher(
    address: str | None, needs: Needs, jobs: int | None, variables: Mapping[str, str]
) -> Iterator[RayLauncher]:
    """Connect to a Ray cluster, or start one on this machine, for as long as the `with` block is open.

    Args:
        address: `host:port` of a cluster that this machine belongs to, or `auto`; None starts one of this machine.
        needs: What each cell gets.
        jobs: Cells at once; None for as many as the cluster has room for.
        variables: Environment variables of the cells.

    Raises:
        ConfigError: If Ray isn't installed, the address doesn't answer, or no machine has what a cell needs.
    """
    if find_spec("ray") is None:
        raise ConfigError("--launcher ray needs Ray, which isn't installed: pip install 'polybench[ray]'.")
    if address not in (None, "auto"):
        _refuse_silent(str(address))
    _authenticate(address)
    ray = import_module("ray")  # after the variables that it reads once
    _connect(ray, address)
    try:
        launcher = RayLauncher(needs, jobs, variables)
        if not launcher.room():
            raise ConfigError(
                f"No machine of the Ray cluster has {_shown(needs)} for a cell: ask for less, or start Ray on one "
                "that has."
            )
        unused = ray.cluster_resources().get("GPU", 0)
        if unused and not needs.gpus:
            print(f"Note: the cluster has {unused:.0f} GPUs, of which cells get none: --gpus 1 gives each one.")
        yield launcher
    finally:
        ray.shutdown()


def _connect(ray: ModuleType, address: str | None) -> None:
    """Connect to a cluster, or start one, without a word.

    Raises:
        ConfigError: If the cluster can't be joined.
    """
    quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address is None:
        ray.init(address="local", include_dashboard=False, **quiet)
        return
    try:
        ray.init(address=address, **quiet)
    except (ConnectionError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        raise ConfigError(
            f"The Ray cluster at '{address}' can't be joined ({str(error).splitlines()[0]}): start the command on "
            "one of its machines, with its version of Ray and its token (RAY_AUTH_TOKEN, or RAY_AUTH_TOKEN_PATH)."
        ) from error


def _refuse_silent(address: str) -> None:
    """Refuse an address where nothing answers, which Ray itself would try for minutes.

    Raises:
        ConfigError: If so, or if it is no address.
    """
    host, colon, port = address.rpartition(":")
    if not (colon and host and "/" not in host and port.isdecimal()):
        raise ConfigError(f"--address must be host:port, as `ray start --head` prints it, or auto, not '{address}'.")
    try:
        socket.create_connection((host, int(port)), timeout=ANSWERS_WITHIN).close()
    except (OSError, OverflowError) as error:
        raise ConfigError(f"No Ray cluster answers at '{address}' ({error}): is `ray start --head` running?") from error


def _authenticate(address: str | None) -> None:
    """Say by which token the cluster is entered: its own where one is stated or on file, else a new one for this run.

    Ray would write a token into the home directory for a cluster of this machine alone, and show none to one whose
    address it is given.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "error")  # not a line for each second of a refusal
    if "RAY_AUTH_MODE" in os.environ:
        return
    stated = "RAY_AUTH_TOKEN" in os.environ or "RAY_AUTH_TOKEN_PATH" in os.environ
    if address is None:
        os.environ.setdefault("RAY_worker_niceness", "0")  # cells compete with nothing of Ray's
        if not stated:
            os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)
        os.environ["RAY_AUTH_MODE"] = "token"
        return
    on_file = False
    with suppress(OSError, RuntimeError):
        on_file = (Path.home() / ".ray" / "auth_token").is_file()
    if stated or on_file:
        os.environ["RAY_AUTH_MODE"] = "token"


def _shown(needs: Needs) -> str:
    memory = "" if needs.memory is None else f", {needs.memory:g} GB of memory"
    return f"{needs.cpus} CPUs, {needs.gpus} GPUs{memory}"
