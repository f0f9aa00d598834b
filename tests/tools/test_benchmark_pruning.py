import re
from pathlib import Path

import pytest
import yaml

from polybench.cli.main import run
from tools import benchmark_pruning


@pytest.mark.slow
def test_shortcuts_are_checked_and_timed(
    tmp_path: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    frames = {"root": str(data_root), "split": str(data_root / "split.csv"), "size": [32, 32], "batch_size": 2}
    net = {"class_path": "polybench.models.FANet", "init_args": {"widths": [4, 8, 8, 8]}}
    recipe = {
        "name": "tiny",
        "data": {"class_path": "ClinicDBDataModule", "init_args": frames},
        "model": {
            "class_path": "FeedbackSegmentationTask",
            "init_args": {"net": net, "loss": "polybench.models.fanet.FANetLoss", "iterations": 2},
        },
        "trainer": {"max_epochs": 1, "accelerator": "cpu", "default_root_dir": "run"},
    }
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(recipe))
    assert run(["fit", "--config", "tiny.yaml", "--no_leaderboard"]) == 0
    capsys.readouterr()
    words = ["--config", "tiny.yaml", "--ckpt_path", "run/checkpoints/best.ckpt"]
    sizes = ["--sizes", "32", "--limit", "5", "--passes", "4", "--batch", "2", "--rounds", "1"]
    assert benchmark_pruning.main([*words, *sizes]) == 0
    [line] = [line for line in capsys.readouterr().out.splitlines() if line.startswith("│ 32x32")]
    cells = [cell.strip() for cell in line.strip("│").split("│")]
    assert cells[1:3] == ["5", "yes"]
    assert re.fullmatch(r"[\d.]+ of 4", cells[3])
    assert float(cells[4]) > 0
