"""A stand-in for `sys.executable` that forks `python -m polybench ...` from a process that has imported torch already.

A new interpreter spends about five CPU seconds on imports before the first line of polybench runs; a fork spends none.
`server` holds the imports and forks, `client` takes the place of the interpreter. A process that is started this way
has the arguments, folder, environment, open files, blocked and ignored signals of its caller; it gets the signals that
its caller is sent, and its caller ends as it ends. All other programs run in an ordinary interpreter.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
SETTINGS = ("PYTHON", "LC_", "LANG", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
"""How the names begin of environment variables that are read when an interpreter or a library starts."""


class Preloaded:
    """A server and the program that asks it; the server imports nothing heavy before the first process is started."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="polybench-"))
        self.executable = self.folder / "python"
        source = Path(__file__).with_name("client.py").read_text()
        self.executable.write_text(f"#!{sys.executable} -IS\n{source}")
        self.executable.chmod(0o755)
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "PYTHONPATH": _python_path()}
        usual = {name: value for name, value in environment.items() if name.startswith(SETTINGS)}
        (self.folder / "usual.json").write_text(json.dumps([SETTINGS, usual]))
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listening:
            listening.bind(str(self.folder / "socket"))
            listening.listen(64)
            self._server = subprocess.Popen(
                [sys.executable, "-m", "tests.preloaded.server", str(listening.fileno()), str(self.executable)],
                cwd=REPOSITORY,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,  # not a file: how a fork's stdout can be used is found out only once
                stderr=subprocess.STDOUT,
                pass_fds=[listening.fileno()],
                start_new_session=True,  # Ctrl-C is for the tests
            )

    @property
    def pid(self) -> int:
        """The server."""
        return self._server.pid

    def stop(self) -> None:
        """End the server and what it has started."""
        self._server.terminate()
        sys.stderr.write(self._server.communicate()[0].decode())
        shutil.rmtree(self.folder)


def is_possible() -> bool:
    """Whether this system can hand open files and process handles over, as Linux can."""
    return hasattr(os, "pidfd_open") and Path("/proc/self/fd").is_dir()


def _python_path() -> str:
    folders = [str(REPOSITORY), str(REPOSITORY / "tools"), os.environ.get("PYTHONPATH", "")]
    return os.pathsep.join(filter(None, folders))
