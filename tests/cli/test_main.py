import os
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


def test_argument_that_is_no_utf8_is_spelt_out(capsys: pytest.CaptureFixture[str]) -> None:
    for command in (["fit", "--config"], ["data", "verify"], ["predict", "--images"]):
        assert run([*command, os.fsdecode(b"a\xff.yaml")]) == 2
        assert capsys.readouterr().err == "polybench: error: 'a\\xff.yaml' is not UTF-8: rename the file or folder.\n"


def test_control_characters_of_a_name_never_reach_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["score", "--pred", "b", "--gt", "a\x1b[31mb"]) == 1
    told = capsys.readouterr().err
    assert "\x1b" not in told
    assert r"a\x1b[31mb" in told
