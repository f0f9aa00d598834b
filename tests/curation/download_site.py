"""A web server for the tests of downloads, which errs in the ways that servers do."""

import contextlib
import hashlib
import io
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def make_zip(seed: int) -> bytes:
    """A zip archive of about 20,000 bytes that don't compress."""
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        noise = b"".join(hashlib.sha256(f"{seed} {k}".encode()).digest() for k in range(625))
        archive.writestr(zipfile.ZipInfo("noise.bin"), noise)
    return memory.getvalue()


ZIP = make_zip(0)
NEWER = make_zip(1)
MOST = 64 << 20
"""Bytes after which an endless server ends, so that a test does, too."""


@dataclass
class Site:
    """What the server of a test does: `asked` collects headers of requests, `sent` counts bytes of an endless body."""

    url: str = ""
    body: bytes = ZIP
    status: int = 200
    tag: str | None = '"v1"'
    ranges: bool = True
    trusts_if_range: bool = True
    cut_after: int | None = None
    announces: int | None = None
    waits: bool = False
    encoding: str | None = None
    endless: bool = False
    sent: int = 0
    asked: list[dict[str, str]] = field(default_factory=list)

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        asked = dict(handler.headers.items())
        self.asked.append(asked)
        body, status, extra = self.body, self.status, {}
        versions_agree = asked.get("If-Range", self.tag) == self.tag or not self.trusts_if_range
        if self.ranges and status == 200 and "Range" in asked and versions_agree:
            start = int(asked["Range"].removeprefix("bytes=").removesuffix("-"))
            status, body = (206, self.body[start:]) if start < len(self.body) else (416, b"")
            total = len(self.body)
            extra = {"Content-Range": f"bytes {start}-{total - 1}/{total}" if body else f"bytes */{total}"}
        handler.send_response(status)
        for name, value in extra.items():
            handler.send_header(name, value)
        if self.tag is not None:
            handler.send_header("ETag", self.tag)
        if self.encoding is not None:
            handler.send_header("Content-Encoding", self.encoding)
        if self.endless:
            self.send_for_ever(handler)
            return
        handler.send_header("Content-Length", str(len(body) if self.announces is None else self.announces))
        handler.end_headers()
        handler.wfile.write(body[: self.cut_after])
        handler.wfile.flush()
        if self.waits:
            handler.rfile.read(1)  # until the other side has given up
        handler.close_connection = True

    def send_for_ever(self, handler: BaseHTTPRequestHandler) -> None:
        """Send the body again and again, without a length, until the other side has closed."""
        handler.send_header("Connection", "close")
        handler.end_headers()
        handler.close_connection = True
        with contextlib.suppress(ConnectionError):
            while self.sent < MOST:
                handler.wfile.write(self.body)
                self.sent += len(self.body)


@contextmanager
def serve() -> Iterator[Site]:
    """Serve on a free port of this machine until the context is left."""
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            site.answer(self)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site.url = f"http://127.0.0.1:{server.server_port}/set.zip"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
