from pathlib import Path

import pytest

from polybench.atomic import atomic_write_text, atomic_writer


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


def test_missing_folders_are_made(tmp_path: Path) -> None:
    atomic_write_text(tmp_path / "a" / "b" / "c.txt", "text")
    assert (tmp_path / "a" / "b" / "c.txt").read_text() == "text"


def test_the_longest_name_can_be_written(tmp_path: Path) -> None:
    name = "\N{GREEK SMALL LETTER MU}" * 127
    atomic_write_text(tmp_path / name, "text")
    assert [path.name for path in tmp_path.iterdir()] == [name]
