"""`--trainer.logger TensorBoardLogger`: curves in the folder of the run, read back."""

from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from polybench.cli.main import run
from tests.cli.recipes import write_recipe


@pytest.mark.parametrize("more", [(), ("--trainer.logger.name", "curves")])
def test_curves_are_in_the_folder_of_the_run(
    more: tuple[str, ...], tmp_path: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    recipe = str(write_recipe(tmp_path, data_root))
    words = ["fit", "--config", recipe, "--no_leaderboard", "--trainer.default_root_dir", "here"]
    assert run([*words, "--trainer.logger", "TensorBoardLogger", *more]) == 0
    [folder] = {file.parent for file in Path("here").rglob("events.out.tfevents.*")}
    assert (folder.parts[1] == "curves") == bool(more)
    found = EventAccumulator(str(folder)).Reload()
    assert len(found.Scalars("val/dice")) == 2
    assert found.Scalars("train/loss_epoch")
    assert not (tmp_path / "lightning_logs").exists()
    assert list(Path("here/overlays").glob("01-*.png"))
