import subprocess
import sys

import pytest

from polybench.cli.main import run


@pytest.mark.parametrize("command", [["--help"], ["leaderboard", "--help"]])
def test_help_imports_neither_torch_nor_lightning(command: list[str]) -> None:
    code = (
        "import sys\nfrom polybench.cli.main import run\n"
        "try:\n    run(sys.argv[1:])\nexcept SystemExit:\n    pass\n"
        "sys.exit(sorted({'torch', 'lightning'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code, *command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "usage: polybench" in done.stdout


def test_unknown_command_suggests_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["leaderbord"]) == 2
    assert "Did you mean 'leaderboard'?" in capsys.readouterr().err


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in ("fit", "validate", "test", "predict", "leaderboard"))
