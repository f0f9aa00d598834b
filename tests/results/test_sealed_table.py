"""A table of a known hash is read as the strict reader reads it, to the last bit, or not at all."""

from pathlib import Path

import numpy as np
import pytest

from polybench.results.image_rows import ImageRows
from polybench.results.sealed_table import read_sealed, rows_of
from polybench.results.table_file import read_table, table_text, text_sha256
from tests.results.factory import table

RECORDS = Path(__file__).parents[2] / "leaderboards" / "records"


@pytest.mark.parametrize("path", sorted(RECORDS.glob("*/*.csv"))[::8], ids=lambda path: path.stem)
def test_committed_tables_are_read_alike(path: Path) -> None:
    strict = read_table(path)
    found = read_sealed(path, strict.sha256)
    assert found is not None
    assert found.frame().equals(strict.rows)
    assert read_sealed(path, "0" * 64) is None


def test_numbers_of_all_sizes_are_read_alike(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    numbers = random.normal(size=500) * 10.0 ** random.integers(-300, 300, 500)
    rows = table([0.5] * 500).assign(**{"m@1/loss": numbers, "m@1/whole": random.integers(0, 10**18, 500)})
    path = tmp_path / "x.csv"
    path.write_text(table_text(rows))
    strict = read_table(path)
    found = read_sealed(path, strict.sha256)
    assert found is not None
    assert found.frame().equals(strict.rows)


TEXT = "id,group,m@1/dice,m@1/tp\na,x,0.25,3\nb,x,0.333333,12345678\n"


@pytest.mark.parametrize(
    "text",
    [
        TEXT.replace("a,x", '"a",x'),
        TEXT.replace("0.25", "nan"),
        TEXT.replace("0.25", "1e999"),
        TEXT.replace("0.25", ""),
        TEXT.replace("0.25,3", "0.25"),
        TEXT.replace("id,group", "group,id"),
        "id,group,m@1/dice\n",
        "id,group\na,x\n",
        "\n",
    ],
)
def test_what_is_no_plain_table_is_left_to_the_strict_reader(text: str) -> None:
    assert rows_of(text) is None


def test_windows_line_ends_have_the_same_hash(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(TEXT.replace("\n", "\r\n").encode())
    found = read_sealed(tmp_path / "x.csv", text_sha256(TEXT))
    assert found is not None
    assert found["m@1/tp"].tolist() == [3.0, 12345678.0]


def test_rows_are_chosen_and_columns_put_side_by_side() -> None:
    rows = rows_of(TEXT)
    assert rows is not None
    assert rows.block(["m@1/tp", "m@1/dice"]).tolist() == [[3.0, 0.25], [12345678.0, 0.333333]]
    kept = rows[np.array([False, True])]
    assert (kept.ids, kept.groups, kept["m@1/dice"].tolist()) == (("b",), ("x",), [0.333333])
    assert ImageRows.of(rows.frame()).frame().equals(rows.frame())
