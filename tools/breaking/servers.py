"""Hostile servers on this machine: each answers a download in its own way."""

import hashlib
import io
import os
import random
import signal
import socket
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from breaking.entries import fetch_command
from breaking.material import Bench
from breaking.report import Case, Faults, refused

LIMIT = 30.0
Answer = Callable[[socket.socket, bytes], None]
"""Answers one request, whose head is given."""


def _zip() -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        archive.writestr(zipfile.ZipInfo("set/noise.bin"), random.Random(0).randbytes(300_000))
    return memory.getvalue()


ZIP = _zip()
OTHER = ZIP[:1000] + bytes(byte ^ 255 for byte in ZIP[1000:2000]) + ZIP[2000:]
KNOWN = {"bytes": len(ZIP), "sha256": hashlib.sha256(ZIP).hexdigest()}


def says(status: str, body: bytes = b"", *headers: str) -> Answer:
    """A whole answer."""
    head = "\r\n".join((f"HTTP/1.1 {status}", "Connection: close", *headers)) + "\r\n\r\n"
    return lambda peer, asked: peer.sendall(head.encode() + body)


def endless(peer: socket.socket, asked: bytes) -> None:
    """No length, and no end: more and more bytes, and then silence."""
    says("200 OK", ZIP)(peer, asked)
    for _ in range(300):
        peer.sendall(bytes(1 << 16))
    time.sleep(LIMIT)


def slow(peer: socket.socket, asked: bytes) -> None:
    """The right bytes, in pieces, with pauses."""
    says("200 OK", b"", f"Content-Length: {len(ZIP)}")(peer, asked)
    for start in range(0, len(ZIP), 50_000):
        peer.sendall(ZIP[start : start + 50_000])
        time.sleep(0.2)


def many_headers(peer: socket.socket, asked: bytes) -> None:
    """Headers without end."""
    peer.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        peer.sendall(b"X-More: " + b"x" * 1000 + b"\r\n")


def lying_range(peer: socket.socket, asked: bytes) -> None:
    """What is missing, as another file has it, under the tag of this one."""
    start = int(asked.partition(b"bytes=")[2].partition(b"-")[0] or 0)
    if start:
        part = f"Content-Range: bytes {start}-{len(ZIP) - 1}/{len(ZIP)}"
        body = bytes(len(ZIP) - start)
        return says("206 Partial Content", body, part, f"Content-Length: {len(body)}", 'ETag: "v1"')(peer, asked)
    return says("200 OK", ZIP[:100_000], f"Content-Length: {len(ZIP)}", 'ETag: "v1"')(peer, asked)


LENGTH = f"Content-Length: {len(ZIP)}"
ANSWERS: dict[str, tuple[Answer, bool]] = {
    "no length and no end": (endless, False),
    "other bytes of the same length": (says("200 OK", OTHER, LENGTH), False),
    "a loop of redirections": (says("302 Found", b"", "Location: /set.zip", "Content-Length: 0"), False),
    "a redirection to a file of this machine": (says("302 Found", b"", "Location: file:///etc/passwd"), False),
    "404": (says("404 Not Found", b"gone"), False),
    "500": (says("500 Oops", b"oops"), False),
    "a login page": (says("200 OK", b"<!DOCTYPE html><html>log in</html>", "Content-Type: text/html"), False),
    "half of what is announced": (says("200 OK", ZIP[: len(ZIP) // 2], LENGTH), False),
    "a length that is no number": (says("200 OK", ZIP, "Content-Length: many"), True),
    "a length of a petabyte": (says("200 OK", ZIP, f"Content-Length: {10**15}"), False),
    "nothing": (lambda peer, asked: None, False),
    "no HTTP": (lambda peer, asked: peer.sendall(b"SSH-2.0-x\r\n" * 3), False),
    "headers without end": (many_headers, False),
    "a range that lies": (lying_range, False),
    "gzip that nobody asked for": (says("200 OK", ZIP, LENGTH, "Content-Encoding: gzip"), True),
    "the right bytes, slowly": (slow, True),
}
"""What a server answers -> how, and whether the file may be had all the same."""


def hostile_servers(bench: Bench) -> list[Case]:
    """A case for each server, with a known file, and with one of which nothing is known where that can be told."""
    cases = [Case(name, partial(_attack, bench, answer, good, KNOWN)) for name, (answer, good) in ANSWERS.items()]
    blind = ("half of what is announced", "a login page", "404", "a range that lies")
    for name in blind:
        cases.append(Case(f"{name}, of an unknown file", partial(_attack, bench, *ANSWERS[name], {})))
    return cases


def _attack(bench: Bench, answer: Answer, may_succeed: bool, known: dict[str, object]) -> Faults:
    folder = bench.folder("server")
    with serving(answer) as url:
        for _ in range(2):  # again, since a `.part` may be gone on with
            ended = bench.server.call(folder, lambda: fetch_command(url, folder / "into", **known), limit=LIMIT)
            faults = [] if may_succeed and ended.code == 0 else refused(ended, names=(url, "set.zip"))
            if faults:
                break
    kept = folder / "into" / "set.zip"
    if kept.exists() and kept.read_bytes() != ZIP:
        faults.append("wrong file: kept under its name")
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return faults + ([f"too much: {size} bytes on disk"] if size > 4 * len(ZIP) else [])


@contextmanager
def serving(answer: Answer) -> Iterator[str]:
    """Serve in a process of its own until the context is left."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        pid = os.fork()
        if pid == 0:
            _serve(listener, answer)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/set.zip"
        finally:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _serve(listener: socket.socket, answer: Answer) -> None:
    while True:
        peer = listener.accept()[0]
        with peer:
            try:
                answer(peer, peer.recv(1 << 16))
            except OSError:
                continue
