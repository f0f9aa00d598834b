"""A page is made again if a file that it follows from, or the code, has changed, and only then."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from polybench.core.disk import WriteError
from polybench.core.errors import RecordError
from polybench.results import page as page_module
from polybench.results import page_cache
from polybench.results.page import stale_pages, write_page, write_pages
from polybench.results.record import Record, read_records, write_record
from polybench.results.record_text import seal_of
from tests.results.factory import dataset, store, table, trained

CACHE = Path(page_cache.FOLDER) / "toy.json"


@pytest.fixture
def board(tmp_path: Path) -> Path:
    """A page that was written."""
    store(tmp_path, table([0.9] * 50 + [0.8] * 50), recipe="first")
    write_page(tmp_path, "toy")
    return tmp_path


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Datasets whose pages were made since."""
    found: list[str] = []
    make = page_module.page_of_units

    def noted(root: Path, hashes: page_cache.Hashes) -> str | None:
        found.append(hashes.dataset)
        return make(root, hashes)

    monkeypatch.setattr(page_module, "page_of_units", noted)
    return found


def test_a_page_of_the_same_files_is_not_made_again(board: Path, rendered: list[str]) -> None:
    before = (board / "toy.md").read_bytes()
    assert write_page(board, "toy") == board / "toy.md"
    assert rendered == []
    assert (board / "toy.md").read_bytes() == before


def _another_record(board: Path) -> None:
    store(board, table([0.4] * 100), recipe="second")


def _audit(board: Path) -> None:
    (board / "audits").mkdir()
    (board / "audits" / "toy.json").write_text('{"manifest_sha256": "", "splits": []}')
    (board / "audits" / "toy.csv").write_text("first,second,kind\n")


def _edited_page(board: Path) -> None:
    (board / "toy.md").write_text((board / "toy.md").read_text().replace("0.8500", "0.9500"))


def _damaged_cache(board: Path) -> None:
    (board / CACHE).write_bytes(b"\xff[")


def _cache_of_other_files(board: Path) -> None:
    known = json.loads((board / CACHE).read_text())
    (board / CACHE).write_text(json.dumps({**known, "inputs": "0" * 64}))


@pytest.mark.parametrize("change", [_another_record, _audit, _edited_page, _damaged_cache, _cache_of_other_files])
def test_a_page_is_made_again_after_a_change(board: Path, rendered: list[str], change: Callable[[Path], None]) -> None:
    change(board)
    write_page(board, "toy")
    write_page(board, "toy")
    assert rendered == ["toy"]
    assert stale_pages(board) == []


def test_a_page_of_other_code_is_made_again(board: Path, rendered: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_cache, "code_digest", lambda: "another version")
    write_page(board, "toy")
    assert rendered == ["toy"]


@pytest.mark.parametrize(("suffix", "digits"), [(".json", "0.85"), (".csv", "0.9")])
def test_an_edited_record_is_refused_although_its_page_was_written(board: Path, suffix: str, digits: str) -> None:
    [path] = (board / "records" / "toy").glob(f"*{suffix}")
    assert digits in path.read_text()
    path.write_text(path.read_text().replace(digits, "0.7", 1))
    with pytest.raises(RecordError, match="never edited"):
        write_page(board, "toy")


def test_a_lost_table_is_named_although_the_page_was_written(board: Path) -> None:
    next((board / "records" / "toy").glob("*.csv")).unlink()
    with pytest.raises(RecordError, match="lacks the per-image table"):
        write_page(board, "toy")


def test_pages_need_no_cache(board: Path) -> None:
    before = (board / "toy.md").read_bytes()
    shutil.rmtree((board / CACHE).parent)
    (board / CACHE).parent.write_text("no folder")  # as one that can't be written, for any user
    write_page(board, "toy")
    assert (board / "toy.md").read_bytes() == before


def test_pages_of_two_processes_are_those_of_one(board: Path) -> None:
    store(board, table([0.3, 0.9] * 50), dataset=dataset(name="other"), recipe="first")
    paths = write_pages(board, processes=2)
    assert [path.name for path in paths] == ["other.md", "toy.md"]
    texts = [path.read_bytes() for path in paths]
    for path in paths:
        path.unlink()
    assert [path.read_bytes() for path in write_pages(board)] == texts


def test_another_process_says_which_file_it_could_not_write(board: Path) -> None:
    store(board, table([0.3, 0.9] * 50), dataset=dataset(name="other"), recipe="first")
    (board / "other.md").mkdir()
    with pytest.raises(WriteError, match=r"'other\.md' can't be written"):
        write_pages(board, processes=2)


def _resealed(record: Record) -> Record:
    """A record with a better Dice than its table has, and a seal of its own."""
    scores = record.metrics["per_image@1"]
    better = replace(scores, values={"dice": replace(scores.values["dice"], value=0.86)})
    return replace(record, metrics={"per_image@1": better})


def test_every_number_is_computed_again_where_a_record_has_no_hashes(tmp_path: Path) -> None:
    path = store(tmp_path, table([0.9] * 50 + [0.8] * 50))
    data = json.loads(path.read_text())
    data["metrics"]["per_image@1"]["values"]["dice"]["value"] = 0.86
    path.write_text(json.dumps(data | {"table_sha256": None, "record_sha256": None}))
    with pytest.raises(RecordError, match=r"gives dice 0\.86.* where the mean of its table is 0\.85"):
        write_page(tmp_path, "toy")


def test_a_forged_seal_is_found_by_the_check_of_the_pages(tmp_path: Path) -> None:
    rows = table([0.9] * 50 + [0.8] * 50)
    write_record(_resealed(trained(rows)), rows, tmp_path)
    [stored] = read_records(tmp_path)
    assert stored.record.record_sha256 == seal_of(json.loads(stored.path.read_text()))
    write_page(tmp_path, "toy")
    with pytest.raises(RecordError, match=r"gives dice 0\.86.* where the mean of its table is 0\.85"):
        stale_pages(tmp_path)
