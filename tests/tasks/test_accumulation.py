"""Accumulated gradients of small batches make the step of a large one, where no batch norm stands between."""

from functools import partial
from pathlib import Path

import pytest
import torch

from polybench.losses import BCEDiceLoss
from polybench.tasks import SegmentationTask
from tests.tasks.named_outputs import fit
from tests.training_kinds import Plain


def trained(root: Path, batch_size: int, **options: object) -> dict[str, torch.Tensor]:
    task = SegmentationTask(Plain(), BCEDiceLoss(), partial(torch.optim.SGD, lr=0.5, momentum=0.9))
    fit(root, task, 2, {"batch_size": batch_size}, **options)
    return dict(task.state_dict())


def test_accumulated_batches_are_a_larger_batch(data_root: Path) -> None:
    whole = trained(data_root, 6)
    torch.testing.assert_close(trained(data_root, 2, accumulate_grad_batches=3), whole, rtol=1e-5, atol=1e-6)
    with pytest.raises(AssertionError):
        torch.testing.assert_close(trained(data_root, 2), whole, rtol=1e-5, atol=1e-6)


@pytest.mark.ddp
@pytest.mark.slow
def test_accumulated_batches_of_two_processes_are_a_larger_batch(data_root: Path) -> None:
    options = {"devices": 2, "strategy": "ddp_fork", "enable_checkpointing": True}
    found = trained(data_root, 2, accumulate_grad_batches=3, **options)
    torch.testing.assert_close(found, trained(data_root, 6), rtol=1e-5, atol=1e-6)
