import os
import signal
from pathlib import Path

import pytest

from polybench.core.atomic import atomic_write_text, atomic_writer
from polybench.core.disk import WriteError


def test_failed_write_keeps_the_old_file_and_leaves_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    atomic_write_text(target, "old")

    def fail_half_way() -> None:
        with atomic_writer(target) as file:
            file.write(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_half_way()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_exclusive_write_never_replaces(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    atomic_write_text(target, "old", exclusive=True)
    with pytest.raises(FileExistsError):
        atomic_write_text(target, "new", exclusive=True)
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("follow", [False, True])
def test_pipe_is_never_replaced(tmp_path: Path, follow: bool) -> None:
    target = tmp_path / "pipe"
    os.mkfifo(target)
    with pytest.raises(WriteError, match=r"'pipe' can't be written .*a device, a pipe or a socket"):
        atomic_write_text(target, "new", follow=follow)
    assert list(tmp_path.iterdir()) == [target]
    assert target.is_fifo()


def test_link_to_a_pipe_is_not_followed_into_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    with pytest.raises(WriteError, match="'pipe' can't be written"):
        atomic_write_text(tmp_path / "link", "new", follow=True)
    assert (tmp_path / "pipe").is_fifo()


def test_folder_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(WriteError, match=r"'folder' can't be written .*remove the folder"):
        atomic_write_text(tmp_path / "folder", "new")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_link_is_replaced_and_what_it_leads_to_stays(tmp_path: Path) -> None:
    (tmp_path / "other.ckpt").write_text("old")
    (tmp_path / "last.ckpt").symlink_to("other.ckpt")
    atomic_write_text(tmp_path / "last.ckpt", "new")
    assert [(tmp_path / name).read_text() for name in ("other.ckpt", "last.ckpt")] == ["old", "new"]


@pytest.mark.parametrize("exists", [True, False], ids=["a file", "nothing yet"])
def test_link_that_is_followed_stays(tmp_path: Path, exists: bool) -> None:
    target, link = tmp_path / "far" / "target", tmp_path / "link"
    target.parent.mkdir()
    if exists:
        target.write_text("old")
    link.symlink_to(target)
    atomic_write_text(link, "new", follow=True)
    assert target.read_text() == "new"
    assert link.readlink() == target
    assert list(target.parent.iterdir()) == [target]


def test_missing_folders_are_made(tmp_path: Path) -> None:
    atomic_write_text(tmp_path / "a" / "b" / "c.txt", "text")
    assert (tmp_path / "a" / "b" / "c.txt").read_text() == "text"


def test_the_longest_name_can_be_written(tmp_path: Path) -> None:
    name = "\N{GREEK SMALL LETTER MU}" * 127
    atomic_write_text(tmp_path / name, "text")
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_what_a_killed_writer_left_is_removed_by_the_next_process_that_writes_there(tmp_path: Path) -> None:
    killed = os.fork()
    if killed == 0:
        with atomic_writer(tmp_path / "a.txt") as file:
            file.write(b"half")
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(killed, 0)
    assert len(list(tmp_path.glob(".a.txt.*.tmp"))) == 1
    next_writer = os.fork()
    if next_writer == 0:
        atomic_write_text(tmp_path / "b.txt", "whole")
        os._exit(0)
    os.waitpid(next_writer, 0)
    assert [path.name for path in tmp_path.iterdir()] == ["b.txt"]
