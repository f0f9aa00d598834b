import subprocess
import sys

import pytest

from polybench.cli.main import run

ACTIONS = ("list", "verify", "download", "audit", "split", "variants", "synth")


@pytest.mark.parametrize(("words", "code"), [([], 2), (["--help"], 0), (["-h"], 0)])
def test_every_action_is_listed(words: list[str], code: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", *words]) == code
    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines() if line.startswith("  ")]
    assert sorted(listed) == sorted(ACTIONS)


@pytest.mark.parametrize("action", ACTIONS)
def test_every_action_explains_itself(action: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        run(["data", action, "--help"])
    assert left.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: polybench data {action} ")


def test_unknown_action_suggests_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "verfy", "clinicdb"]) == 2
    assert capsys.readouterr().err == (
        "polybench: error: polybench data has no action 'verfy'; it has list, verify, download, audit, split, "
        "variants, synth. Did you mean 'verify'?\n"
    )


def test_help_imports_neither_torch_nor_lightning() -> None:
    code = (
        "import sys\nfrom polybench.cli.main import run\n"
        "for action in sys.argv[1:]:\n"
        "    try:\n        run(['data', action, '--help'])\n    except SystemExit:\n        pass\n"
        "sys.exit(sorted({'torch', 'lightning'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code, *ACTIONS], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("usage: polybench data") == len(ACTIONS)
