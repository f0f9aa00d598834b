import bz2
import gzip
import hashlib
import lzma
import tarfile
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from polybench.curation.integrity import defect, store_checksum
from polybench.data.card import Archive


def write(path: Path) -> Path:
    """A true file of the type that its name says, by the library of that type."""
    if path.suffix in {".tif", ".tiff", ".png", ".jpg", ".gif", ".bmp"}:
        Image.new("L", (4, 4)).save(path)
    elif path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("1.txt", b"1")
    elif path.suffix == ".tar":
        with tarfile.open(path, "w") as archive:
            archive.addfile(tarfile.TarInfo("1.txt"))
    else:
        pack = {".gz": gzip.compress, ".tgz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress, ".csv": bytes}
        path.write_bytes(pack[path.suffix](b"id,subset\n1,train\n"))
    return path


SUFFIXES = (".tif", ".tiff", ".png", ".jpg", ".gif", ".bmp", ".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".csv")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_true_file_has_no_defect(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"a{suffix}")
    assert defect(path, Archive("", path.name)) is None
    exact = Archive("", path.name, bytes=path.stat().st_size, sha256=hashlib.sha256(path.read_bytes()).hexdigest())
    assert defect(path, exact) is None


@pytest.mark.parametrize("suffix", [suffix for suffix in SUFFIXES if suffix != ".csv"])
def test_a_true_file_of_another_type_has_one(tmp_path: Path, suffix: str) -> None:
    other = write(tmp_path / ("a.png" if suffix == ".zip" else "a.zip"))
    assert defect(other, Archive("", f"a{suffix}")) == f"is not a {suffix} file"


def test_a_size_is_compared_where_no_checksum_is_known(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv")
    assert defect(path, Archive("", "a.csv", bytes=19)) == "has 18 bytes instead of 19"


def test_an_upper_case_suffix_is_the_same_type(tmp_path: Path) -> None:
    assert defect(write(tmp_path / "a.png"), Archive("", "A.ZIP")) == "is not a .zip file"


def test_a_published_checksum_comes_before_a_remembered_one(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv")
    (tmp_path / "a.csv.sha256").write_text(f"{'0' * 64}  a.csv\n")
    assert defect(path, Archive("", "a.csv", sha256=hashlib.sha256(path.read_bytes()).hexdigest())) is None
    assert "instead of 0000" in str(defect(path, Archive("", "a.csv")))


@pytest.mark.parametrize("left", [b"", b"\xff\xfe"])
def test_a_broken_note_of_a_checksum_is_written_anew(tmp_path: Path, left: bytes) -> None:
    path = write(tmp_path / "a.csv")
    (tmp_path / "a.csv.sha256").write_bytes(left)
    store_checksum(path, Archive("", "a.csv"))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert (tmp_path / "a.csv.sha256").read_text() == f"{digest}  a.csv\n"
