"""A page that is put together from what is kept of its units is the one that all records give."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from polybench.core.checksum import file_sha256
from polybench.core.errors import RecordError
from polybench.results import page_units, sealed_table
from polybench.results.derived import row_numbers
from polybench.results.derived.audits import read_audit
from polybench.results.page import check_records, render_page, write_page
from polybench.results.page_cache import FOLDER
from polybench.results.record import read_records
from polybench.results.verified import Mark, write_mark
from tests.results.derived.test_page_sections import audit, split
from tests.results.derived.test_page_sections import store as store_net
from tests.results.factory import PROTOCOL, dataset, digest, store, table
from tests.results.test_folds import store_fold

WIDE = [0.9, 0.8, 0.7, 0.95, 0.6, 0.5, 0.85, 0.75]
OTHER = dataset(split="other", split_sha256=digest("other"))
KEPT = Path(FOLDER) / "units" / "toy.json"


@pytest.fixture
def board(tmp_path: Path) -> Path:
    """A page of two splits, one of two seeds of a row, that was written."""
    store(tmp_path, table(WIDE), recipe="first")
    store(tmp_path, table(WIDE[::-1]), recipe="first", seed=1)
    store(tmp_path, table(WIDE), recipe="elsewhere", dataset=OTHER)
    write_page(tmp_path, "toy")
    return tmp_path


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Splits whose part of a page was made since."""
    found: list[str] = []
    make = page_units.page_part

    def noted(group: Any, *others: Any) -> Any:
        found.append(group.dataset.split)
        return make(group, *others)

    monkeypatch.setattr(page_units, "page_part", noted)
    return found


def assert_page_is_that_of_all_records(root: Path) -> None:
    write_page(root, "toy")
    expected = render_page("toy", read_records(root, "toy"), read_audit(root, "toy"))
    assert (root / "toy.md").read_text(encoding="utf-8") == expected


def test_a_row_that_was_run_again_says_so_and_makes_its_own_split_again(board: Path, made: list[str]) -> None:
    path = next((board / "records" / "toy").glob("elsewhere*.json"))
    mark = Mark(
        file_sha256(path), "2026-11-30", "training", "not told apart", f"{PROTOCOL}/dice", 0.01, -0.02, 0.04, "a CPU"
    )
    write_mark(board, "toy", path.stem, mark)
    assert_page_is_that_of_all_records(board)
    assert made[0] == "other"
    page = (board / "toy.md").read_text().replace("\\", "")
    assert f"run on 2026-11-30, a CPU: {PROTOCOL}/dice +0.0100 [-0.0200, +0.0400], which can't be told" in page


def test_a_new_record_makes_its_own_split_again(board: Path, made: list[str]) -> None:
    store(board, table(WIDE[1:] + WIDE[:1]), recipe="second")
    write_page(board, "toy")
    assert made == ["official"]
    assert_page_is_that_of_all_records(board)


def test_tables_of_known_records_are_not_read_again(board: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    rows_of = sealed_table.rows_of
    monkeypatch.setattr(sealed_table, "rows_of", lambda text: read.append(text) or rows_of(text))
    path = store(board, table(WIDE[1:] + WIDE[:1]), recipe="second")
    write_page(board, "toy")
    assert read == [path.with_suffix(".csv").read_text()]


def _another_split(root: Path) -> None:
    store(root, table(WIDE), recipe="third", dataset=dataset(split="third", split_sha256=digest("third")))


def _newer_version_of_the_protocol(root: Path) -> None:
    rows = table(WIDE, protocol="per_image@2")
    store(root, rows, protocols={"per_image@2": {"dice": "higher"}}, recipe="newer", dataset=OTHER)


def _record_that_is_gone(root: Path) -> None:
    for path in (root / "records" / "toy").glob("first-*-s1.*"):
        path.unlink()


def _split_that_is_gone(root: Path) -> None:
    for path in (root / "records" / "toy").glob("elsewhere-*"):
        path.unlink()


def _folds(root: Path) -> None:
    store_fold(root, 1)
    write_page(root, "toy")
    store_fold(root, 2)


def _damaged(root: Path) -> None:
    (root / KEPT).write_bytes(b'{"inputs": "\xff')
    _another_split(root)


def _one_digit_is_another(root: Path) -> None:
    text = (root / KEPT).read_text()
    assert "0.7562" in text
    (root / KEPT).write_text(text.replace("0.7562", "0.7563"))
    _another_split(root)


def _write(root: Path, content: str) -> None:
    (root / KEPT).write_text(f"{hashlib.sha256(content.encode()).hexdigest()}\n{content}")


def _of_another_shape(root: Path) -> None:
    [content] = json.loads((root / KEPT).read_text().partition("\n")[2])
    for unit in content["units"]:
        unit["parts"][0]["top"] = ["0.99"]
    _write(root, json.dumps([content]))
    _another_split(root)


def _of_other_code(root: Path) -> None:
    [content] = json.loads((root / KEPT).read_text().partition("\n")[2].replace("elsewhere", "nowhere"))
    _write(root, json.dumps([{**content, "inputs": digest("other code")}]))
    _another_split(root)


@pytest.mark.parametrize(
    "change",
    [
        _another_split,
        _newer_version_of_the_protocol,
        _record_that_is_gone,
        _split_that_is_gone,
        _folds,
        _damaged,
        _one_digit_is_another,
        _of_another_shape,
        _of_other_code,
    ],
)
def test_a_page_is_that_of_all_records_after_a_change(board: Path, change: Callable[[Path], None]) -> None:
    change(board)
    assert_page_is_that_of_all_records(board)


def test_a_split_that_led_the_page_steps_back_when_another_is_ranked(tmp_path: Path) -> None:
    store(tmp_path, table(WIDE), recipe="moment", budget="smoke")
    write_page(tmp_path, "toy")
    assert "Not ranked, and listed in" not in (tmp_path / "toy.md").read_text()
    store(tmp_path, table(WIDE), recipe="whole", dataset=OTHER)
    assert_page_is_that_of_all_records(tmp_path)
    assert "Not ranked, and listed in" in (tmp_path / "toy.md").read_text()


def test_derived_numbers_are_computed_for_new_rows_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    computed: list[int] = []
    compute = row_numbers.calibrations
    monkeypatch.setattr(row_numbers, "calibrations", lambda rows: computed.append(len(rows)) or compute(rows))
    audit(tmp_path, [split("official", digest("split"), (0.05, 0.25))], "a,i6,duplicate,train-test\n")
    store_net(tmp_path, "exact")
    store_net(tmp_path, "misses", (2, 6))
    write_page(tmp_path, "toy")
    store_net(tmp_path, "misses-most", (2, 3, 6))
    write_page(tmp_path, "toy")
    assert computed == [2, 1]
    assert_page_is_that_of_all_records(tmp_path)


@pytest.mark.parametrize("suffix", [".json", ".csv"])
def test_an_edited_record_of_a_known_split_is_refused(board: Path, suffix: str) -> None:
    [path] = (board / "records" / "toy").glob(f"elsewhere-*{suffix}")
    path.write_text(path.read_text().replace("0.95", "0.96").replace("0.75625", "0.8"))
    _another_split(board)
    for read in (write_page, check_records):
        with pytest.raises(RecordError, match="never edited"):
            read(board, "toy")
