"""Processes that are forks: what a command would start as `python -m MODULE` needs no new interpreter."""

import os
import runpy
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

_Popen = subprocess.Popen


def code_of(function: Callable[[], object]) -> int:
    """Run a function as a program, and give its exit code."""
    try:
        function()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        code = 1
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            code = code or 1
    return code & 255


class Forked:
    """Takes the place of `subprocess.Popen`: `python -m MODULE` is a fork, which has imported everything already."""

    def __new__(cls, args: Any, *others: Any, **options: Any) -> Any:
        """A process of this kind, or an ordinary one for other programs."""
        if isinstance(args, list) and args[:2] == [sys.executable, "-m"]:
            return super().__new__(cls)
        return _Popen(args, *others, **options)

    def __init__(self, args: list[str], *, stdout: Any, env: dict[str, str], **options: Any) -> None:
        self.args = args
        self.returncode: int | None = None
        self.pid = os.fork()
        if self.pid == 0:
            for descriptor in (1, 2):
                os.dup2(stdout.fileno(), descriptor)
            os.environ |= env
            sys.argv = args[2:]
            signal.pthread_sigmask(signal.SIG_SETMASK, [])
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, signal.SIG_DFL)
            os._exit(code_of(lambda: runpy.run_module(args[2], run_name="__main__", alter_sys=True)))

    def poll(self) -> int | None:
        """The code of a process that has ended."""
        return self._reap(os.WNOHANG)

    def wait(self, timeout: float | None = None) -> int | None:
        """Wait for the process."""
        start = time.monotonic()
        while self._reap(os.WNOHANG) is None and (timeout is None or time.monotonic() < start + timeout):
            time.sleep(0.01)
        return self.returncode

    def terminate(self) -> None:
        """Send SIGTERM."""
        if self.poll() is None:
            os.kill(self.pid, signal.SIGTERM)

    def _reap(self, options: int) -> int | None:
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, options)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode
