"""The server: imports what polybench's commands import, once, and forks for every command line it is sent.

It imports when the first request comes, holds one thread, and ends with the process that started it.
"""

import array
import atexit
import contextlib
import importlib
import json
import os
import runpy
import select
import signal
import socket
import sys
import tempfile
import threading
from dataclasses import dataclass
from typing import Any

FILES_AT_MOST = 64
REQUEST_BYTES = 1 << 20


@dataclass
class Started:
    """A fork: who asked for it, its process, and whether the asking process heads a group."""

    connection: socket.socket
    pid: int
    handle: int
    leads: bool


def preload() -> None:
    """Import the libraries, and what `polybench fit` imports before it parses its command line."""
    from breaking.forkserver import LIBRARIES  # a list; the tool that breaks runs forks in the same way

    for name in ("torch", "polybench.cli.fit", *LIBRARIES):
        importlib.import_module(name)
    import torch

    torch.set_num_threads(1)
    if threading.active_count() != 1:
        raise RuntimeError(f"A fork would lose threads of the server: {threading.enumerate()}.")


def receive(connection: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """A request and the files that came with it."""
    numbers = array.array("i")
    data, rights, _, _ = connection.recvmsg(REQUEST_BYTES, socket.CMSG_SPACE(FILES_AT_MOST * numbers.itemsize))
    for level, kind, content in rights:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            numbers.frombytes(content)
    return json.loads(data), list(numbers)


def place_files(received: list[int], wanted: list[int]) -> None:
    """Give received files the numbers that they have in the asking process."""
    import fcntl

    above = max([*received, *wanted, 2]) + 1
    moved = [fcntl.fcntl(number, fcntl.F_DUPFD, above) for number in received]
    for number in received:
        os.close(number)
    for source, number in zip(moved, wanted, strict=True):
        os.dup2(source, number, inheritable=True)
        os.close(source)
    for number in {0, 1, 2} - set(wanted):
        os.close(number)


def own_media_folder() -> None:
    """Give a fork a folder of its own for the pictures that it sends to W&B: wandb removes its at the end of a process.

    wandb makes the folder when it is imported, which timm does.
    """
    private = sys.modules.get("wandb.sdk.data_types._private")
    if private is not None:
        shared = private.MEDIA_TMP
        shared._finalizer.detach()
        fresh = tempfile.TemporaryDirectory("wandb-media")
        shared.name, shared.fresh = fresh.name, fresh  # the latter is removed at the end of the fork


def become(request: dict[str, Any], received: list[int], executable: str) -> None:
    """Take over what the asking process has: files, folder, environment, signals, arguments."""
    if request["leads"]:
        os.setsid()
    place_files(received, request["files"])
    os.chdir(request["folder"])
    inherited = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    os.environ.clear()
    os.environ.update(request["environment"])
    own = [path for path in sys.path if path not in inherited and path != request["folder"]]
    given = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    sys.path[:] = [request["folder"], *given, *own]
    sys.executable = executable
    sys.argv = request["words"]
    sys.stdout.reconfigure(line_buffering=os.isatty(1))  # type: ignore[union-attr]
    own_media_folder()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in request["ignored"]:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, request["blocked"])
    import numpy
    from lightning.fabric.utilities.rank_zero import _get_rank, rank_zero_only

    numpy.random.seed()  # no fork continues the generator of another
    rank_zero_only.rank = _get_rank() or 0  # read from the environment when lightning is imported


def run(request: dict[str, Any], received: list[int], executable: str) -> None:
    """The life of a fork."""
    from breaking.forked import code_of

    def program() -> None:
        become(request, received, executable)
        runpy.run_module(request["words"][0], run_name="__main__", alter_sys=True)

    code = code_of(program)
    threading._shutdown()  # type: ignore[attr-defined]  # waits for threads, as an interpreter does before it ends
    atexit._run_exitfuncs()
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
    os._exit(code)


class Server:
    """Forks for requests, hands signals on, and reports how the forks end."""

    def __init__(self, listening: socket.socket, executable: str) -> None:
        self.listening = listening
        self.executable = executable
        self.started: list[Started] = []
        self.owner = os.pidfd_open(os.getppid())

    def serve(self) -> None:
        """Work until the process that started this one ends."""
        while self.owner not in (ready := self._wait()):
            if self.listening.fileno() in ready:
                self._accept()
            for one in list(self.started):
                if one.connection.fileno() in ready:
                    self._hear(one)
                if one.handle in ready:
                    self._report(one)

    def end(self) -> None:
        """Kill all that still runs."""
        for one in self.started:
            os.kill(one.pid, signal.SIGKILL)
            os.waitpid(one.pid, 0)

    def _wait(self) -> set[int]:
        handles = [one.handle for one in self.started]
        connections = [one.connection.fileno() for one in self.started if one.connection.fileno() >= 0]
        return set(select.select([self.owner, self.listening.fileno(), *handles, *connections], [], [])[0])

    def _accept(self) -> None:
        if "torch" not in sys.modules:
            preload()
        connection, _ = self.listening.accept()
        request, received = receive(connection)
        before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        pid = os.fork()
        if pid == 0:
            for number in (self.owner, self.listening.detach(), connection.detach()):
                os.close(number)
            for one in self.started:
                os.close(one.handle)
                one.connection.close()
            run(request, received, self.executable)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        for number in received:
            os.close(number)
        self.started.append(Started(connection, pid, os.pidfd_open(pid), request["leads"]))

    def _hear(self, one: Started) -> None:
        """Hand a signal on; a client that was killed takes its fork with it, or the group if it heads one."""
        with contextlib.suppress(ProcessLookupError):
            try:
                number = one.connection.recv(1)
            except ConnectionResetError:
                number = b""
            if number:
                os.kill(one.pid, number[0])
                return
            one.connection.close()
            os.kill(one.pid, signal.SIGKILL)
            if one.leads:
                os.killpg(one.pid, signal.SIGKILL)

    def _report(self, one: Started) -> None:
        self.started.remove(one)
        os.close(one.handle)
        status = os.waitpid(one.pid, 0)[1]
        with contextlib.suppress(OSError):
            one.connection.send(str(status).encode())
        one.connection.close()


def main() -> None:
    """Serve on the socket whose number the command line gives."""
    number, executable = sys.argv[1:]
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit())
    server = Server(socket.socket(fileno=int(number)), executable)
    try:
        server.serve()
    finally:
        server.end()


if __name__ == "__main__":
    main()
