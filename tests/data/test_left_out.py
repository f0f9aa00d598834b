import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from polybench.cli.main import run
from polybench.core.errors import DataError
from polybench.curation.make_split import make_split
from polybench.datasets import ClinicDBDataModule, FolderDataModule


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """Four images with masks, and their list."""
    folder = tmp_path / "own"
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
        for number in range(4):
            Image.fromarray(np.eye(8, dtype=np.uint8) * (200 + number)).save(folder / name / f"{number}.png")
    (folder / "split.csv").write_text(make_split(["0", "1", "2", "3"]))
    return folder


def module(folder: Path) -> FolderDataModule:
    return FolderDataModule(str(folder), str(folder / "split.csv"), size=(8, 8))


def test_images_in_a_sub_folder_of_images_are_refused(own: Path) -> None:
    (own / "images" / "b").mkdir()
    (own / "images" / "0.png").rename(own / "images" / "b" / "4.png")
    with pytest.raises(DataError, match=r"images' has 1 image in sub-folders \('b'\)"):
        module(own).sources()


def test_copy_with_files_of_no_use_is_said_and_recorded(data_root: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = data_root / "CVC-ClinicDB" / "Original"
    (folder / "1.png").write_bytes(b"no image")
    (folder / "._2.tif").write_bytes(b"no image")
    data = ClinicDBDataModule(str(data_root), split=str(data_root / "split.csv"), size=(8, 8))
    with caplog.at_level("INFO"):
        data.prepare_data()
    assert data.facts().copy_notes[-1] == "left out beside its images: 1 not used '1.png'"
    assert "12 images; left out: 1 not used '1.png', 1 hidden '._2.tif'." in caplog.text


def test_copy_without_such_files_has_no_note(data_root: Path) -> None:
    data = ClinicDBDataModule(str(data_root), split=str(data_root / "split.csv"), size=(8, 8))
    data.prepare_data()
    assert not any("left out" in note for note in data.facts().copy_notes)


@pytest.mark.parametrize("action", ["verify", "audit"])
def test_verify_and_audit_count_what_was_left_out(own: Path, action: str, capsys: pytest.CaptureFixture[str]) -> None:
    (own / "masks" / "Thumbs.db").touch()
    more = ["--out", str(own / "report"), "--pictures", str(own / "pictures")] if action == "audit" else []
    words = ["data", action, "folder", "--root", str(own), "--split", str(own / "split.csv"), *more]
    assert run(words) == 0
    assert "1 of another type 'Thumbs.db'" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("action", ["verify", "audit"])
def test_name_that_is_no_utf8_is_one_sentence(own: Path, action: str, capsys: pytest.CaptureFixture[str]) -> None:
    (own / "images" / os.fsdecode(b"\xff.png")).touch()
    assert run(["data", action, "folder", "--root", str(own), "--split", str(own / "split.csv")]) == 2
    assert r"\xff.png' is not UTF-8" in capsys.readouterr().err


def test_pipe_named_like_an_image_is_a_defect_and_does_not_hang(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(own / "images" / "pipe.png")
    assert run(["data", "verify", "folder", "--root", str(own), "--split", str(own / "split.csv")]) == 1
    assert "pipe.png' is not a regular file" in capsys.readouterr().out
