"""`polybench list models`: from the committed table alone, quickly, without torch."""

import subprocess
import sys

import pytest

from polybench.cli.main import run

LISTED = """
import sys, time
from polybench.cli.main import run
code = run(["list", "models"])
assert not {"torch", "lightning", "pandas", "numpy"} & set(sys.modules)
assert time.process_time() < 2
sys.exit(code)
"""


def test_table_needs_no_torch_and_less_than_two_seconds() -> None:
    done = subprocess.run([sys.executable, "-c", LISTED], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = {line.split()[0]: line for line in done.stdout.splitlines() if line.strip()}
    assert lines["unet"].split() == [
        *("unet", "U-Net", "2015", "31,043,521", "31,043,521", "48.17", "own", "SegmentationTask,", "BCEDiceLoss"),
        "exact",
    ]
    assert "StructureLoss" in lines["pranet"]
    assert "exact, less 2,049,000 unused" in lines["pranet"]


def test_one_model_is_shown_in_full(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["list", "models", "sanet"]) == 0
    shown = capsys.readouterr().out
    for part in ("23,899,497", "Shallow Attention Network", "polybench.models.SANet", "ColourExchangeTask"):
        assert part in shown


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["list", "models", "prant"], "There is no method 'prant'. Did you mean 'pranet'?"),
        (["list", "models", "zzz"], "There is no method 'zzz'. List them: polybench list models."),
        (
            ["list", "datasets"],
            "There is no list of 'datasets'; there are models, papers, and polybench data list for datasets.",
        ),
    ],
)
def test_wrong_names_get_a_sentence(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(words) == 2
    assert said in capsys.readouterr().err
