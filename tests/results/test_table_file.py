"""A per-image table is read back as it was written, or refused with the line and the fault."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from polybench.core.errors import RecordError
from polybench.results.table_file import read_table, table_text, text_sha256
from tests.results.factory import table

TEXT = "id,group,m@1/dice,m@1/tp\na,x,0.25,3\nb,x,0.333333,12345678\n"


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "x.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_numbers_and_texts_are_read(tmp_path: Path) -> None:
    rows = read_table(written(tmp_path, TEXT)).rows
    assert rows.to_numpy().tolist() == [["a", "x", 0.25, 3.0], ["b", "x", 0.333333, 12345678.0]]


def test_what_is_written_can_be_read(tmp_path: Path) -> None:
    rows = table([0.5, 1.0]).assign(id=['b,"1"', "a"], group=["NA", "007"], **{"m@1/loss": [1e-7, 123456.789]})
    text = table_text(rows)
    found = read_table(written(tmp_path, text))
    assert found.rows[["id", "group", "m@1/loss"]].to_numpy().tolist() == [
        ["a", "007", 123457.0],
        ['b,"1"', "NA", 1e-7],
    ]
    assert found.sha256 == text_sha256(text)


def test_line_ends_of_windows_change_nothing(tmp_path: Path) -> None:
    plain = read_table(written(tmp_path, TEXT))
    found = read_table(written(tmp_path, TEXT.replace("\n", "\r\n")))
    assert found.sha256 == plain.sha256
    assert found.rows.equals(plain.rows)


CONFLICT = TEXT.replace("b,x", "<<<<<<< HEAD\nb,x").replace("5678\n", "5678\n=======\nb,x,0.4,3\n>>>>>>> other\n")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (CONFLICT, "line 3 has 1 cells where the header has 4"),
        (TEXT[:-20], "its last line is cut off"),
        (TEXT[:-20] + "\n", "line 3 has 2 cells"),
        ("", "it is empty"),
        ("\n", "its first columns are"),
        ("id,group,m@1/dice,m@1/tp\n", "it has no rows"),
        ("\ufeff" + TEXT, "byte order mark"),
        (TEXT.replace("3\nb", "3\r\nb"), "line ends"),
        (TEXT + "b,x,0.4,3\n", "the id 'b' of line 4 is there twice"),
        (TEXT + "aa,x,0.4,3\n", "the id 'aa' of line 4 is out of order"),
        (TEXT.replace("a,x", ",x"), "line 2 has no id"),
        (TEXT + "rubbish\n", "line 4 has 1 cells"),
        (TEXT + "\n", "line 4 has 0 cells"),
        (TEXT.replace("m@1/tp", "m@1/dice"), "the column 'm@1/dice' is there twice"),
        (TEXT.replace("m@1/tp", "Unnamed: 0"), "'Unnamed: 0' is not of the form"),
        (TEXT.replace("id,group", "group,id"), "first columns are 'group', 'id'"),
        (TEXT.replace("a,x", '"a",x'), "quotes"),
        (TEXT.encode().replace(b"b,x", b"b\xff,x"), "is not UTF-8"),
        (TEXT.replace("a,x", '"a,x'), "it is no table"),
    ],
)
def test_faults_of_the_file_are_named(tmp_path: Path, text: str | bytes, fault: str) -> None:
    with pytest.raises(RecordError, match=rf"'.*x\.csv' can't be read: .*{fault}") as caught:
        read_table(written(tmp_path, text))
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    "cell", ["", "nan", "NaN", "inf", "-inf", "1e999", "9" * 5000, " 0.25", "0.250", "0.2500001", "1_0", "0x1", "None"]
)
def test_cell_that_is_no_number_of_six_digits_is_named(tmp_path: Path, cell: str) -> None:
    with pytest.raises(RecordError, match="in line 2, column 'm@1/dice', is no finite number"):
        read_table(written(tmp_path, TEXT.replace("0.25", cell)))


def _folder(path: Path) -> None:
    path.mkdir()


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _loop(path: Path) -> None:
    path.symlink_to(path)


@pytest.mark.parametrize("make", [_folder, _pipe, _loop])
def test_what_is_no_file_is_not_opened(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "x.csv")
    with pytest.raises(RecordError, match=r"x\.csv' can't be read: "):
        read_table(tmp_path / "x.csv")
