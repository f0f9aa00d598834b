"""Rendering in a run that is interrupted: points are those of the unbroken run."""

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from polybench.cli.main import run

NETS = "tests.methods.rendering.rendering_nets"


def recipe(folder: Path, data_root: Path) -> list[str]:
    data = {"root": str(data_root), "split": str(data_root / "split.csv"), "size": [32, 32], "eval_batch_size": 2}
    model: dict[str, Any] = {
        "net": {"class_path": f"{NETS}.Rendered"},
        "loss": "polybench.losses.BCEDiceLoss",  # a mean over images, and so the mean over processes
        "optimizer": {"class_path": "torch.optim.SGD", "init_args": {"lr": 0.5}},
        "points": 64,
    }
    content = {
        "name": "tiny",
        "data": {"class_path": "ClinicDBDataModule", "init_args": data},
        "model": {"class_path": "RenderingSegmentationTask", "init_args": model},
        "trainer": {"max_epochs": 2, "accelerator": "cpu", "enable_progress_bar": False},
    }
    (folder / "tiny.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    return ["fit", "--no_leaderboard", "--config", str(folder / "tiny.yaml")]


def test_resumed_run_ends_with_the_weights_of_the_unbroken_one(
    tmp_path: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = [*recipe(tmp_path, data_root), "--data.batch_size", "2"]
    assert run([*words, "--trainer.default_root_dir", "whole"]) == 0
    assert run([*words, "--trainer.default_root_dir", "broken", "--trainer.max_epochs", "1"]) == 0
    assert run([*words, "--trainer.default_root_dir", "broken", "--ckpt_path", "broken/checkpoints/last.ckpt"]) == 0
    found, expected = (
        torch.load(tmp_path / name / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
        for name in ("broken", "whole")
    )
    assert all(torch.equal(found[name], value) for name, value in expected.items())
