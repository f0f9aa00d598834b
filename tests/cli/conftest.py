"""Nets that are trained once: for all tests that refine, and for those that predict."""

from pathlib import Path
from typing import NamedTuple

import pytest

from polybench.cli.main import run
from tests.cli.recipes import write_recipe, write_stage
from tests.conftest import write_frames, write_split


class Refinable(NamedTuple):
    """What a refinement needs.

    Attributes:
        folder: Holds the recipes `tiny.yaml` and `patches.yaml` and `board`, the records of both trainings.
        data: The root of the data.
        segmentation: A checkpoint of `tiny.yaml`, which finds the discs and more.
        classifier: A checkpoint of `patches.yaml`, which looks at patches of 32 pixels.
    """

    folder: Path
    data: Path
    segmentation: Path
    classifier: Path

    def words(self, command: str, *more: str) -> list[str]:
        """The command with the segmentation's recipe and checkpoint, one image at a time."""
        common = ["--config", str(self.folder / "tiny.yaml"), "--ckpt_path", str(self.segmentation)]
        return [command, *common, "--data.eval_batch_size", "1", *more]


@pytest.fixture(scope="session")
def trained_tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkpoint of one epoch of `tiny.yaml`; copy it."""
    folder = tmp_path_factory.mktemp("trained")
    write_frames(folder / "data" / "CVC-ClinicDB")
    write_split(folder / "data" / "split.csv")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("POLYBENCH_CACHE", str(folder / "cache"))
        recipe = write_recipe(folder, folder / "data", max_epochs=1, default_root_dir=str(folder / "run"))
        assert run(["fit", "--config", str(recipe), "--no_leaderboard"]) == 0
    return folder / "run" / "checkpoints" / "best.ckpt"


@pytest.fixture(scope="session")
def refinable(tmp_path_factory: pytest.TempPathFactory) -> Refinable:
    folder = tmp_path_factory.mktemp("refinable")
    data = folder / "data"
    write_frames(data / "CVC-ClinicDB")
    write_split(data / "split.csv")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("POLYBENCH_CACHE", str(folder / "cache"))
        patch.chdir(folder)
        for recipe in (write_recipe(folder, data, max_epochs=8), write_stage(folder, data, "patches", None)):
            words = ["--trainer.default_root_dir", recipe.stem, "--leaderboard", "board", "--data.eval_batch_size", "1"]
            assert run(["fit", "--config", recipe.name, *words]) == 0
    checkpoints = (folder / name / "checkpoints" / "best.ckpt" for name in ("tiny", "patches"))
    return Refinable(folder, data, *checkpoints)
