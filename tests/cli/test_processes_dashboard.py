"""A training by two processes in W&B, interrupted and resumed, read back from the files of its offline runs."""

from pathlib import Path

import pytest

from tests.cli.recipes import start, write_recipe
from tests.cli.wandb_log import read_log


@pytest.mark.ddp
@pytest.mark.slow
def test_first_of_two_processes_alone_writes_and_a_resumed_run_goes_on(
    tmp_path: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WANDB_MODE", raising=False)
    recipe = str(write_recipe(tmp_path, data_root, max_epochs=3, default_root_dir="run"))
    words = ["fit", "--config", recipe, "--trainer.devices", "2", "--trainer.strategy", "ddp", "--data.batch_size", "2"]
    words += ["--trainer.logger", "WandbLogger", "--trainer.logger.offline", "true"]
    words += ["--trainer.callbacks+=tests.cli.recorder.StopOnce", "--trainer.callbacks.path=stopped"]
    for code, more in ((143, []), (0, ["--ckpt_path", "last"])):
        fit = start(tmp_path, *words, *more)
        output, _ = fit.communicate()
        assert fit.returncode == code, output
    folders = sorted((tmp_path / "run" / "wandb").glob("offline-run-*"))
    assert len(folders) == 2  # one of each training: other processes write none
    first, second = sorted((read_log(folder) for folder in folders), key=lambda log: log.history[0]["_step"])
    assert (first.id, first.group, first.config["processes"]) == (second.id, second.group, 2)
    for log in (first, second):
        steps = [row["_step"] for row in log.history]
        assert steps == sorted(set(steps))
    assert first.history[-1]["_step"] <= second.history[0]["_step"]
    assert {"headline", "per_image@2/dice"} <= second.summary.keys()
    assert any(key.startswith("train/loss") for row in second.history for key in row)
