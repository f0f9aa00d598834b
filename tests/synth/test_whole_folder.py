from pathlib import Path

import pytest

from polybench.core.errors import DataError
from polybench.synth.whole_folder import whole_folder


def refuse() -> None:
    raise DataError("something else is there")


def test_folder_appears_with_all_files(tmp_path: Path) -> None:
    with whole_folder(tmp_path / "a" / "set", refuse) as unfinished:
        unfinished.mkdir()
        (unfinished / "file").touch()
        assert not (tmp_path / "a" / "set").exists()
    assert [path.relative_to(tmp_path) for path in tmp_path.rglob("file")] == [Path("a/set/file")]


@pytest.mark.parametrize("accepted", [True, False])
def test_what_another_wrote_meanwhile_stays(tmp_path: Path, accepted: bool) -> None:
    def write() -> None:
        with whole_folder(tmp_path / "set", (lambda: None) if accepted else refuse) as unfinished:
            unfinished.mkdir()
            (tmp_path / "set").mkdir()
            (tmp_path / "set" / "theirs").touch()

    if accepted:
        write()
    else:
        with pytest.raises(DataError, match="something else"):
            write()
    assert [path.name for path in tmp_path.rglob("*")] == ["set", "theirs"]
