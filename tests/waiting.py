"""Waiting for what a process does, without a clock: a hang is ended by pytest-timeout alone."""

import subprocess
import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")


def until(found: Callable[[], Found], process: subprocess.Popen[str]) -> Found:
    """Return what is found as soon as there is something; the process that brings it about must not end before."""
    while not (value := found()):
        if process.poll() is not None and not (value := found()):
            raise AssertionError(f"The process ended with {process.returncode}: {process.communicate()[0]}")
        time.sleep(0.01)
    return value
