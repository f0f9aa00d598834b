from pathlib import Path

import pytest

from polybench.cli.main import run
from tests.results.factory import identity, store, table


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, dice in (("near", 0.9), ("far", 0.5)):
        store(tmp_path, table([dice] * 8), recipe=name, identity=identity(name))
    return tmp_path


def test_rows_are_printed_with_their_differences(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["compare", "far", "near", "--root", str(root)]) == 0
    out = capsys.readouterr().out
    assert "+0.4000" in out
    assert out.index("near") < out.index("far")


def test_files_are_written_and_named(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["compare", "far", "near", "--root", str(root), "--output", str(root / "out")]) == 0
    for name in ("comparison.md", "comparison.csv", "comparison.tex", "comparison.png", "images.csv"):
        assert (root / "out" / name).stat().st_size


def test_a_folder_that_takes_no_files_is_refused_before_anything_is_compared(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / "file").touch()
    assert run(["compare", "far", "near", "--root", str(root), "--output", str(root / "file" / "out")]) == 2
    found = capsys.readouterr()
    assert "is no folder: choose another path" in found.err
    assert not found.out


def test_scores_by_classes_of_a_table(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [f"i{number:03d},{'a' if number < 3 else 'b'}" for number in range(8)]
    (root / "patients.csv").write_text("\n".join(["id,centre", *lines]) + "\n")
    by = ["--by", f"{root / 'patients.csv'}:centre", "--output", str(root / "out")]
    assert run(["compare", "far", "near", "--root", str(root), *by]) == 0
    out = capsys.readouterr().out
    assert "Dice of near by centre" in out
    assert "## Dice of far by centre" in (root / "out" / "comparison.md").read_text()


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["near"], "needs two rows or more"),
        (["near", "near"], "needs two rows or more"),
        (["near", "far", "--dataset", "toi"], "no records of 'toi'"),
        (["near", "far", "--split", "offical"], "Did you mean 'official'"),
        (["near", "farr"], "has no row 'farr'"),
        (["near", "missing.csv"], "'missing.csv' can't be read"),
    ],
)
def test_bad_input_is_one_sentence(
    root: Path, capsys: pytest.CaptureFixture[str], args: list[str], message: str
) -> None:
    assert run(["compare", *args, "--root", str(root)])
    assert message in capsys.readouterr().err


def test_a_root_without_records_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["compare", "a", "b", "--root", str(tmp_path / "none")]) != 0
    assert "no folder of leaderboards" in capsys.readouterr().err
