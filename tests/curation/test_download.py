import errno
import gzip
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from filelock import FileLock

from polybench.core.errors import DataError
from polybench.curation import download
from polybench.curation.download import fetch
from polybench.data.card import Archive
from tests.curation.download_site import MOST, NEWER, ZIP, Site, serve

SHA256 = hashlib.sha256(ZIP).hexdigest()


@pytest.fixture
def site() -> Iterator[Site]:
    with serve() as site:
        yield site


def known(site: Site) -> Archive:
    return Archive(site.url, "set.zip", bytes=len(ZIP), sha256=SHA256)


def unknown(site: Site) -> Archive:
    return Archive(site.url, "set.zip")


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {".set.zip.lock"}


def complaint(archive: Archive, folder: Path) -> str:
    """The error of a fetch, which must be one sentence."""
    with pytest.raises(DataError) as caught:
        fetch(archive, folder, progress=False)
    text = str(caught.value)
    assert text.endswith(".")
    assert "\n" not in text
    assert ". " not in text
    return text


def test_a_file_arrives_whole_and_alone(site: Site, tmp_path: Path) -> None:
    path = fetch(known(site), tmp_path / "new" / "folder")
    assert path == tmp_path / "new" / "folder" / "set.zip"
    assert path.read_bytes() == ZIP
    assert names(path.parent) == {"set.zip"}


def test_an_intact_file_is_not_asked_for_again(site: Site, tmp_path: Path) -> None:
    (tmp_path / "set.zip").write_bytes(ZIP)
    fetch(known(site), tmp_path)
    assert site.asked == []


@pytest.mark.parametrize("broken", [ZIP[:-1], ZIP[:9000] + b"?" + ZIP[9001:], b"", b"<html>log in</html>"])
def test_a_corrupt_file_is_named_and_replaced(
    site: Site, tmp_path: Path, broken: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "set.zip").write_bytes(broken)
    assert fetch(known(site), tmp_path).read_bytes() == ZIP
    assert names(tmp_path) == {"set.zip"}
    assert str(tmp_path / "set.zip") in capsys.readouterr().err


def test_a_corrupt_file_stays_aside_until_the_download_succeeds(site: Site, tmp_path: Path) -> None:
    (tmp_path / "set.zip").write_bytes(b"mine")
    site.status = 503
    assert "503" in complaint(known(site), tmp_path)
    assert (tmp_path / "set.zip.corrupt").read_bytes() == b"mine"
    assert not (tmp_path / "set.zip").exists()
    site.status = 200
    fetch(known(site), tmp_path)
    assert names(tmp_path) == {"set.zip"}


@pytest.mark.parametrize("make", [known, unknown])
def test_a_cut_connection_is_gone_on_with(site: Site, tmp_path: Path, make: Callable[[Site], Archive]) -> None:
    site.cut_after = 7001
    assert "after 7001 bytes" in complaint(make(site), tmp_path)
    assert (tmp_path / "set.zip.part").read_bytes() == ZIP[:7001]
    assert not (tmp_path / "set.zip").exists()
    site.cut_after = None
    assert fetch(make(site), tmp_path).read_bytes() == ZIP
    assert site.asked[1]["Range"] == "bytes=7001-"
    assert site.asked[1]["If-Range"] == '"v1"'
    assert len(site.asked) == 2


def test_a_connection_cut_twice_is_gone_on_with_twice(site: Site, tmp_path: Path) -> None:
    site.cut_after = 7001
    complaint(known(site), tmp_path)
    complaint(known(site), tmp_path)
    assert (tmp_path / "set.zip.part").read_bytes() == ZIP[:14002]
    site.cut_after = None
    assert fetch(known(site), tmp_path).read_bytes() == ZIP


def test_a_server_without_ranges_sends_all_again(site: Site, tmp_path: Path) -> None:
    site.cut_after, site.ranges = 7001, False
    complaint(known(site), tmp_path)
    site.cut_after = None
    assert fetch(known(site), tmp_path).read_bytes() == ZIP


@pytest.mark.parametrize("trusts_if_range", [True, False])
def test_a_file_changed_between_the_parts_is_fetched_from_its_start(
    site: Site, tmp_path: Path, trusts_if_range: bool
) -> None:
    site.cut_after, site.trusts_if_range = 7001, trusts_if_range
    complaint(unknown(site), tmp_path)
    site.cut_after, site.body, site.tag = None, NEWER, '"v2"'
    assert fetch(unknown(site), tmp_path).read_bytes() == NEWER


def test_a_change_that_the_server_hides_is_found_by_the_checksum(site: Site, tmp_path: Path) -> None:
    site.cut_after, site.tag = 7001, None
    complaint(known(site), tmp_path)
    site.cut_after, site.body = None, NEWER
    assert SHA256 in complaint(known(site), tmp_path)
    assert names(tmp_path) == set()


def test_without_version_and_checksum_no_part_is_kept(site: Site, tmp_path: Path) -> None:
    site.cut_after, site.tag = 7001, None
    assert "starts from the beginning" in complaint(unknown(site), tmp_path)
    assert names(tmp_path) == set()


def test_a_part_that_a_killed_process_left_without_a_version_is_not_trusted(site: Site, tmp_path: Path) -> None:
    site.tag = None
    (tmp_path / "set.zip.part").write_bytes(NEWER[:7001])
    (tmp_path / "set.zip.part.json").write_text(json.dumps({"url": site.url, "version": None}))
    assert fetch(unknown(site), tmp_path).read_bytes() == ZIP


def test_a_part_of_another_address_is_not_gone_on_with(site: Site, tmp_path: Path) -> None:
    site.cut_after = 7001
    complaint(known(site), tmp_path)
    site.cut_after = None
    moved = Archive(site.url.replace("set.zip", "moved/set.zip"), "set.zip", sha256=SHA256)
    assert fetch(moved, tmp_path).read_bytes() == ZIP
    assert "Range" not in site.asked[1]


def test_a_part_that_is_complete_is_only_checked(site: Site, tmp_path: Path) -> None:
    site.cut_after = 7001
    complaint(known(site), tmp_path)
    (tmp_path / "set.zip.part").write_bytes(ZIP)
    assert fetch(known(site), tmp_path).read_bytes() == ZIP
    assert site.asked[1]["Range"] == f"bytes={len(ZIP)}-"
    assert len(site.asked) == 2


def test_a_part_longer_than_the_file_is_thrown_away(site: Site, tmp_path: Path) -> None:
    site.cut_after = 7001
    complaint(known(site), tmp_path)
    (tmp_path / "set.zip.part").write_bytes(ZIP + b"more")
    site.cut_after = None
    assert fetch(known(site), tmp_path).read_bytes() == ZIP


def test_a_length_that_is_too_long_ends_in_a_file_after_all(site: Site, tmp_path: Path) -> None:
    site.announces = len(ZIP) + 500
    assert f"after {len(ZIP)} bytes" in complaint(Archive(site.url, "set.zip", sha256=SHA256), tmp_path)
    site.announces = None
    assert fetch(known(site), tmp_path).read_bytes() == ZIP


def test_a_length_that_is_too_short_is_noticed_without_size_and_checksum(site: Site, tmp_path: Path) -> None:
    site.announces = len(ZIP) - 500
    assert "a zip archive without its end" in complaint(unknown(site), tmp_path)
    assert names(tmp_path) == set()


def test_another_size_is_refused_before_a_byte_is_written(site: Site, tmp_path: Path) -> None:
    archive = Archive(site.url, "set.zip", bytes=len(ZIP) + 1)
    assert f"{len(ZIP)} bytes and not the {len(ZIP) + 1}" in complaint(archive, tmp_path)
    assert names(tmp_path) == set()


@pytest.mark.parametrize("body", [b"<!DOCTYPE html><p>Log in</p>", b"\n <HTML>quota exceeded</HTML>"])
@pytest.mark.parametrize("name", ["set.zip", "table.csv"])
def test_a_web_page_is_not_taken_for_the_file(site: Site, tmp_path: Path, body: bytes, name: str) -> None:
    site.body = body
    assert "is a web page" in complaint(Archive(site.url, name), tmp_path)
    assert {file for file in names(tmp_path) if not file.endswith(".lock")} == set()


def test_an_endless_file_is_given_up_at_the_known_size(site: Site, tmp_path: Path) -> None:
    site.endless = True
    assert f"sends more than the {len(ZIP)} bytes of the known file" in complaint(known(site), tmp_path)
    assert names(tmp_path) == set()
    assert site.sent < MOST


def test_an_endless_rest_is_given_up_at_the_known_size(site: Site, tmp_path: Path) -> None:
    site.cut_after = 7001
    complaint(known(site), tmp_path)
    site.endless = True
    assert f"sends more than the {len(ZIP)} bytes" in complaint(known(site), tmp_path)
    assert names(tmp_path) == set()


def test_an_endless_file_of_unknown_size_is_given_up(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "LARGEST", 100_000)
    site.endless = True
    assert "sends more than the 100000 bytes that any archive has" in complaint(unknown(site), tmp_path)
    assert names(tmp_path) == set()


def test_a_file_without_a_length_arrives_whole(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.curation.download_site.MOST", 1)
    site.endless = True
    assert fetch(known(site), tmp_path).read_bytes() == ZIP


def test_a_web_page_is_noticed_at_its_start(site: Site, tmp_path: Path) -> None:
    site.body, site.announces = b"<html>a page of which more is announced than comes</html>", 1_000_000
    assert "is a web page" in complaint(unknown(site), tmp_path)


@pytest.mark.parametrize("name", ["set.zip", "set.tar.gz", "set.tar", "set.tar.xz", "set.tar.bz2", "a.tif", "a.png"])
def test_another_type_is_refused(site: Site, tmp_path: Path, name: str) -> None:
    site.body = b"just text, long enough to be something" * 20
    assert f"is not a {Path(name).suffix} file" in complaint(Archive(site.url, name), tmp_path)


@pytest.mark.parametrize(
    ("status", "says"),
    [
        *[
            (404, "doesn't exist any more"),
            (410, "doesn't exist any more"),
            (401, "requires a login"),
            (403, "requires a login"),
        ],
        *[(429, "later"), (500, "later"), (503, "later")],
    ],
)
def test_a_refusal_of_the_server_says_what_to_do(site: Site, tmp_path: Path, status: int, says: str) -> None:
    site.status = status
    text = complaint(known(site), tmp_path)
    assert says in text
    assert str(status) in text
    assert str(tmp_path / "set.zip") in text


@pytest.mark.parametrize(("status", "kept"), [(503, True), (403, True), (404, False)])
def test_a_part_outlives_a_refusal_that_may_pass(site: Site, tmp_path: Path, status: int, kept: bool) -> None:
    site.cut_after = 7001
    complaint(known(site), tmp_path)
    site.status = status
    complaint(known(site), tmp_path)
    assert (tmp_path / "set.zip.part").exists() is kept


def test_a_wrong_checksum_leaves_nothing(site: Site, tmp_path: Path) -> None:
    site.body = NEWER
    assert SHA256 in complaint(known(site), tmp_path)
    assert names(tmp_path) == set()


def test_an_unpublished_checksum_is_remembered_and_compared(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = fetch(unknown(site), tmp_path)
    assert (tmp_path / "set.zip.sha256").read_text() == f"{SHA256}  set.zip\n"
    assert SHA256 in capsys.readouterr().err
    fetch(unknown(site), tmp_path)
    assert len(site.asked) == 1
    path.write_bytes(ZIP[:9000] + bytes([ZIP[9000] ^ 1]) + ZIP[9001:])
    assert fetch(unknown(site), tmp_path).read_bytes() == ZIP
    assert len(site.asked) == 2


def test_a_source_that_changed_is_told_from_the_one_remembered(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fetch(unknown(site), tmp_path).unlink()
    site.body = NEWER
    fetch(unknown(site), tmp_path)
    assert f"another than the {SHA256}" in capsys.readouterr().err
    assert (tmp_path / "set.zip.sha256").read_text().split()[0] == hashlib.sha256(NEWER).hexdigest()


def test_too_little_room_is_noticed_before_a_byte_is_written(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download.shutil, "disk_usage", lambda _: SimpleNamespace(free=100))
    assert f"{len(ZIP)} more bytes" in complaint(known(site), tmp_path)
    assert names(tmp_path) == set()


def test_a_disk_that_fills_up_keeps_the_part(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        real = os.fsync

        def full(descriptor: int) -> None:
            if os.fstat(descriptor).st_size == len(ZIP):
                raise OSError(errno.ENOSPC, "No space left on device")
            real(descriptor)

        patch.setattr(download.os, "fsync", full)
        assert "no space left" in complaint(known(site), tmp_path)
    assert (tmp_path / "set.zip.part").read_bytes() == ZIP
    assert fetch(known(site), tmp_path).read_bytes() == ZIP


def test_a_folder_that_can_not_be_made_is_named(site: Site, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert str(tmp_path / "file") in complaint(known(site), tmp_path / "file" / "data")


def test_a_silent_server_is_given_up(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "_TIMEOUT", (0.3, 0.3))
    site.cut_after, site.waits = 0, True
    assert "timed out" in complaint(known(site), tmp_path)


def test_an_unreachable_server_is_named(site: Site, tmp_path: Path) -> None:
    archive = Archive("http://127.0.0.1:9/set.zip", "set.zip")
    assert "http://127.0.0.1:9/set.zip" in complaint(archive, tmp_path)


def test_a_server_that_speaks_no_tls_is_not_trusted(site: Site, tmp_path: Path) -> None:
    archive = Archive(site.url.replace("http:", "https:"), "set.zip")
    assert "no secure connection" in complaint(archive, tmp_path)
    assert names(tmp_path) == set()


def test_a_gzip_file_is_stored_as_it_lies_on_the_server(site: Site, tmp_path: Path) -> None:
    site.body, site.encoding = gzip.compress(ZIP), "gzip"
    assert fetch(Archive(site.url, "set.tar.gz"), tmp_path).read_bytes() == site.body


def test_two_processes_do_not_write_one_file(site: Site, tmp_path: Path) -> None:
    with FileLock(tmp_path / ".set.zip.lock"):
        assert "Another process" in complaint(known(site), tmp_path)
