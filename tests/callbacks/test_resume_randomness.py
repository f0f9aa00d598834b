"""What a batch draws at random depends on its place in the training and on the process, and on nothing else."""

from types import SimpleNamespace

import pytest
import torch

from polybench.callbacks import ResumeCallback

PLACE = {"seed": 7, "epoch": 2, "batch": 3, "process": 1}


def drawn(seed: int, epoch: int, batch: int, process: int) -> list[float]:
    data = SimpleNamespace(seed=seed)
    trainer = SimpleNamespace(
        accumulate_grad_batches=1, current_epoch=epoch, global_rank=process, datamodule=data, world_size=2
    )
    ResumeCallback().on_train_batch_start(trainer, None, {}, batch)  # type: ignore[arg-type]
    return torch.rand(4).tolist()


@pytest.mark.parametrize("part", PLACE)
def test_every_part_of_the_place_changes_what_is_drawn(part: str) -> None:
    before = drawn(**PLACE)
    torch.rand(5)
    assert drawn(**PLACE) == before
    assert drawn(**{**PLACE, part: PLACE[part] + 1}) != before
