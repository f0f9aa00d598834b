"""What tests need that start processes: waiting without a clock (pytest-timeout alone ends a hang), and a port."""

import socket
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


def free_port() -> int:
    """Return a port of this machine on which nothing listens."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
