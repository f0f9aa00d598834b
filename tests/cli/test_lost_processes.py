"""One process of a run dies, or can't see the data: the others end and name it."""

import json
import os
import signal
from pathlib import Path

import pytest

from tests.cli.recipes import start
from tests.training_kinds import KINDS, write
from tests.waiting import until


@pytest.mark.ddp
@pytest.mark.slow
@pytest.mark.parametrize("rank", [0, 1])
def test_others_end_and_name_the_process_that_was_killed(tmp_path: Path, rank: int) -> None:
    recipe = str(write(tmp_path, KINDS["segmentation"]))
    together = ("--trainer.devices", "3", "--trainer.strategy", "ddp", "--trainer.accelerator", "cpu")
    words = ("--config", recipe, *together, "--trainer.max_epochs", "100000", "--trainer.default_root_dir", "run")
    fit = start(tmp_path, "fit", *words, "--no_leaderboard")
    until((tmp_path / "run" / "checkpoints" / "last.ckpt").exists, fit)
    where = json.loads((tmp_path / "run" / ".processes" / f"{rank}.json").read_text())["where"]
    os.kill(int(where.split()[1]), signal.SIGKILL)
    output, _ = fit.communicate()  # until all of them have closed it
    assert fit.returncode not in (0, None)
    assert output.count(f"Process {rank} of 3 ({where}) was killed, and this one with it.") == 2, output
    assert "Traceback" not in output


@pytest.mark.ddp
@pytest.mark.slow
def test_a_process_that_cannot_see_the_data_ends_all_with_its_sentence(tmp_path: Path) -> None:
    recipe = str(write(tmp_path, KINDS["segmentation"]))
    (tmp_path / "0").symlink_to(tmp_path / "data")  # and process 1 has none
    together = ("--trainer.devices", "2", "--trainer.strategy", "ddp", "--trainer.accelerator", "cpu")
    words = ("--data.root", f"{tmp_path}/${{oc.env:LOCAL_RANK,0}}", "--trainer.default_root_dir", "run")
    fit = start(tmp_path, "fit", "--config", recipe, *together, *words, "--no_leaderboard")
    output, _ = fit.communicate()
    assert fit.returncode == 2, output
    assert output.count("error in process 1: ") == 1
    assert output.count(f"{tmp_path}/1") >= 2
    assert "error: Process 1 of 2 (number " in output
    assert "Traceback" not in output
    assert not list((tmp_path / "run").glob("checkpoints/*.ckpt"))
