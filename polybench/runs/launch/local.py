"""Cells as processes of this machine: some at a time, one on each device, threads divided among them."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from polybench.runs.launch.base import LOG, cell_environment, worker_words


@dataclass
class LocalJob:
    """A process of this machine.

    Attributes:
        process: The process.
        slot: Its place.
        slots: Places that are free.
    """

    process: subprocess.Popen[bytes]
    slot: int
    slots: list[int]

    @property
    def where(self) -> str:
        """The number of the process."""
        return f"process {self.process.pid}"

    def poll(self) -> int | None:
        """Its exit code; None while it runs."""
        code = self.process.poll()
        if code is not None and self.slot not in self.slots:
            self.slots.append(self.slot)
        return code

    def terminate(self) -> None:
        """Send SIGTERM, on which a run saves and ends."""
        self.process.terminate()

    def wait(self) -> None:
        """Wait until it has ended."""
        self.process.wait()


class LocalLauncher:
    """Starts cells as processes of this machine.

    Args:
        devices: CUDA devices, a cell on each; none leaves the choice to the recipes.
        jobs: Cells at once where no devices are named. Several share the cores: each gets as many threads as there are
            cores for it, unless OMP_NUM_THREADS says how many.
        variables: Environment variables of the cells, beside those of this process.
    """

    def __init__(self, devices: Sequence[str] = (), jobs: int = 1, variables: Mapping[str, str] | None = None) -> None:
        self.devices = devices
        self.variables = dict(variables or {})
        self.jobs = max(1, len(devices) or jobs)
        self._slots = list(range(self.jobs))

    def has_place(self) -> bool:
        """Whether fewer cells run than may."""
        return bool(self._slots)

    def start(self, folder: Path) -> LocalJob:
        """Start a cell that Ctrl-C in the terminal doesn't reach: what it gets is the SIGTERM of this process."""
        slot = self._slots.pop(0)
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # a process inherits what is blocked
        try:
            with (folder / LOG).open("ab") as log:
                process = subprocess.Popen(
                    worker_words(sys.executable, folder),
                    env=self._environment(slot),
                    stdout=log,
                    stderr=subprocess.STDOUT,
                )
        except OSError:
            self._slots.append(slot)
            raise
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return LocalJob(process, slot, self._slots)

    def _environment(self, slot: int) -> dict[str, str]:
        """The variables of a cell's process: its device, and its share of the cores."""
        environment = cell_environment(self.variables)
        if self.devices:
            environment["CUDA_VISIBLE_DEVICES"] = self.devices[slot]
        if self.jobs > 1:
            environment.setdefault("OMP_NUM_THREADS", str(max(1, len(os.sched_getaffinity(0)) // self.jobs)))
        return environment
