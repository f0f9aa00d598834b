"""Writing pages: under a lock, the same from any process, and only from records that nobody edited."""

import multiprocessing
import os
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from polybench.core.errors import DataError
from polybench.results import page as page_module
from polybench.results.page import render_page, stale_pages, write_page, write_pages
from polybench.results.page_cache import Hashes
from polybench.results.record import read_records, write_record
from tests.results.factory import dataset, store, table, trained
from tests.results.test_page import WIDE, page_of, score_rows


@pytest.fixture
def board(tmp_path: Path) -> Path:
    """Two nets of one group."""
    store(tmp_path, table([0.9] * 50 + [0.8] * 50), recipe="best")
    store(tmp_path, table([0.4] * 100), recipe="third")
    return tmp_path


def test_processes_with_different_hash_seeds_write_the_same_bytes(board: Path) -> None:
    store(board, table([0.3, 0.9] * 50), recipe="third", seed=1)
    pages = []
    for hash_seed in ("1", "2"):
        code = f"import pathlib, polybench.results.page as page; page.write_pages(pathlib.Path({str(board)!r}))"
        subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONHASHSEED": hash_seed})
        pages.append((board / "toy.md").read_bytes())
    assert pages[0] == pages[1] == page_of(board).encode()


def test_one_page_is_written_without_reading_other_datasets(board: Path) -> None:
    other = store(board, table(WIDE), dataset=dataset(name="other"))
    other.write_text("damaged")
    assert write_page(board, "toy") == board / "toy.md"
    assert (board / "toy.md").read_text() == render_page("toy", read_records(board, "toy"))
    assert not (board / "other.md").exists()


def test_a_dataset_without_records_has_no_page(board: Path) -> None:
    assert write_page(board, "nothing") is None
    assert not (board / "nothing.md").exists()


def _end_a_run(root: str, recipe: str) -> None:
    store(Path(root), table(WIDE), recipe=recipe)
    write_page(Path(root), "toy")


def test_runs_that_end_together_all_stand_on_the_page(tmp_path: Path) -> None:
    recipes = [f"net{number}" for number in range(8)]
    with multiprocessing.get_context("fork").Pool(4) as pool:
        pool.starmap(_end_a_run, [(str(tmp_path), recipe) for recipe in recipes], chunksize=1)
    assert sorted(cells[1] for cells in score_rows((tmp_path / "toy.md").read_text())) == recipes


def test_a_run_that_ends_while_a_page_is_written_waits_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store(tmp_path, table(WIDE), recipe="first")
    late: list[threading.Thread] = []
    make = page_module.page_of_units

    def make_while_another_ends(root: Path, hashes: Hashes) -> str | None:
        text = make(root, hashes)
        if not late:  # the second run ends after the first has read the records, before it has written the page
            late.append(threading.Thread(target=_end_a_run, args=(str(tmp_path), "second")))
            late[0].start()
            late[0].join(0.3)
            assert late[0].is_alive()
        return text

    monkeypatch.setattr(page_module, "page_of_units", make_while_another_ends)
    write_page(tmp_path, "toy")
    late[0].join()
    assert sorted(cells[1] for cells in score_rows((tmp_path / "toy.md").read_text())) == ["first", "second"]


def test_writing_pages_removes_nothing_else(board: Path) -> None:
    (board / "README.md").write_text("mine")
    assert write_pages(board) == [board / "toy.md"]
    assert (board / "README.md").read_text() == "mine"


def test_each_way_of_being_stale_is_named(board: Path) -> None:
    assert [reason.rsplit(" ", 2)[-1] for reason in stale_pages(board)] == ["missing."]
    write_pages(board)
    assert stale_pages(board) == []
    page = (board / "toy.md").read_text()
    (board / "toy.md").write_text(page.replace("0.8500", "0.9500"))
    (board / "gone.md").write_text(page)
    (board / "README.md").write_text("mine")
    assert stale_pages(board) == [
        f"'{board / 'toy.md'}' differs from its records.",
        f"'{board / 'gone.md'}' has no records.",
    ]


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no folder of leaderboards at"):
        write_pages(tmp_path / "nowhere")


def _scored(root: Path) -> Path:
    """A record that says which of its metrics are means over images."""
    rows = table([0.25] * 60)
    record = trained(rows)
    scores = replace(record.metrics["per_image@1"], headline="dice", means=("dice",))
    return write_record(replace(record, metrics={"per_image@1": scores}), rows, root).with_suffix(".csv")


def test_a_table_whose_column_is_gone_is_refused(tmp_path: Path) -> None:
    path = _scored(tmp_path)
    path.write_text(path.read_text().replace("per_image@1/dice", "per_image@1/dise"))
    with pytest.raises(DataError, match="has dice of per_image@1, and its table lacks the column 'per_image@1/dice'"):
        write_page(tmp_path, "toy")


def test_a_table_that_lost_an_image_is_refused(tmp_path: Path) -> None:
    path = _scored(tmp_path)
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(DataError, match="gives 60 images in 60 groups where its table has 59 in 59"):
        write_page(tmp_path, "toy")


@pytest.mark.parametrize("suffix", [".json", ".csv"])
def test_edited_record_is_refused(tmp_path: Path, suffix: str) -> None:
    path = store(tmp_path, table([0.25] * 60)).with_suffix(suffix)
    path.write_text(path.read_text().replace("0.25", "0.35", 1))
    with pytest.raises(DataError, match="records are never edited"):
        write_pages(tmp_path)
