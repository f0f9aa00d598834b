import gzip
import io
import os
import random
import stat
import tarfile
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from filelock import FileLock

from polybench.core.errors import DataError
from polybench.curation import extract
from polybench.curation.extract import unpack

TARS = {"set.tar": "w:", "set.tar.gz": "w:gz", "set.tgz": "w:gz", "set.tar.bz2": "w:bz2", "set.tar.xz": "w:xz"}
FILES = {"Set/images/1.png": b"one", "Set/images/2.png": b"two" * 5000, "Set/read me.txt": "größer".encode()}


def make_zip(path: Path, files: dict[str, bytes], *, kind: int = 0) -> Path:
    """A zip archive; `kind` is the type of the files in Unix's terms."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            info = zipfile.ZipInfo()
            info.filename, info.compress_type, info.create_system = name, zipfile.ZIP_DEFLATED, 3
            info.external_attr = (kind | 0o644) << 16
            archive.writestr(info, data)
    return path


def make_tar(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, TARS[path.name]) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def make(path: Path, files: dict[str, bytes]) -> Path:
    return make_zip(path, files) if path.suffix == ".zip" else make_tar(path, files)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def complaint(path: Path, *, strip: int = 0) -> str:
    """The error of an archive that is refused, which must be one sentence and leave nothing behind."""
    folder = path.parent
    before = contents(folder)
    with pytest.raises(DataError) as caught:
        unpack(path, folder / "target", strip=strip)
    text = str(caught.value)
    assert str(path) in text
    assert text.endswith(".")
    assert "\n" not in text
    assert contents(folder) | {".target.unpacking.lock": b""} == before | {".target.unpacking.lock": b""}
    return text


@pytest.mark.parametrize("name", ["set.zip", *TARS])
def test_unpacks_every_type(tmp_path: Path, name: str) -> None:
    assert unpack(make(tmp_path / name, FILES), tmp_path / "deep" / "target") == 3
    assert contents(tmp_path / "deep" / "target") == FILES


@pytest.mark.parametrize("name", ["set.zip", "set.tar.gz"])
def test_leading_folders_are_left_out(tmp_path: Path, name: str) -> None:
    unpack(make(tmp_path / name, FILES), tmp_path / "target", strip=1)
    assert set(contents(tmp_path / "target")) == {"images/1.png", "images/2.png", "read me.txt"}


def test_a_file_that_would_lose_its_name_is_refused(tmp_path: Path) -> None:
    assert "'1.tif' has no name left" in complaint(make_zip(tmp_path / "set.zip", {"1.tif": b"1"}), strip=1)


def test_what_macos_adds_is_left_out(tmp_path: Path) -> None:
    files = {"a/1.png": b"1", "__MACOSX/a/._1.png": b"?", "a/._1.png": b"?"}
    assert unpack(make_zip(tmp_path / "set.zip", files), tmp_path / "target") == 1
    assert contents(tmp_path / "target") == {"a/1.png": b"1"}


def test_names_of_windows_programs_have_folders(tmp_path: Path) -> None:
    unpack(make_zip(tmp_path / "set.zip", {"images\\1.png": b"1"}), tmp_path / "target")
    assert contents(tmp_path / "target") == {"images/1.png": b"1"}


@pytest.mark.parametrize("name", ["set.zip", "set.tar"])
@pytest.mark.parametrize(
    ("member", "says"),
    [
        *[("../out.txt", "leads out"), ("a/../../out.txt", "leads out"), ("a\\..\\..\\out.txt", "leads out")],
        *[("/out.txt", "absolute"), ("C:\\out.txt", "absolute"), ("\\\\server\\share\\out.txt", "absolute")],
    ],
)
def test_a_name_that_leads_outside_is_refused(tmp_path: Path, name: str, member: str, says: str) -> None:
    assert says in complaint(make(tmp_path / name, {"fine.txt": b"1", member: b"2"}))
    assert not (tmp_path.parent / "out.txt").exists()


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE], ids=str
)
@pytest.mark.parametrize("leads_to", ["/outside", "../../secret", "fine.txt"])
def test_links_and_devices_in_a_tar_are_refused(tmp_path: Path, kind: bytes, leads_to: str) -> None:
    path = make_tar(tmp_path / "set.tar", {"fine.txt": b"1"})
    with tarfile.open(path, "a:") as archive:
        info = tarfile.TarInfo("odd")
        info.type, info.linkname = kind, leads_to
        archive.addfile(info)
    assert "'odd' is a link or a device" in complaint(path)


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK])
def test_links_and_devices_in_a_zip_are_refused(tmp_path: Path, kind: int) -> None:
    assert "is a link or a device" in complaint(make_zip(tmp_path / "set.zip", {"odd": b"/outside"}, kind=kind))


@pytest.mark.parametrize("name", ["set.zip", "set.tar"])
@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"a/1.png": b"1", "a/1.PNG": b"2"}, "differ only in case"),
        ({"A/1.png": b"1", "a/2.png": b"2"}, "differ only in case"),
        ({"a/\u00e9.png": b"1", "a/e\u0301.png": b"2"}, "differ only in case"),
        ({"a/1.png": b"1", "a/./1.png": b"2"}, "exists twice"),
        ({"a": b"1", "a/1.png": b"2"}, "exists twice"),
    ],
)
def test_names_that_clash_are_refused(tmp_path: Path, name: str, files: dict[str, bytes], says: str) -> None:
    assert says in complaint(make(tmp_path / name, files))


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", ["set.zip", "set.tar"])
def test_a_name_given_twice_is_refused(tmp_path: Path, name: str) -> None:
    path = make(tmp_path / name, {"a/1.png": b"1"})
    if name.endswith(".zip"):
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr("a/1.png", b"2")
    else:
        with tarfile.open(path, "a:") as archive:
            archive.addfile(tarfile.TarInfo("a/1.png"))
    assert "exists twice" in complaint(path)


def test_two_files_that_one_strip_makes_the_same_are_refused(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "set.zip", {"a/1.png": b"1", "b/1.png": b"2"})
    assert "exists twice" in complaint(path, strip=1)


@pytest.mark.parametrize("name", ["set.zip", "set.tar.gz"])
def test_a_bomb_is_refused(tmp_path: Path, name: str) -> None:
    path = make(tmp_path / name, {"zeros": bytes(80 << 20)})
    assert path.stat().st_size * 800 < 80 << 20
    assert f"{80 << 20} bytes" in complaint(path)


@pytest.mark.parametrize("name", ["set.tar", "set.tar.gz"])
def test_a_header_that_is_longer_than_any_name_is_refused_unread(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extract, "MAX_HEADER", 1 << 20)
    header = tarfile.TarInfo("././@LongLink")
    header.type, header.size = tarfile.GNUTYPE_LONGNAME, 2 << 20
    path = tmp_path / name
    with (gzip.open if name.endswith("gz") else open)(path, "wb") as file:
        file.write(header.tobuf(tarfile.GNU_FORMAT) + b"a" * header.size + bytes(1024))
    assert f"a header of {2 << 20} bytes" in complaint(path)


def test_what_compresses_well_but_is_small_is_no_bomb(tmp_path: Path) -> None:
    assert unpack(make_zip(tmp_path / "set.zip", {"mask.bmp": bytes(4 << 20)}), tmp_path / "target") == 1


def test_a_bomb_of_many_members_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extract, "MAX_MEMBERS", 9)
    path = make_zip(tmp_path / "set.zip", {f"{k}.png": b"" for k in range(10)})
    assert "10 members" in complaint(path)


def test_more_bytes_than_any_dataset_has_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extract, "MAX_BYTES", 1000)
    path = make_zip(tmp_path / "set.zip", {"1": random.Random(0).randbytes(600), "2": random.Random(1).randbytes(401)})
    assert "1001 bytes" in complaint(path)


def test_an_archive_larger_than_the_free_room_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extract.shutil, "disk_usage", lambda _: SimpleNamespace(free=10))
    assert "15015 bytes" in complaint(make_zip(tmp_path / "set.zip", {"1": bytes(15015)}))


def test_an_encrypted_zip_is_refused(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "set.zip", {"1.png": b"1"})
    data = bytearray(path.read_bytes())
    for signature, offset in (
        (b"PK\x03\x04", 6),
        (b"PK\x01\x02", 8),
    ):  # APPNOTE.TXT 4.3.7 and 4.3.12: bit 0 of the flags
        data[data.index(signature) + offset] |= 1
    path.write_bytes(data)
    assert "'1.png' is encrypted" in complaint(path)


@pytest.mark.parametrize("name", ["set.zip", *TARS])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.85])
def test_a_truncated_archive_leaves_nothing(tmp_path: Path, name: str, share: float) -> None:
    noise = random.Random(0)
    path = make(tmp_path / name, {f"{k}.png": noise.randbytes(3000) for k in range(20)})
    os.truncate(path, int(path.stat().st_size * share))
    assert "broken or truncated" in complaint(path)


def test_a_tar_that_ends_between_two_members_is_noticed(tmp_path: Path) -> None:
    path = make_tar(tmp_path / "set.tar", {"1.png": bytes([1]) * 512, "2.png": bytes([2]) * 512})
    os.truncate(path, 1024)
    assert "stops before its end" in complaint(path)


@pytest.mark.parametrize("name", ["set.zip", "set.tar.gz", "set.tar.bz2", "set.tar.xz"])
def test_a_flipped_bit_leaves_nothing(tmp_path: Path, name: str) -> None:
    noise = random.Random(0)
    path = make(tmp_path / name, {f"{k}.png": noise.randbytes(3000) for k in range(20)})
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 16
    path.write_bytes(data)
    assert "broken or truncated" in complaint(path)


def test_the_checksum_at_the_end_of_a_gzip_file_is_read(tmp_path: Path) -> None:
    path = make_tar(tmp_path / "set.tar.gz", FILES)
    data = bytearray(gzip.compress(gzip.decompress(path.read_bytes())))
    data[-5] ^= 1  # RFC 1952: CRC32 stands in bytes -8 to -5
    path.write_bytes(data)
    assert "broken or truncated" in complaint(path)


def test_a_size_that_the_zip_lies_about_is_noticed(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "set.zip", {"1.png": b"12345678"})
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 24] = 200  # APPNOTE.TXT 4.3.12: uncompressed size
    path.write_bytes(data)
    assert "broken or truncated" in complaint(path)


def test_another_type_is_to_be_unpacked_by_hand(tmp_path: Path) -> None:
    (tmp_path / "set.rar").write_bytes(b"Rar!\x1a\x07\x01\x00")
    assert "by hand" in complaint(tmp_path / "set.rar")


def test_an_archive_without_files_is_refused(tmp_path: Path) -> None:
    assert "holds no files" in complaint(make_zip(tmp_path / "set.zip", {"folder/": b""}))


def test_same_files_are_kept_and_others_added(tmp_path: Path) -> None:
    target = tmp_path / "target"
    (target / "Set" / "images").mkdir(parents=True)
    (target / "Set" / "images" / "1.png").write_bytes(b"one")
    (target / "mine.txt").write_bytes(b"mine")
    inode = (target / "Set" / "images" / "1.png").stat().st_ino
    path = make_zip(tmp_path / "set.zip", FILES)
    assert unpack(path, target) == 3
    assert unpack(path, target) == 3
    assert contents(target) == FILES | {"mine.txt": b"mine"}
    assert (target / "Set" / "images" / "1.png").stat().st_ino == inode


@pytest.mark.parametrize("there", ["Set/read me.txt", "Set/images", "Set"])
def test_what_differs_is_not_overwritten(tmp_path: Path, there: str) -> None:
    mine = tmp_path / "target" / there
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"mine")
    assert str(mine) in complaint(make_zip(tmp_path / "set.zip", FILES))
    assert contents(tmp_path / "target") == {there: b"mine"}


def test_an_interruption_leaves_nothing_half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_zip(tmp_path / "set.zip", FILES)
    copy = extract.shutil.copyfileobj
    done: list[int] = []

    def stop(*arguments: object) -> None:
        done.append(1)
        if len(done) == 3:
            raise KeyboardInterrupt
        copy(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(extract.shutil, "copyfileobj", stop)
        with pytest.raises(KeyboardInterrupt):
            unpack(path, tmp_path / "target")
    assert {p.name for p in tmp_path.iterdir()} == {"set.zip", ".target.unpacking.lock"}


def test_the_leftovers_of_a_killed_process_are_cleared(tmp_path: Path) -> None:
    (tmp_path / ".target.unpacking").mkdir()
    (tmp_path / ".target.unpacking" / "half.png").write_bytes(b"half")
    unpack(make_zip(tmp_path / "set.zip", FILES), tmp_path / "target")
    assert contents(tmp_path / "target") == FILES
    assert not (tmp_path / ".target.unpacking").exists()


def test_a_target_that_is_a_link_is_unpacked_where_it_leads(tmp_path: Path) -> None:
    (tmp_path / "disk" / "big").mkdir(parents=True)
    (tmp_path / "target").symlink_to(tmp_path / "disk" / "big")
    unpack(make_zip(tmp_path / "set.zip", FILES), tmp_path / "target")
    assert contents(tmp_path / "disk" / "big") == FILES
    assert {p.name for p in tmp_path.iterdir()} == {"disk", "set.zip", "target"}


@pytest.mark.parametrize("leads_to", ["inside", "outside", "nowhere"])
def test_a_link_inside_the_target_is_not_followed(tmp_path: Path, leads_to: str) -> None:
    place = tmp_path / "target" / "other" if leads_to == "inside" else tmp_path / leads_to
    (tmp_path / "target").mkdir()
    if leads_to != "nowhere":
        place.mkdir()
    (tmp_path / "target" / "images").symlink_to(place)
    path = make_zip(tmp_path / "set.zip", {"images/deep/1.png": b"one", "2.png": b"two"})
    with pytest.raises(DataError, match=r"target/images'"):
        unpack(path, tmp_path / "target")
    assert not list(tmp_path.rglob("*1.png"))
    assert not (tmp_path / "target" / "2.png").exists()


def test_files_that_stand_behind_a_link_are_kept(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk" / "1.png").write_bytes(b"one")
    (tmp_path / "target").mkdir()
    (tmp_path / "target" / "images").symlink_to(tmp_path / "disk")
    assert unpack(make_zip(tmp_path / "set.zip", {"images/1.png": b"one"}), tmp_path / "target") == 1


def test_two_processes_do_not_unpack_into_one_folder(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "set.zip", FILES)
    with FileLock(tmp_path / ".target.unpacking.lock"), pytest.raises(DataError, match="Another process"):
        unpack(path, tmp_path / "target")


def test_a_missing_archive_is_named(tmp_path: Path) -> None:
    assert "No such file" in complaint(tmp_path / "set.zip")
