"""Two processes after a transfer, for either task: the ranks begin and end with the same parameters."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from polybench.models import FCN16sAtrous
from tests.cli.recipes import write_stage

REPOSITORY = str(Path(__file__).parents[2])


@pytest.mark.ddp
@pytest.mark.slow
@pytest.mark.parametrize("task", ["patches", "segment"])
def test_two_processes_stay_in_step_after_a_transfer(tmp_path: Path, data_root: Path, task: str) -> None:
    torch.manual_seed(7)
    source = FCN16sAtrous("tu-test_resnet", None).encoder.state_dict()
    save_file(source, tmp_path / "source.safetensors")
    recorder = {"class_path": "tests.cli.recorder.Checksum", "init_args": {"folder": str(tmp_path / "sums")}}
    transfer = {"class_path": "TransferCallback", "init_args": {"source": str(tmp_path / "source.safetensors")}}
    recipe = write_stage(tmp_path, data_root, task, None, callbacks=[transfer, recorder])
    words = ["--trainer.devices", "2", "--trainer.strategy", "ddp", "--no_leaderboard"]
    done = subprocess.run(
        [sys.executable, "-m", "polybench", "fit", "--config", str(recipe), *words],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": REPOSITORY},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    one, two = ((tmp_path / "sums" / f"{rank}.txt").read_text().split() for rank in (0, 1))
    assert one == two
    assert one[0] != one[1]
    assert "tensors of the encoder (100 %)." in done.stdout
