"""`polybench test`: the same digits from any number of processes, and bounded memory."""

import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from polybench.cli.main import run
from polybench.metrics.sufficient import ROW_BYTES
from tests.cli.recipes import write_recipe
from tests.conftest import REPOSITORY, write_frames

ROWS_OF_AN_IMAGE = 4
"""One of the net, three of the trivial baselines."""


def recipe_of(folder: Path, n: int, size: tuple[int, int] = (48, 64)) -> str:
    """A recipe for frames of that native size: one to train on, one to validate on, and n to test on."""
    data = folder / "data"
    write_frames(data / "CVC-ClinicDB", n + 2, size)
    lines = [f"{k},{'train' if k == 1 else 'val' if k == 2 else 'test'},video {k}" for k in range(1, n + 3)]
    (data / "split.csv").write_text("\n".join(["id,subset,group", *lines]) + "\n")
    return str(write_recipe(folder, data, max_epochs=1))


def trained(recipe: str, folder: Path) -> str:
    """Fit for one epoch; the checkpoint."""
    words = ["--trainer.default_root_dir", str(folder / "fit"), "--no_leaderboard", "--data.batch_size", "1"]
    assert run(["fit", "--config", recipe, *words]) == 0
    return str(folder / "fit" / "checkpoints" / "best.ckpt")


def recorded_by(name: str, place: Path) -> list[str]:
    argument = "path" if name == "TensorBytes" else "folder"
    return [f"--trainer.callbacks+=tests.cli.recorder.{name}", f"--trainer.callbacks.{argument}={place}"]


@pytest.mark.ddp
@pytest.mark.slow
@pytest.mark.parametrize(
    ("n", "batch_size", "processes"), [(7, 2, 2), (7, 2, 3), (2, 1, 3)], ids=["7-on-2", "7-on-3", "2-on-3"]
)
def test_processes_find_every_digit_that_one_finds(tmp_path: Path, n: int, batch_size: int, processes: int) -> None:
    recipe = recipe_of(tmp_path, n)
    words = ["test", "--config", recipe, "--ckpt_path", trained(recipe, tmp_path)]
    words += ["--data.eval_batch_size", str(batch_size), "--trainer.default_root_dir"]
    assert run([*words, str(tmp_path / "one"), *recorded_by("PanelRecorder", tmp_path / "alone")]) == 0
    many = [*words, str(tmp_path / "many"), *recorded_by("PanelRecorder", tmp_path / "together")]
    test = subprocess.run(
        [sys.executable, "-m", "polybench", *many, "--trainer.devices", str(processes), "--trainer.strategy", "ddp"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert test.returncode == 0, test.stderr
    expected = (tmp_path / "alone" / "0.txt").read_text()
    for rank in range(processes):
        assert (tmp_path / "together" / f"{rank}.txt").read_text() == expected
    table = (tmp_path / "one" / "test_rows.csv").read_text()
    assert len(table.splitlines()) == 1 + n
    assert (tmp_path / "many" / "test_rows.csv").read_text() == table


def growth(folder: Path, recipe: str, checkpoint: str) -> set[int]:
    """Bytes that a test keeps of one image more, once it has the 16 pictures of the worst that it shows at the end."""
    words = ["test", "--config", recipe, "--ckpt_path", checkpoint, "--data.eval_batch_size", "1"]
    words += ["--trainer.default_root_dir", str(folder / "test")]
    assert run([*words, *recorded_by("TensorBytes", folder / "alive.json")]) == 0
    alive = json.loads((folder / "alive.json").read_text())
    assert len(alive) == 20
    return {after - before for before, after in pairwise(alive[16:])}


@pytest.mark.slow
def test_what_a_test_keeps_of_an_image_is_small_and_does_not_grow_with_its_size(tmp_path: Path) -> None:
    small, large = tmp_path / "small", tmp_path / "large"
    small.mkdir()
    large.mkdir()
    recipe = recipe_of(small, 20)
    checkpoint = trained(recipe, small)
    kept = growth(small, recipe, checkpoint)
    assert len(kept) == 1
    assert 0 < max(kept) <= ROWS_OF_AN_IMAGE * ROW_BYTES
    assert growth(large, recipe_of(large, 20, (144, 192)), checkpoint) == kept
