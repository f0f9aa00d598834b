import subprocess
import sys
from pathlib import Path

import pytest

from polybench.cli.leaderboard import main
from polybench.core.errors import ConfigError, DataError
from tests.results.factory import store, table


@pytest.fixture
def board(tmp_path: Path) -> Path:
    store(tmp_path, table([0.5] * 60))
    return tmp_path


def test_check_is_red_until_the_pages_are_made(board: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--root", str(board), "--check"]) == 1
    assert f"'{board / 'toy.md'}' is missing." in capsys.readouterr().out
    assert not (board / "toy.md").exists()
    assert main(["--root", str(board)]) == 0
    assert capsys.readouterr().out == f"{board / 'toy.md'}\n{board / 'record.schema.json'}\n"
    assert main(["--root", str(board), "--check"]) == 0


def test_check_is_red_again_after_another_run(board: Path) -> None:
    main(["--root", str(board)])
    store(board, table([0.6] * 60), seed=1)
    assert main(["--root", str(board), "--check"]) == 1


def test_check_is_red_where_the_schema_is_another(board: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["--root", str(board)])
    (board / "record.schema.json").write_text("{}")
    assert main(["--root", str(board), "--check"]) == 1
    assert "record.schema.json' is not the schema" in capsys.readouterr().out


def test_no_records_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--root", str(tmp_path)]) == 0
    assert "no records" in capsys.readouterr().out


def test_a_table_without_its_record_is_named(board: Path, capsys: pytest.CaptureFixture[str]) -> None:
    [path] = (board / "records" / "toy").glob("*.json")
    store(board, table([0.6] * 60), recipe="other")
    path.unlink()
    said = f"The table '{path.with_suffix('.csv')}' has no record '{path.name}' beside it"
    assert main(["--root", str(board)]) == 0
    assert said in capsys.readouterr().out
    assert main(["--root", str(board), "--check"]) == 1
    found = capsys.readouterr().out
    assert said in found
    assert "up to date" not in found


def test_check_names_tables_where_no_record_is_left(board: Path, capsys: pytest.CaptureFixture[str]) -> None:
    [path] = (board / "records" / "toy").glob("*.json")
    path.unlink()
    assert main(["--root", str(board), "--check"]) == 1
    assert "restore the record; after a run that was killed, run the same command again" in capsys.readouterr().out


def test_a_broken_record_is_named(board: Path) -> None:
    [path] = (board / "records" / "toy").glob("*.json")
    path.write_text(path.read_text()[:-20])
    with pytest.raises(DataError, match=path.name):
        main(["--root", str(board)])


@pytest.mark.parametrize("words", [["--chekc"], ["--chec"], ["--chekc=1"]])
def test_a_mistyped_option_is_answered_with_the_nearest(words: list[str]) -> None:
    with pytest.raises(ConfigError, match=r"polybench leaderboard: .*Did you mean '--check'\?") as caught:
        main(words)
    assert caught.value.exit_code == 2


def test_an_option_without_its_value_is_named() -> None:
    with pytest.raises(ConfigError, match="--root: expected one argument") as caught:
        main(["--root"])
    assert "Did you mean" not in str(caught.value)


def test_tables_are_printed_and_nothing_is_written(board: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--root", str(board), "--format", "csv", "toy"]) == 0
    assert capsys.readouterr().out.splitlines()[1].startswith("toy,official,official copy,")
    assert not (board / "toy.md").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--format", "html"], "--format: invalid choice: 'html'"),
        (["--format", "csv", "--check"], "give one of them"),
        (["toy"], "'toy' chooses what --format prints: add --format terminal"),
    ],
)
def test_options_that_exclude_each_other_are_refused(words: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        main(words)


def test_help_is_quick_since_it_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom polybench.cli.leaderboard import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit as end:\n    assert not end.code\n"
        "print(sorted({'torch', 'lightning', 'pandas', 'scipy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "--check" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"


def test_pages_are_made_without_torch(board: Path) -> None:
    code = (
        "import sys\nfrom polybench.cli.leaderboard import main\n"
        f"main(['--root', {str(board)!r}])\nprint(sorted({{'torch', 'lightning', 'torchmetrics'}} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
