import re
from pathlib import Path

import pytest

from tools import benchmark_pipeline


def test_ratios_are_printed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, data_root: Path
) -> None:
    monkeypatch.setattr(benchmark_pipeline, "SIZE", (32, 32))
    monkeypatch.setattr(benchmark_pipeline, "BATCH", 2)
    assert benchmark_pipeline.main(["--data", "ClinicDBDataModule", "--root", str(data_root), "--rounds", "2"]) == 0
    printed = capsys.readouterr().out
    assert "ClinicDBDataModule, 10 training images" in printed  # frames 3 and 7 are in the split's test and val
    for ratio in (
        r"epoch, decoding / cached: median ([\d.]+) of 3\n",
        r"step, fed / held in memory: median of 2 pairs ([\d.]+)\n",
        r"step, minimum / minimum: ([\d.]+); median / median: [\d.]+\n",
        r"fetching and augmenting alone / step: ([\d.]+) \(\d+ ms\)\n",
    ):
        found = re.search(ratio, printed)
        assert found, printed
        assert float(found[1]) > 0
