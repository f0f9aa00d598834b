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


def test_start_of_a_fit_waits_for_no_library_that_it_may_not_need() -> None:
    heavy = ("pandas", "kornia", "jinja2", "timm", "segmentation_models_pytorch", "networkx", "wandb")
    code = f"import sys, polybench.cli.fit; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
