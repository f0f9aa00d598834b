import hashlib
import io
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from polybench.cli.main import run
from polybench.data.card import Archive
from polybench.datasets import KvasirSEGDataModule
from tests.curation.download_site import Site, serve

FILES = {f"{folder}/{name}.jpg": f"{folder} {name}".encode() for folder in ("images", "masks") for name in ("a", "b")}
"""What the archive has below its top folder."""


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A server of this machine that has Kvasir-SEG's archive, with the checksum on the card."""
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        for name, content in FILES.items():
            archive.writestr(f"Kvasir-SEG/{name}", content)
    body = memory.getvalue()
    with serve() as site:
        site.body = body
        checksum = hashlib.sha256(body).hexdigest()
        known = Archive(site.url, "set.zip", bytes=len(body), sha256=checksum, strip=1)
        monkeypatch.setattr(KvasirSEGDataModule, "card", replace(KvasirSEGDataModule.card, archives=(known,)))
        yield site


def download(root: Path, name: str = "kvasir_seg") -> int:
    return run(["data", "download", name, "--root", str(root)])


def unpacked(root: Path) -> dict[str, bytes]:
    folder = root / "Kvasir-SEG"
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "DOWNLOADED.txt"]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_open_set_is_fetched_and_unpacked_where_it_is_looked_for(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert download(tmp_path) == 0
    assert unpacked(tmp_path) == FILES
    out = capsys.readouterr().out
    assert f"'{tmp_path / 'archives' / 'set.zip'}' is whole; its 4 files are in '{tmp_path / 'Kvasir-SEG'}'." in out
    assert f"Then: polybench data verify kvasir_seg --root {tmp_path}" in out


def test_terms_and_citation_come_first(site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert download(tmp_path) == 0
    first = capsys.readouterr().out.splitlines()[0]
    assert "Terms: research and education only" in first
    assert "Cite: Jha et al." in first


def test_archive_that_is_there_is_checked_and_not_asked_for(site: Site, tmp_path: Path) -> None:
    assert download(tmp_path) == 0
    asked = len(site.asked)
    (tmp_path / "Kvasir-SEG" / "masks" / "b.jpg").unlink()
    assert download(tmp_path) == 0
    assert len(site.asked) == asked
    assert unpacked(tmp_path) == FILES


def test_archive_that_was_damaged_is_fetched_again(site: Site, tmp_path: Path) -> None:
    assert download(tmp_path) == 0
    archive = tmp_path / "archives" / "set.zip"
    archive.write_bytes(site.body[:-100] + bytes(100))
    assert download(tmp_path) == 0
    assert archive.read_bytes() == site.body


def test_file_that_differs_from_the_archive_is_named_and_kept(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert download(tmp_path) == 0
    changed = tmp_path / "Kvasir-SEG" / "masks" / "b.jpg"
    changed.write_bytes(b"mine")
    assert download(tmp_path) == 1
    assert f"'{changed}' differs" in capsys.readouterr().err
    assert changed.read_bytes() == b"mine"


def test_copy_of_ones_own_is_left_alone(site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "Kvasir-SEG" / "images").mkdir(parents=True)
    assert download(tmp_path) == 0
    assert f"The folder '{tmp_path / 'Kvasir-SEG'}' is there already" in capsys.readouterr().out
    assert site.asked == []


def test_synthetic_copy_stands_in_the_way(site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "synth", "kvasir_seg", "--out", str(tmp_path), "--n", "3", "--size", "32", "32"]) == 0
    assert download(tmp_path) == 1
    assert f"'{tmp_path / 'Kvasir-SEG'}' holds synthetic images" in capsys.readouterr().err
    assert site.asked == []


def test_file_that_is_gone_ends_in_one_sentence(site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    site.status = 404
    assert download(tmp_path) == 1
    complaint = capsys.readouterr().err
    assert f"'{site.url}' doesn't exist any more (404)" in complaint
    assert complaint.count("\n") == 1
    assert not (tmp_path / "Kvasir-SEG").exists()


def test_gated_set_has_steps_by_hand(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert download(tmp_path, "clinicdb") == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].endswith("By hand:")
    assert lines[2].startswith("1. Register at grand-challenge.org")
    assert lines[3].startswith("2. Unpack it so that ")
    assert f"{tmp_path}/CVC-ClinicDB/Original/1.tif" in lines[3]
    assert lines[-1] == f"Then: polybench data verify clinicdb --root {tmp_path}"


def test_gated_set_that_is_there_is_no_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "CVC-ClinicDB" / "Original").mkdir(parents=True)
    assert download(tmp_path, "clinicdb") == 0
    out = capsys.readouterr().out
    assert f"The folder '{tmp_path / 'CVC-ClinicDB'}' is there already" in out
    assert "By hand" not in out


def test_folder_of_ones_own_has_nothing_to_fetch(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert download(tmp_path, "folder") == 0
    assert "There is nothing to fetch" in capsys.readouterr().out


def test_unknown_name_suggests_the_nearest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert download(tmp_path, "dsb2019") == 2
    assert capsys.readouterr().err.endswith("Did you mean 'dsb2018'?\n")


def test_hash_of_what_was_checked_is_noted_in_the_folder(site: Site, tmp_path: Path) -> None:
    assert download(tmp_path) == 0
    content = hashlib.sha256()
    for stem in ("a", "b"):
        for part in (stem.encode(), FILES[f"images/{stem}.jpg"], FILES[f"masks/{stem}.jpg"]):
            content.update(hashlib.sha256(part).digest())
    note = (tmp_path / "Kvasir-SEG" / "DOWNLOADED.txt").read_text().splitlines()
    assert f"manifest sha256: {content.hexdigest()}" in note


def test_nothing_is_noted_of_a_folder_that_has_files_of_its_own(site: Site, tmp_path: Path) -> None:
    (tmp_path / "archives").mkdir()
    (tmp_path / "archives" / "set.zip").write_bytes(site.body)
    for name in ("images", "masks"):
        (tmp_path / "Kvasir-SEG" / name).mkdir(parents=True)
        (tmp_path / "Kvasir-SEG" / name / "c.jpg").write_bytes(b"c")
    assert download(tmp_path) == 0
    assert not (tmp_path / "Kvasir-SEG" / "DOWNLOADED.txt").exists()


def test_archive_without_a_published_checksum_is_said_to_be_trusted(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    card = KvasirSEGDataModule.card
    unknown = replace(card.archives[0], sha256=None)
    monkeypatch.setattr(KvasirSEGDataModule, "card", replace(card, archives=(unknown,)))
    assert download(tmp_path) == 0
    out = capsys.readouterr().out
    assert "is taken on trust, since no checksum of it is published" in out
    assert "is whole" not in out
    assert not (tmp_path / "Kvasir-SEG" / "DOWNLOADED.txt").exists()
