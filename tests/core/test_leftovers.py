import os
import signal
import time
from pathlib import Path

import pytest

from polybench.core.atomic import atomic_writer
from polybench.core.leftovers import ABANDONED_SECONDS, sweep


def killed_while_writing(target: Path) -> Path:
    child = os.fork()
    if child == 0:
        with atomic_writer(target) as file:
            file.write(b"half")
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    [left] = target.parent.glob(".*.tmp")
    return left


def test_what_a_killed_writer_left_is_swept_at_once(tmp_path: Path) -> None:
    left = killed_while_writing(tmp_path / "best.ckpt")
    assert sweep(tmp_path) == [left]
    assert not list(tmp_path.iterdir())


def test_what_is_being_written_stays(tmp_path: Path) -> None:
    with atomic_writer(tmp_path / "a.txt") as file:
        file.write(b"text")
        assert sweep(tmp_path) == []
    assert (tmp_path / "a.txt").read_text() == "text"


@pytest.mark.parametrize("name", [".a.txt.0123abcd-1.abcd_efg.tmp", ".a.txt.abcdefgh.tmp"], ids=["host", "old"])
def test_what_another_host_or_an_earlier_version_left_is_swept_after_a_day(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text("half")
    assert sweep(tmp_path) == []
    yesterday = time.time() - ABANDONED_SECONDS - 1
    os.utime(path, (yesterday, yesterday))
    assert sweep(tmp_path) == [path]


@pytest.mark.parametrize("name", [".notes.tmp", "a.tmp", ".a.txt"])
def test_files_of_others_stay(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text("mine")
    os.utime(path, (0, 0))
    assert sweep(tmp_path) == []
    assert path.exists()


def test_folder_that_is_not_there_is_swept(tmp_path: Path) -> None:
    assert sweep(tmp_path / "none") == []
