"""Downloads: a dataset's archive from its open source, whole and checked, or not at all.

pooch carries the download and its checksum; ours is what it lacks: a `.part` file that a later call goes on with, a
look at size and type, and messages that say what to do.
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
from polybench.curation.integrity import defect, defect_of_form, defect_of_head, remember, say
from polybench.data.card import Archive

_TIMEOUT = (15.0, 60.0)  # seconds: to connect, and between two pieces of the file
_PIECE = 1 << 18
LARGEST = 64 << 30
"""Bytes after which a file whose size neither card nor server states is given up."""


def fetch(archive: Archive, into: Path, *, progress: bool = True) -> Path:
    """Download an archive, or check the one that is there.

    A file that is there is checked like a fresh one and kept if it is whole; one that is not is moved aside to
    `<name>.corrupt` until a whole one stands in its place. What a broken connection left in `<name>.part` is gone on
    with. Where no checksum is published, the one found is remembered in `<name>.sha256` for the next check.

    Args:
        archive: What to fetch.
        into: The folder it is kept in; made if it is missing.
        progress: Show a progress bar on stderr, where that is a terminal.

    Returns:
        The file, whole.

    Raises:
        DataError: If the file can't be had, is not what was expected, or can't be written.
    """
    path = into / archive.name
    try:
        into.mkdir(parents=True, exist_ok=True)
        with FileLock(into / f".{archive.name}.lock", timeout=0):
            problem = defect(path, archive) if path.exists() else "is missing"
            if problem is not None:
                _replace(path, archive, problem, progress=progress)
            remember(path, archive)
            return path
    except Timeout as error:
        raise DataError(f"Another process is fetching '{path}': wait for it, or end it.") from error
    except OSError as error:
        raise DataError(_disk_problem(error, path)) from error


def _replace(path: Path, archive: Archive, problem: str, *, progress: bool) -> None:
    """Put a fresh file in the place of one that has this problem, which stays as `.corrupt` until then."""
    corrupt = path.with_name(f"{path.name}.corrupt")
    if path.exists():
        say(f"'{path}' {problem}: it is moved aside and fetched again.")
        path.replace(corrupt)
    pooch.get_logger().setLevel("WARNING")
    downloader = _ResumingDownloader(archive, path, progress=progress)
    try:
        pooch.retrieve(archive.url, archive.sha256, fname=path.name, path=path.parent, downloader=downloader)
    except ValueError as error:
        raise DataError(
            f"'{archive.url}' gave a file with another sha256 than {archive.sha256}, which was thrown away: run the "
            f"same command again, and if that happens again, the source has changed."
        ) from error
    corrupt.unlink(missing_ok=True)


class _ResumingDownloader:
    """A downloader for pooch that writes to `<name>.part` and goes on with what stands there.

    `<name>.part.json` holds the URL and version (RFC 9110, 13.1.5) that the bytes belong to. They are kept where going
    on can be trusted: the server names versions, or a published checksum will tell.
    """

    def __init__(self, archive: Archive, path: Path, *, progress: bool) -> None:
        self.archive = archive
        self.path = path
        self.part = path.with_name(f"{path.name}.part")
        self.state = path.with_name(f"{path.name}.part.json")
        self.progress = progress
        self.by_hand = f"find the file with a browser and save it as '{path}', where the same command checks it"

    def __call__(self, url: str, output_file: str, pooch: Any, *, check_only: bool | None = None) -> None:
        """Fetch what is missing, look at size and type, and hand the file over under the name that pooch asks for."""
        start, version = self._standing()
        with self._one_sentence(url):
            if not (start and self._continue(url, start, version)):
                self._discard()
                with requests.get(url, headers=_headers(), stream=True, timeout=_TIMEOUT) as response:
                    self._refuse_status(url, response.status_code)
                    self._receive(url, response, 0)
        problem = defect_of_form(self.part, self.archive)
        if problem is not None:
            raise self._useless(f"What '{url}' gave {problem}")
        self.part.replace(output_file)
        self.state.unlink(missing_ok=True)

    def _standing(self) -> tuple[int, str | None]:
        """Bytes of an earlier attempt at this very URL that can be gone on with, and their version."""
        try:
            state = json.loads(self.state.read_text())
            size = self.part.stat().st_size
        except (OSError, ValueError):
            return 0, None
        trusted = state.get("url") == self.archive.url and (state.get("version") or self.archive.sha256)
        return (size, state.get("version")) if trusted else (0, None)

    def _continue(self, url: str, start: int, version: str | None) -> bool:
        """Fetch from byte `start` on; False where that can't be had, or no longer fits the bytes that stand."""
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
        """Append the response to the `.part`; keep it after a failure if it can be gone on with."""
        version, length = _version(response), response.headers.get("Content-Length", "")
        expected = start + int(length) if length.isdigit() else self.archive.bytes
        limit = LARGEST if expected is None else expected
        self._refuse_size(url, expected, start)
        atomic_write_text(self.state, json.dumps({"url": url, "version": version}))
        try:
            with self.part.open("ab") as file, self._bar(start, expected) as bar:
                for piece in response.raw.stream(_PIECE, decode_content=False):
                    problem = None if file.tell() else defect_of_head(piece[:512], self.archive.name)
                    if problem is not None:
                        raise self._useless(f"What '{url}' gave {problem}")
                    if file.tell() + len(piece) > limit:
                        known = "of the known file" if expected else "that any archive has"
                        raise self._useless(f"'{url}' sends more than the {limit} bytes {known}")
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
            raise self._useless(f"'{url}' is not there any more ({status})")
        if status in {401, 403}:
            raise DataError(f"'{url}' wants a login or refuses programs ({status}): {self.by_hand}.")
        if status not in {200, 206}:
            raise DataError(f"'{url}' answers with status {status}: run the same command later, or {self.by_hand}.")

    def _refuse_size(self, url: str, expected: int | None, start: int) -> None:
        if expected is None:
            return
        if self.archive.bytes not in {None, expected}:
            raise self._useless(
                f"'{url}' announces {expected} bytes and not the {self.archive.bytes} of the known file"
            )
        free = shutil.disk_usage(self.path.parent).free
        if free < expected - start:
            raise DataError(
                f"'{self.path.name}' needs {expected - start} more bytes and '{self.path.parent}' has {free} free: "
                f"make room and run the same command again."
            )

    def _useless(self, finding: str) -> DataError:
        """Throw away what stands, which nothing can complete, and say how to get the file all the same."""
        self._discard()
        return DataError(f"{finding}: {self.by_hand}.")

    def _discard(self) -> None:
        self.part.unlink(missing_ok=True)
        self.state.unlink(missing_ok=True)

    @contextmanager
    def _one_sentence(self, url: str) -> Iterator[None]:
        """Turn what requests and urllib3 raise into a DataError."""
        try:
            yield
        except requests.exceptions.SSLError as error:
            raise DataError(f"'{url}' gives no secure connection ({_reason(error)}): {self.by_hand}.") from error
        except (requests.RequestException, HTTPError) as error:
            has = self.part.stat().st_size if self.part.exists() else 0
            then = f"goes on after the {has} bytes that are there" if has else "starts from the beginning"
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
    """Ask for the bytes as they lie on the server, so that lengths and ranges count them."""
    return {"Accept-Encoding": "identity"}


def _version(response: requests.Response) -> str | None:
    """A strong tag, or a date: what may stand in an `If-Range` header."""
    tag = response.headers.get("ETag", "")
    return tag if tag.startswith('"') else response.headers.get("Last-Modified")


def _reason(error: Exception) -> str:
    """What lies at the bottom of a chain of network errors."""
    inner: Any = error
    while isinstance(inner, Exception):
        error = inner
        inner = getattr(error, "reason", None) or next((arg for arg in error.args if isinstance(arg, Exception)), None)
    if isinstance(error, IncompleteRead):
        return "the connection broke off"
    return str(error).rpartition("): ")[2].rstrip(".") or type(error).__name__


def _disk_problem(error: OSError, path: Path) -> str:
    if error.errno in {ENOSPC, EDQUOT}:
        return f"There is no room left in '{path.parent}' for '{path.name}': make some and run the same command again."
    problem = error.strerror or str(error)
    return f"'{error.filename or path}' can't be read or written ({problem}): check the folder and its rights."
