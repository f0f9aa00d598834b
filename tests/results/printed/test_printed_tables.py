from dataclasses import replace
from pathlib import Path

from polybench.results.page import render_page
from polybench.results.printed.numbers import PrintedNumber
from polybench.results.printed.tables import printed_parts, printed_table
from polybench.results.record import read_records
from polybench.results.render import markdown
from tests.results.factory import store, table
from tests.results.test_page import score_rows

NUMBER = PrintedNumber("fanet", "IX", "em", "EM", "fanet", "512x512", "A", "", "F1", "0.80", "fraction", "")


def test_a_table_has_the_papers_rows_columns_and_digits() -> None:
    numbers = [NUMBER, replace(NUMBER, metric="FPS", value="67.490", unit="frames/s"), replace(NUMBER, method="B")]
    made = printed_table(numbers)
    assert made.title == "Table IX of the FANet paper, EM: 512x512"
    assert markdown.table_text(made).splitlines() == [
        "| Method | F1 | FPS (frames/s) |",
        "|:---|---:|---:|",
        "| A | 0.80 | 67.490 |",
        "| B | 0.80 | — |",
    ]


def test_notes_stand_below_once_and_at_the_row_where_they_hold_for_all_of_it() -> None:
    numbers = [
        replace(NUMBER, note="copied"),
        replace(NUMBER, metric="IoU", value="0.90", note="copied"),
        replace(NUMBER, method="B", note="copied"),
        replace(NUMBER, method="B", metric="IoU", value="0.70", note="too high"),
    ]
    made = printed_table(numbers)
    assert markdown.table_text(made).splitlines()[2:] == [
        "| A<sup>a</sup> | 0.80 | 0.90 |",
        "| B | 0.80<sup>a</sup> | 0.70<sup>b</sup> |",
    ]
    assert [markdown.inline(note) for note in made.notes] == ["<sup>a</sup> copied", "<sup>b</sup> too high"]


def test_parts_are_by_protocol_and_those_without_one_last() -> None:
    parts = printed_parts("kvasir_seg")
    assert [part.protocol for part in parts] == ["keras_fcn", "fanet", "pranet", ""]
    assert [one.title.split(",")[0] for one in parts[1].tables] == [
        "Table II of the FANet paper",
        "Table IX of the FANet paper",
        "Table XI of the FANet paper",
    ]
    assert printed_parts("folder") == []


def test_a_page_shows_them_folded_below_its_details_and_ranks_none(tmp_path: Path) -> None:
    store(tmp_path, table([0.9] * 60))
    records = read_records(tmp_path)
    page, without = render_page("clinicdb", records), render_page("toy", records)
    details, _, printed = page.partition("## What the papers print\n")
    assert "## Details" in details
    assert "0.9377" in printed
    assert "0.9377" not in details
    assert score_rows(page) == score_rows(without)
    assert "papers print" not in without
    assert printed.count("<summary>Table") == 5  # III and IX under fanet, 1 and 2 under efen, I of no protocol
