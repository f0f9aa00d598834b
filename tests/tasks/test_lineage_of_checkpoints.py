"""The lineage of checkpoints of polybench and of other programs."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from polybench.core.checksum import file_sha256
from polybench.tasks.checkpoint import KEY
from polybench.tasks.lineage import lineage_of


@pytest.mark.parametrize("epoch", [None, 3, "last", [1], torch.tensor(2)], ids=["null", "3", "text", "list", "tensor"])
def test_checkpoint_of_another_program_is_known_by_its_sha256(tmp_path: Path, epoch: Any) -> None:
    saved = {"state_dict": {"w": torch.ones(1)}, "epoch": epoch}
    torch.save(saved, tmp_path / "a.pth")
    (own,) = lineage_of(saved, tmp_path / "a.pth")
    assert (own.sha256, own.training_id, own.seed, own.point) == (file_sha256(tmp_path / "a.pth"), None, None, None)


@pytest.mark.parametrize(
    ("file", "epoch", "point"),
    [("best", 1, "selected"), ("last", 3, "end"), ("last", 1, None), ("interrupted", 3, None)],
)
def test_point_of_a_run_is_that_of_its_file(tmp_path: Path, file: str, epoch: int, point: str | None) -> None:
    run = {"file": file, "training_id": "t" * 64, "seed": 0, "length": json.dumps({"max_epochs": 4})}
    (tmp_path / "a.ckpt").write_bytes(b"any")
    (own,) = lineage_of({"epoch": epoch, KEY: run}, tmp_path / "a.ckpt")
    assert (own.training_id, own.point) == ("t" * 64, point)
