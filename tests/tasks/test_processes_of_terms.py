"""Two processes train with losses of terms, parameter groups and named outputs as one does, and log the same."""

from functools import partial
from pathlib import Path

import pytest
import torch

from polybench.tasks import ParameterGroups, SegmentationTask
from tests.tasks.named_outputs import AreaAndEdges, TwoHeads, fit

GROUPS = {
    "rates": ParameterGroups({"stem": 0.1, "edges": 2.0}, frozen=["stem.1"], no_decay_on_norms_and_biases=True),
    "frozen": ParameterGroups(frozen=["stem"]),
}


def trained(
    root: Path, groups: ParameterGroups, batch_size: int, **options: object
) -> tuple[SegmentationTask, dict[str, float]]:
    """A task after two epochs, and what it logged; its batch norm is frozen, or processes would differ by it."""
    torch.manual_seed(2)
    optimizer = partial(torch.optim.AdamW, lr=0.05, weight_decay=0.1)
    task = SegmentationTask(TwoHeads(), AreaAndEdges(), optimizer, parameter_groups=groups)
    trainer = fit(root, task, 2, {"batch_size": batch_size}, enable_checkpointing=True, **options)
    return task, {name: float(value) for name, value in trainer.callback_metrics.items()}


@pytest.mark.ddp
@pytest.mark.parametrize("name", list(GROUPS))
def test_two_processes_do_what_one_does(data_root: Path, name: str) -> None:
    alone, expected = trained(data_root, GROUPS[name], 2)
    together, found = trained(data_root, GROUPS[name], 2, devices=2, strategy="ddp_fork")
    assert {"train/area", "train/edge_error", "val/area", "val/edge_error"} <= set(expected)
    for logged in (expected, found):
        assert logged.pop("train/loss_step") > 0  # of the last batch, of which either process has a half
    assert found == pytest.approx(expected, rel=1e-5, abs=1e-6)
    torch.testing.assert_close(dict(together.state_dict()), dict(alone.state_dict()), rtol=1e-5, atol=1e-6)


@pytest.mark.ddp
def test_a_loss_that_trains_nothing_ends_both_processes(data_root: Path) -> None:
    task = SegmentationTask(torch.nn.Conv2d(3, 1, 1), torch.nn.CrossEntropyLoss())
    with pytest.raises(Exception, match="No parameter gets a gradient from CrossEntropyLoss"):
        fit(data_root, task, data={"batch_size": 2}, devices=2, strategy="ddp_fork")
