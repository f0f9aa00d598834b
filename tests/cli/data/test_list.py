from itertools import pairwise
from pathlib import Path

import pytest

from polybench import datasets
from polybench.cli.main import run
from tests.conftest import write_frames

PUBLISHED = {
    "chase": 28,
    "clinicdb": 612,
    "colondb": 380,
    "colondb300": 300,
    "cvc300": 60,
    "drive": 20 + 20,
    "dsb2018": 670,
    "em": 30,
    "endoscenestill": 547 + 183 + 182,
    "etis": 196,
    "isic2016": 900 + 379,
    "isic2018": 2594,
    "kvasir_seg": 880 + 120,
    "ph2": 200,
    "polyp_pool": 1000 + 912 + 196,
    "pranet": 900 + 550 + (100 + 62 + 60 + 380 + 196),
    "skin_pool": 900 + 379 + 2594 - 1145 + 200,
    "synthetic_polyp": 48 * 5,
}
"""Labelled images, as the papers and challenges state them."""


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")


def rows(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, dict[str, str]]:
    """The table: name -> title of a column -> what the dataset's first line has there."""
    assert run(["data", "list", *words]) == 0
    head, _, *lines = capsys.readouterr().out.splitlines()
    titles = ("name", "images", "here", "splits", "terms")
    edges = [*(head.index(title) for title in titles), None]
    table = {}
    for line in lines:
        cells = [line[start:end].strip() for start, end in pairwise(edges)]
        if cells[0] and not line.startswith("Looked for"):
            table[cells[0]] = dict(zip(titles, cells, strict=True))
    return table


def card(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What is shown of one dataset, each run of spaces as one."""
    assert run(["data", "list", *words]) == 0
    return " ".join(capsys.readouterr().out.split())


def test_every_dataset_has_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    found = rows(capsys)
    assert set(found) == {getattr(datasets, name).short_name for name in datasets.__all__}
    assert len(found) >= 16


def test_counts_are_the_published_ones(capsys: pytest.CaptureFixture[str]) -> None:
    found = {name: row["images"] for name, row in rows(capsys).items()}
    assert {name: found[name] for name in PUBLISHED} == {name: str(count) for name, count in PUBLISHED.items()}
    assert found["folder"] == "-"


def test_terms_stand_beside_each_dataset(capsys: pytest.CaptureFixture[str]) -> None:
    table = rows(capsys)
    assert all(row["terms"] for row in table.values())
    assert table["dsb2018"]["terms"].startswith("CC0")
    assert table["isic2018"]["terms"].startswith("CC BY-NC")
    assert table["clinicdb"]["terms"] == "research and education only"


def test_what_is_here_is_told_from_what_is_generated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_frames(tmp_path / "CVC-ClinicDB", n=1)
    assert run(["data", "synth", "chase", "--out", str(tmp_path), "--n", "6", "--size", "32", "32"]) == 0
    capsys.readouterr()
    here = {name: row["here"] for name, row in rows(capsys, "--root", str(tmp_path)).items()}
    assert here == dict.fromkeys(here, "-") | {"clinicdb": "yes", "chase": "synthetic"}


def test_environment_says_where_to_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "DRIVE" / "training").mkdir(parents=True)
    monkeypatch.setenv("POLYBENCH_DATA", str(tmp_path))
    assert rows(capsys)["drive"]["here"] == "yes"


def test_default_split_comes_first_and_folds_are_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("drive"))
    assert "official_20_20" in lines[start]
    assert lines[start + 1].strip() == "fold_*_of_5"
    assert lines[start + 2].strip() == "selects_on_test_20_20"
    assert not lines[start + 3].startswith(" ")


def test_card_shows_source_terms_and_splits(capsys: pytest.CaptureFixture[str]) -> None:
    shown = card(capsys, "clinicdb")
    assert "source from its authors, polyp.grand-challenge.org/CVCClinicDB" in shown
    assert "terms research and education only, no commercial use; cite the paper" in shown
    assert "reconstructed_efen_8_1_1, the default (train 490, val 61, test 61; groups cross)" in shown
    assert "pranet_550_62 (train 495, val 55, test 62; groups cross)" in shown
    assert "sequence_disjoint (train 496, val 58, test 58; group-disjoint)" in shown


def test_card_says_where_groups_are_not_known(capsys: pytest.CaptureFixture[str]) -> None:
    shown = card(capsys, "kvasir_seg")
    assert "official_880_120, the default (train 792, val 88, test 120; groups unknown)" in shown


def test_card_shows_where_an_open_set_is_fetched_from(capsys: pytest.CaptureFixture[str]) -> None:
    assert "download https://datasets.simula.no/downloads/kvasir-seg.zip" in card(capsys, "kvasir_seg")


def test_card_says_that_a_copy_is_generated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = ["--root", str(tmp_path)]
    assert "CHASEDB1 (not here)" in card(capsys, "chase", *root)
    assert run(["data", "synth", "chase", "--out", str(tmp_path), "--n", "6", "--size", "32", "32"]) == 0
    assert "CHASEDB1 (synthetic)" in card(capsys, "chase", *root)


def test_unknown_name_suggests_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "list", "kvasir"]) == 2
    assert capsys.readouterr().err.endswith("Did you mean 'kvasir_seg'?\n")


@pytest.mark.parametrize(("name", "trusted"), [("em", 1), ("isic2016", 4), ("kvasir_seg", 0), ("dsb2018", 0)])
def test_card_says_which_archives_have_no_published_checksum(
    name: str, trusted: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert card(capsys, name).count("no published checksum: the first download is taken on trust") == trusted


def test_card_does_not_say_that_groups_cross_where_none_does(capsys: pytest.CaptureFixture[str]) -> None:
    assert "reconstructed_24_3_3, the default (train 24, val 3, test 3; neighbours cross)" in card(capsys, "em")
