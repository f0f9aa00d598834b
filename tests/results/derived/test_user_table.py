from pathlib import Path

import pytest

from polybench.core.errors import UserError
from polybench.results.derived.user_table import UNSTATED, TableColumn, labels_of, table_column


def labels(folder: Path, text: str, ids: tuple[str, ...] = ("a", "b"), column: str = "centre") -> dict[str, str]:
    path = folder / "patients.csv"
    path.write_text(text, encoding="utf-8")
    return labels_of(TableColumn(path, column), ids)


def test_path_and_column() -> None:
    assert table_column("data/patients.csv:centre") == TableColumn(Path("data/patients.csv"), "centre")


@pytest.mark.parametrize("text", ["patients.csv", "patients.csv:", ":centre"])
def test_a_path_without_a_column(text: str) -> None:
    with pytest.raises(UserError, match=r"names no column: give TABLE\.csv:COLUMN"):
        table_column(text)


def test_values_by_id_of_the_images_that_were_tested(tmp_path: Path) -> None:
    text = "\ufeffcentre,age,id\nOslo,4,b\nNA, 5,a \nRome,6,c\n"
    assert labels(tmp_path, text) == {"a": "NA", "b": "Oslo"}
    assert labels(tmp_path, "id,centre\na,\nb,Oslo\n") == {"a": UNSTATED, "b": "Oslo"}


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("image,centre\na,X\n", "centre", "has no column 'id': name the column of the images' ids so."),
        ("id,centre\na,X\nb,Y\n", "center", "has no column 'center' beside the ids. Did you mean 'centre'?"),
        ("id,centre\na,X\nb,Y\n", "xyz", "has no column 'xyz' beside the ids. It has centre."),
        ("id,centre\na,X\n", "centre", "lacks 1 of the 2 images: b. Add a row for each"),
        ("id,centre\na,X\nb,Y\na,Z\n", "centre", "has the id 'a' twice: keep one row per image."),
        ("id,centre\na,X,3\nb,Y\n", "centre", "has 3 cells in row 2 and 2 in its header: mend that row."),
        ("", "centre", "can't be read as a CSV in UTF-8"),
    ],
)
def test_a_wrong_table_ends_in_one_sentence(tmp_path: Path, text: str, column: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        labels(tmp_path, text, column=column)
    assert message in str(caught.value)


def test_many_numbers_are_to_be_binned(tmp_path: Path) -> None:
    ids = tuple(f"i{k}" for k in range(12))
    text = "id,age\n" + "".join(f"{one},{k}.5\n" for k, one in enumerate(ids))
    with pytest.raises(UserError, match=r"has 12 different numbers: add a column of a few classes"):
        labels(tmp_path, text, ids, "age")
    words = "id,age\n" + "".join(f"{one},y{k}\n" for k, one in enumerate(ids))
    assert len(set(labels(tmp_path, words, ids, "age").values())) == 12


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="There is no table"):
        labels_of(TableColumn(tmp_path / "no.csv", "centre"), ["a"])
