import os
from pathlib import Path

import pytest

from polybench.core.errors import ConfigError
from polybench.experiments.outputs import refuse_overwriting, refuse_unwritable


def test_new_file_in_new_folders_can_be_written(tmp_path: Path) -> None:
    refuse_unwritable(tmp_path / "new" / "er" / "x.json", "--json")
    assert list(tmp_path.iterdir()) == []


def test_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"--csv '.*' is a folder"):
        refuse_unwritable(tmp_path, "--csv")


def test_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"file' is no folder"):
        refuse_unwritable(tmp_path / "file" / "x.json", "--json")


@pytest.mark.parametrize("name", ["pipe", "link"])
def test_pipe_is_no_file(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    with pytest.raises(ConfigError, match=f"--json '.*{name}' is no regular file: name one"):
        refuse_unwritable(tmp_path / name, "--json")
    assert (tmp_path / "pipe").is_fifo()


def test_link_to_a_file_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to("file")
    refuse_unwritable(tmp_path / "link", "--json")


def test_protected_folder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != tmp_path)
    with pytest.raises(ConfigError, match="write-protected"):
        refuse_unwritable(tmp_path / "new" / "x.json", "--json")


def test_inputs_are_never_overwritten(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"--csv '.*a\.png' lies in"):
        refuse_overwriting({"--csv": tmp_path / "gt" / "a.png"}, [tmp_path / "gt"])
    with pytest.raises(ConfigError, match="--json and --csv name the same file"):
        refuse_overwriting({"--json": tmp_path / "x", "--csv": tmp_path / "gt" / ".." / "x"}, [])
    refuse_overwriting({"--json": tmp_path / "x.json", "--csv": tmp_path / "x.csv"}, [tmp_path / "gt"])
