"""Each refusal of the system becomes a sentence that names the file, the folder, and what to do."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from polybench.cli import main as command_line
from polybench.core import disk
from polybench.core.atomic import atomic_write_text
from polybench.core.disk import WriteError, make_folder, probe, writing


def failing(number: int) -> Callable[..., None]:
    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, r"No space left on device, \d+ MiB are free\): free some space there"),
        (errno.EDQUOT, r"Disk quota exceeded\): free some space there"),
        (errno.EACCES, r"Permission denied\): change the permissions"),
        (errno.EROFS, r"Read-only file system\): choose a folder on a writable file system"),
        (errno.EMFILE, r"Too many open files\): raise the limit of open files"),
        (errno.EIO, r"Input/output error\): check the disk"),
        (errno.ESTALE, r"\): choose another folder"),
    ],
)
def test_failed_write_names_file_folder_and_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, words: str
) -> None:
    monkeypatch.setattr("polybench.core.atomic.os.fsync", failing(number))
    with pytest.raises(
        WriteError, match=rf"^'x\.json' can't be written to the folder '{tmp_path}' \(.*{words}"
    ) as caught:
        atomic_write_text(tmp_path / "x.json", "text")
    assert (caught.value.exit_code, caught.value.errno) == (2, number)
    assert list(tmp_path.iterdir()) == []


def test_file_in_the_place_of_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "records").write_text("")
    with pytest.raises(WriteError, match=r"'records' can't be written .* remove the file of that name"):
        atomic_write_text(tmp_path / "records" / "x.json", "text", exclusive=True)


def test_name_that_is_too_long_is_said(tmp_path: Path) -> None:
    with pytest.raises(WriteError, match="choose a shorter name"):
        atomic_write_text(tmp_path / ("x" * 300), "text")


def test_fault_of_a_library_is_left_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"^cannot write mode F as PNG$"), writing(tmp_path / "x.png"):
        raise OSError("cannot write mode F as PNG")


def test_probe_makes_the_folder_and_leaves_nothing(tmp_path: Path) -> None:
    probe(tmp_path / "a" / "b", room=1)
    assert list((tmp_path / "a" / "b").iterdir()) == []


def test_probe_says_how_much_room_is_missing(tmp_path: Path) -> None:
    with pytest.raises(WriteError, match=rf"'{tmp_path}' \(.* MiB are needed, \d+ MiB are free\): free some space"):
        probe(tmp_path, room=2**60)


def test_probe_finds_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk.os, "fsync", failing(errno.ENOSPC))
    with pytest.raises(WriteError, match=f"'{tmp_path}'.*No space left"):
        probe(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_folder_that_cannot_be_made_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "mkdir", lambda self, **_: failing(errno.EACCES)())
    with pytest.raises(WriteError, match=r"'new' can't be written .*Permission denied"):
        make_folder(tmp_path / "new")


@pytest.mark.parametrize("filename", [None, "/somewhere/x"])
def test_refusal_that_nothing_has_named_is_one_sentence(
    filename: str | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(args: list[str]) -> int:
        raise OSError(errno.ENOSPC, "No space left on device", filename)

    monkeypatch.setattr(command_line, "_dispatch", refused)
    monkeypatch.setenv("POLYBENCH_RUN_FOLDER", "runs/x")
    assert command_line.run(["fit"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert (filename or "'runs/x'") in said
    assert "free some space" in said
