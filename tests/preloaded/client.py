"""The program in place of the interpreter: asks the server for a fork, or becomes an ordinary interpreter.

It is copied to an executable file that begins with `#!PYTHON -IS`, and starts without `site` in 20 ms.
"""

import array
import json
import os
import signal
import socket
import sys

FORWARDED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)


def is_served(words: list[str], folder: str) -> bool:
    """Whether a command line is one of polybench's, in an environment like the server's."""
    if words[:1] != ["-m"] or len(words) < 2 or words[1].split(".")[0] != "polybench":
        return False
    with open(os.path.join(folder, "usual.json")) as file:  # noqa: PTH118, PTH123 (pathlib takes as long as all else)
        prefixes, usual = json.load(file)
    names = {name for name in os.environ if name.startswith(tuple(prefixes))} - {"PYTHONPATH"}
    return all(os.environ[name] == usual.get(name) for name in names)


def open_files() -> list[int]:
    """The descriptors that this process has been given."""
    found = []
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208
        try:
            os.fstat(int(name))
        except OSError:
            continue  # that of the listing itself
        found.append(int(name))
    return found


def ask(folder: str, words: list[str], files: list[int]) -> int:
    """Have the server run a command line, hand signals on to it, and return its wait status."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    connection.connect(os.path.join(folder, "socket"))  # noqa: PTH118
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    ignored = [number for number in FORWARDED if signal.getsignal(number) == signal.SIG_IGN]
    for number in set(FORWARDED) - set(ignored):
        signal.signal(number, lambda number, _: connection.send(bytes([number])))
    request = {
        "words": words[1:],
        "folder": os.getcwd(),  # noqa: PTH109
        "environment": dict(os.environ),
        "files": files,
        "blocked": [int(number) for number in blocked],
        "ignored": [int(number) for number in ignored],
        "leads": os.getpgrp() == os.getpid(),
    }
    rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", files))
    connection.sendmsg([json.dumps(request).encode()], [rights])
    for file in files:
        os.close(file)  # whoever reads them sees the end when the fork ends
    signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
    answer = connection.recv(16)
    if not answer:
        os._exit(120)  # the server is gone
    return int(answer)


def main() -> None:
    """Run the command line of this program."""
    words, folder = sys.argv[1:], os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120
    files = open_files()
    if not is_served(words, folder):
        os.execv(sys.executable, [sys.executable, *words])
    status = ask(folder, words, files)
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number != signal.SIGKILL:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})
        os.kill(os.getpid(), number)
    os._exit(os.waitstatus_to_exitcode(status))


main()
