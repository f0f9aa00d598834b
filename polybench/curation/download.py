"""Downloads of a dataset's archives, complete and verified, or not at all.

pooch provides the download and its checksum; this adds a `.part` file from which a later call resumes, checks of size
and type, and messages that say what to do.
"""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EDQUOT, ENOSPC
from pathlib import Path
from typing import Any

import pooch
import requests
from filelock import FileLock, Timeout
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from urllib3.exceptions import HTTPError, IncompleteRead

from polybench.core.atomic import atomic_write_text
from polybench.core.errors import DataError
from polybench.curation.integrity import defect, head_defect, log, size_or_type_defect, store_checksum
from polybench.data.card import Archive

_TIMEOUT = (15.0, 60.0)  # seconds, to connect and between two chunks
_PIECE = 1 << 18
LARGEST = 64 << 30
"""Largest size of a file if neither card nor server state it, in bytes."""


def fetch(archive: Archive, into: Path, *, progress: bool = True) -> Path:
    """Download an archive, or verify an existing one.

    An existing file is verified like a new one and kept if it is complete; otherwise it is moved to `<name>.corrupt`
    until a complete one replaces it. An interrupted download is resumed from `<name>.part`. If no checksum is
    published, that of the file is stored in `<name>.sha256` for the next check.

    Args:
        archive: The archive.
        into: The folder of the file, which is created if needed.
        progress: Show a progress bar on stderr if it is a terminal.

    Returns:
        The complete file.

    Raises:
        DataError: If the file isn't available, isn't the expected one, or can't be written.
    """
    path = into / archive.name
    try:
        into.mkdir(parents=True, exist_ok=True)
        with FileLock(into / f".{archive.name}.lock", timeout=0):
            problem = defect(path, archive) if path.exists() else "is missing"
            if problem is not None:
                _replace(path, archive, problem, progress=progress)
            store_checksum(path, archive)
            return path
    except Timeout as error:
        raise DataError(f"Another process is downloading '{path}': wait for it, or end it.") from error
    except OSError as error:
        raise DataError(_disk_problem(error, path)) from error


def _replace(path: Path, archive: Archive, problem: str, *, progress: bool) -> None:
    """Replace a missing or broken file, which is kept as `.corrupt` until then."""
    corrupt = path.with_name(f"{path.name}.corrupt")
    if path.exists():
        log(f"'{path}' {problem}: it is moved aside and downloaded again.")
        path.replace(corrupt)
    pooch.get_logger().setLevel("WARNING")
    downloader = _ResumingDownloader(archive, path, progress=progress)
    try:
        pooch.retrieve(archive.url, archive.sha256, fname=path.name, path=path.parent, downloader=downloader)
    except ValueError as error:
        raise DataError(
            f"'{archive.url}' sent a file with another sha256 than {archive.sha256}, which was deleted: run the "
            f"same command again; if it happens again, the source has changed."
        ) from error
    corrupt.unlink(missing_ok=True)


class _ResumingDownloader:
    """A downloader for pooch that writes to `<name>.part` and resumes from it.

    `<name>.part.json` contains the URL and version (RFC 9110, 13.1.5) of the bytes. They are kept if resuming is safe:
    the server states versions, or a checksum is published.
    """

    def __init__(self, archive: Archive, path: Path, *, progress: bool) -> None:
        self.archive = archive
        self.path = path
        self.part = path.with_name(f"{path.name}.part")
        self.state = path.with_name(f"{path.name}.part.json")
        self.progress = progress
        self.by_hand = f"find the file with a browser and save it as '{path}', where the same command checks it"

    def __call__(self, url: str, output_file: str, pooch: Any, *, check_only: bool | None = None) -> None:
        """Download the missing bytes, check size and type, and move the file to pooch's output file."""
        start, version = self._partial_download()
        with self._one_sentence(url):
            if not (start and self._continue(url, start, version)):
                self._discard()
                with requests.get(url, headers=_headers(), stream=True, timeout=_TIMEOUT) as response:
                    self._refuse_status(url, response.status_code)
                    self._receive(url, response, 0)
        problem = size_or_type_defect(self.part, self.archive)
        if problem is not None:
            raise self._discarded(f"What '{url}' sent {problem}")
        self.part.replace(output_file)
        self.state.unlink(missing_ok=True)

    def _partial_download(self) -> tuple[int, str | None]:
        """Return the bytes of an earlier download of the same URL that can be resumed, and their version."""
        try:
            state = json.loads(self.state.read_text())
            size = self.part.stat().st_size
        except (OSError, ValueError):
            return 0, None
        trusted = state.get("url") == self.archive.url and (state.get("version") or self.archive.sha256)
        return (size, state.get("version")) if trusted else (0, None)

    def _continue(self, url: str, start: int, version: str | None) -> bool:
        """Download from byte `start`; return False if the server can't, or the file has changed."""
        headers = _headers() | {"Range": f"bytes={start}-"} | ({"If-Range": version} if version else {})
        with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT) as response:
            content = response.headers.get("Content-Range", "")
            if response.status_code == 416:
                return content == f"bytes */{start}"  # nothing is missing
            self._refuse_status(url, response.status_code)
            fits = content.startswith(f"bytes {start}-") and _version(response) == version
            if response.status_code == 206 and fits:
                self._receive(url, response, start)
                return True
        return False

    def _receive(self, url: str, response: requests.Response, start: int) -> None:
        """Append the response to the `.part` file, which is kept after a failure if it can be resumed."""
        version, length = _version(response), response.headers.get("Content-Length", "")
        expected = start + int(length) if length.isdigit() else self.archive.bytes
        limit = LARGEST if expected is None else expected
        self._refuse_size(url, expected, start)
        atomic_write_text(self.state, json.dumps({"url": url, "version": version}))
        try:
            with self.part.open("ab") as file, self._bar(start, expected) as bar:
                for piece in response.raw.stream(_PIECE, decode_content=False):
                    problem = None if file.tell() else head_defect(piece[:512], self.archive.name)
                    if problem is not None:
                        raise self._discarded(f"What '{url}' sent {problem}")
                    if file.tell() + len(piece) > limit:
                        known = "of the known file" if expected else "that any archive has"
                        raise self._discarded(f"'{url}' sends more than the {limit} bytes {known}")
                    file.write(piece)
                    bar.advance(bar.task_ids[0], len(piece))
                file.flush()
                os.fsync(file.fileno())
        except BaseException:
            if response.headers.get("Accept-Ranges") == "none" or not (version or self.archive.sha256):
                self._discard()
            raise

    def _refuse_status(self, url: str, status: int) -> None:
        if status in {404, 410}:
            raise self._discarded(f"'{url}' doesn't exist any more ({status})")
        if status in {401, 403}:
            raise DataError(f"'{url}' requires a login or refuses programs ({status}): {self.by_hand}.")
        if status not in {200, 206}:
            raise DataError(f"'{url}' answers with status {status}: run the same command later, or {self.by_hand}.")

    def _refuse_size(self, url: str, expected: int | None, start: int) -> None:
        if expected is None:
            return
        if self.archive.bytes not in {None, expected}:
            raise self._discarded(
                f"'{url}' announces {expected} bytes and not the {self.archive.bytes} of the known file"
            )
        free = shutil.disk_usage(self.path.parent).free
        if free < expected - start:
            raise DataError(
                f"'{self.path.name}' needs {expected - start} more bytes and '{self.path.parent}' has {free} free: "
                f"free some space and run the same command again."
            )

    def _discarded(self, finding: str) -> DataError:
        """Delete the partial download, and return an error that says how to get the file by hand."""
        self._discard()
        return DataError(f"{finding}: {self.by_hand}.")

    def _discard(self) -> None:
        self.part.unlink(missing_ok=True)
        self.state.unlink(missing_ok=True)

    @contextmanager
    def _one_sentence(self, url: str) -> Iterator[None]:
        """Convert errors of requests and urllib3 to a DataError."""
        try:
            yield
        except requests.exceptions.SSLError as error:
            raise DataError(f"'{url}' has no secure connection ({_reason(error)}): {self.by_hand}.") from error
        except (requests.RequestException, HTTPError) as error:
            has = self.part.stat().st_size if self.part.exists() else 0
            then = f"resumes after {has} bytes" if has else "starts from the beginning"
            raise DataError(
                f"'{url}' can't be read ({_reason(error)}): with a network the same command {then}; or {self.by_hand}."
            ) from error

    @contextmanager
    def _bar(self, start: int, total: int | None) -> Iterator[Progress]:
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
        console = Console(stderr=True)
        shown = self.progress and console.is_terminal
        with Progress(*columns, TimeRemainingColumn(), console=console, transient=True, disable=not shown) as bar:
            bar.add_task(self.path.name, completed=start, total=total)
            yield bar


def _headers() -> dict[str, str]:
    """Request the bytes without compression, so that lengths and ranges refer to the file."""
    return {"Accept-Encoding": "identity"}


def _version(response: requests.Response) -> str | None:
    """Return a strong tag or a date, for an `If-Range` header."""
    tag = response.headers.get("ETag", "")
    return tag if tag.startswith('"') else response.headers.get("Last-Modified")


def _reason(error: Exception) -> str:
    """Return the cause of a chain of network errors."""
    inner: Any = error
    while isinstance(inner, Exception):
        error = inner
        inner = getattr(error, "reason", None) or next((arg for arg in error.args if isinstance(arg, Exception)), None)
    if isinstance(error, IncompleteRead):
        return "the connection was interrupted"
    return str(error).rpartition("): ")[2].rstrip(".") or type(error).__name__


def _disk_problem(error: OSError, path: Path) -> str:
    if error.errno in {ENOSPC, EDQUOT}:
        return f"There is no space left in '{path.parent}' for '{path.name}': free some and run the same command again."
    problem = error.strerror or str(error)
    return f"'{error.filename or path}' can't be read or written ({problem}): check the folder and its permissions."
