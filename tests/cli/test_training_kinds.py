"""The table of kinds of training by 1, 2 and 3 processes; `pytest -s` on this file prints it."""

from pathlib import Path

import pandas as pd
import pytest
import torch

from tests.training_kinds import KINDS, furthest, in_step, train, write

CLOSE = {"cpu": 1e-5, "cuda": 1e-3}
"""How far the weights of several processes may be from those of one."""


@pytest.mark.ddp
@pytest.mark.slow
@pytest.mark.parametrize("accelerator", ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
@pytest.mark.parametrize("name", KINDS)
def test_processes_train_in_step_and_test_as_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, accelerator: str
) -> None:
    monkeypatch.chdir(tmp_path)
    recipe = write(tmp_path, KINDS[name])
    alone = train(tmp_path, recipe, 1, accelerator)
    cells = [f"{name:<25} | 1: {len(alone.hashes[0]) - 1} steps, {len(alone.rows)} rows"]
    for processes in _counts(accelerator):
        assert len(alone.rows) % processes
        found = train(tmp_path, recipe, processes, accelerator)
        assert in_step(found)
        assert len(found.hashes[0]) == len(alone.hashes[0])
        assert found.again is not None
        pd.testing.assert_frame_equal(found.rows, found.again)
        far = furthest(alone.weights, found.weights)
        assert far < CLOSE[accelerator] or not KINDS[name].exact
        weights = f"weights of one +- {far:.0e}" if KINDS[name].exact else "weights differ by batch norm"
        cells.append(f"{processes}: in step, rows equal, {weights}")
    print("\n" + " | ".join(cells))


def _counts(accelerator: str) -> list[int]:
    """Numbers of processes, as far as there are devices."""
    if accelerator == "cpu":
        return [2, 3]
    counts = [n for n in (2, 3) if n <= torch.cuda.device_count()]
    if not counts:
        pytest.skip("NCCL takes a device for each process, and there is one")
    return counts
