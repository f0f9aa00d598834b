"""Of one net, 1, 2 and 3 processes log the same numbers, to the last digit."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Trainer

from polybench.datasets import ClinicDBDataModule
from polybench.tasks import SegmentationTask
from polybench.tasks.term_means import TermMeans
from tests.tasks.named_outputs import QUIET, AreaAndEdges, TwoHeads


def logged(root: Path, processes: int, **options: Any) -> dict[str, float]:
    """What a validation of a net logs, an image at a time."""
    torch.manual_seed(2)
    task = SegmentationTask(TwoHeads(), AreaAndEdges())
    data = ClinicDBDataModule(str(root), (16, 24), str(root / "split.csv"), eval_batch_size=1)
    trainer = Trainer(devices=processes, default_root_dir=root, **{**QUIET, **options})
    trainer.validate(task, datamodule=data, verbose=False)
    return {name: float(value) for name, value in trainer.callback_metrics.items()}


@pytest.mark.ddp
@pytest.mark.parametrize("processes", [2, 3])
def test_processes_log_the_numbers_of_one(data_root: Path, processes: int) -> None:
    alone = logged(data_root, 1)
    assert {"val/dice", "val/iou", "val/loss", "val/area", "val/edge_error"} <= set(alone)
    assert logged(data_root, processes, strategy="ddp_fork") == alone


def test_means_do_not_depend_on_the_order_of_batches() -> None:
    values = torch.rand(200, generator=torch.Generator().manual_seed(0)) * torch.logspace(-3, 3, 200)
    means = []
    for order in (values, values.flip(0), torch.cat([values[0::3], values[1::3], values[2::3]])):
        terms = TermMeans()
        for value in order:
            terms.update({"area": value}, 1, torch.device("cpu"))
        means.append(terms.compute()["area"])
    assert means[0] == means[1] == means[2] == math.fsum(values.tolist()) / 200
