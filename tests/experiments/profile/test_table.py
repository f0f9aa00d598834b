import csv
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from polybench.core.errors import ConfigError, DataError
from polybench.experiments.profile.table import Figures, Key, write_row

KEY = Key(
    recipe="tiny",
    variant=None,
    config="0123abcd",
    data="clinicdb",
    device='A "fast", one',
    precision="32-true",
    threads=2,
    height=24,
    width=32,
    batch_size=8,
    num_workers=0,
    on_device=False,
    torch="2.6.0",
    polybench="0.1.0",
    git_commit=None,
)
FIGURES = Figures(
    parameters=28,
    macs=None,
    latency_p50_ms=1.25,
    latency_p95_ms=2.0,
    images_per_second=123.456789,
    megapixels_per_second=0.5,
    step_real_ms=None,
    step_fixed_ms=3.0,
    step_data_ms=None,
    waiting_share=None,
    memory="process",
    inference_peak_bytes=12345678901,
    training_peak_bytes=12345678902,
    rounds=20,
    protocol="per_image@2",
    metric="dice",
    score=None,
    score_low=None,
    score_high=None,
    budget=None,
    record=None,
    seeds=0,
    measured_at="2026-01-01T00:00:00+00:00",
)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_row_can_be_read_again(tmp_path: Path) -> None:
    assert write_row(tmp_path / "new" / "p.csv", KEY, FIGURES) is False
    [row] = rows(tmp_path / "new" / "p.csv")
    assert row["device"] == 'A "fast", one'
    assert (row["parameters"], row["macs"], row["images_per_second"]) == ("28", "", "123.457")
    assert (row["inference_peak_bytes"], row["git_commit"]) == ("12345678901", "")


def test_same_key_replaces_its_row_where_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    write_row(path, KEY, FIGURES)
    write_row(path, replace(KEY, threads=4), FIGURES)
    assert write_row(path, KEY, replace(FIGURES, parameters=29)) is True
    assert [(row["threads"], row["parameters"]) for row in rows(path)] == [("2", "29"), ("4", "28")]


@pytest.mark.parametrize(
    "change",
    [
        {"device": "another"},
        {"precision": "bf16-mixed"},
        {"torch": "2.7.0"},
        {"polybench": "0.2.0"},
        {"git_commit": "abc"},
        {"threads": 1},
        {"width": 64},
        {"batch_size": 1},
        {"data": None},
        {"config": "ffffffff"},
    ],
)
def test_another_key_leaves_the_other_rows_as_they_are(tmp_path: Path, change: dict[str, object]) -> None:
    path = tmp_path / "p.csv"
    write_row(path, KEY, FIGURES)
    before = path.read_text()
    write_row(path, replace(KEY, **change), FIGURES)  # type: ignore[arg-type]
    assert path.read_text().startswith(before)
    assert len(rows(path)) == 2


def test_profiles_that_end_at_the_same_time_all_get_their_row(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda threads: write_row(path, replace(KEY, threads=threads), FIGURES), range(16)))
    assert sorted(int(row["threads"]) for row in rows(path)) == list(range(16))


@pytest.mark.parametrize("content", [b"id,dice\n1,0.5\n", b"\xff\xfe\x00", b""])
def test_other_files_are_refused_and_stay(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "p.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"p\.csv.*--out"):
        write_row(path, KEY, FIGURES)
    assert path.read_bytes() == content


def test_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is a folder"):
        write_row(tmp_path, KEY, FIGURES)
