"""What a run cost is what all of its training took, also after its best checkpoint was loaded to be tested."""

from pathlib import Path

import pytest

import polybench
from tests.cli.recipes import write_recipe


def test_images_and_epochs_are_those_of_the_whole_run_whichever_epoch_was_best(
    tmp_path: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    net = {"class_path": "torch.nn.Conv2d", "init_args": {"in_channels": 3, "out_channels": 1, "kernel_size": 1}}
    recipe = write_recipe(tmp_path, data_root, net, max_epochs=3)
    worse = {"class_path": "torch.optim.SGD", "init_args": {"lr": 0.1, "maximize": True}}
    record = polybench.run(recipe, model={"optimizer": worse}, checkpoint={"monitor": "val/loss", "mode": "min"})
    assert record.training is not None
    assert (record.training.best_epoch, record.training.epochs_run) == (1, 3)
    assert record.identity is not None
    assert record.identity.budget_id == "18 images of 24x32"  # two batches of three frames in each epoch
