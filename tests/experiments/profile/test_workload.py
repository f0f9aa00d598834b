import copy
from itertools import islice
from pathlib import Path

import pytest
import torch
from lightning.pytorch import Trainer
from lightning.pytorch.plugins import MixedPrecision
from torch import nn

from polybench.datasets import ClinicDBDataModule
from polybench.experiments.profile.workload import Workload, set_up, step_modes, training_batches, waiting_share
from polybench.losses import BCEDiceLoss
from polybench.tasks import SegmentationTask

SIZE = (8, 12)


def task() -> SegmentationTask:
    def sgd(parameters: object) -> torch.optim.Optimizer:
        return torch.optim.SGD(parameters, lr=0.5)  # type: ignore[arg-type]

    return SegmentationTask(nn.Conv2d(3, 1, 3, padding=1), BCEDiceLoss(), sgd, mean=(0, 0, 0), std=(1, 1, 1))


def trainer(**settings: object) -> Trainer:
    return Trainer(accelerator="cpu", logger=False, enable_checkpointing=False, **settings)  # type: ignore[arg-type]


def stepped(net: nn.Module, images: torch.Tensor, mask: torch.Tensor) -> list[torch.Tensor]:
    """Weights after one step of gradient descent by hand."""
    net = copy.deepcopy(net)
    BCEDiceLoss()(net(images), mask, torch.ones_like(mask)).backward()
    return [parameter.detach() - 0.5 * parameter.grad for parameter in net.parameters()]  # type: ignore[operator]


@pytest.mark.parametrize("scaled", [False, True])
def test_training_step_is_one_step_of_the_optimizer(scaled: bool) -> None:
    scaler = torch.amp.GradScaler("cpu", init_scale=256.0)
    work = Workload(task(), trainer(plugins=[MixedPrecision("16-mixed", "cpu", scaler)] if scaled else None))
    batch = work.batch(4, SIZE)
    expected = stepped(work.task.net, batch["image"], batch["mask"])  # type: ignore[arg-type]
    work.train(batch)
    for parameter, by_hand in zip(work.task.net.parameters(), expected, strict=True):  # type: ignore[union-attr]
        torch.testing.assert_close(parameter.detach(), by_hand, atol=5e-3 if scaled else 1e-6, rtol=0)


def test_inference_leaves_no_trace() -> None:
    work = Workload(task(), trainer())
    work.infer(work.images(2, SIZE))
    assert all(parameter.grad is None for parameter in work.task.parameters())


def test_training_batches_go_on_after_an_epoch(data_root: Path) -> None:
    data = ClinicDBDataModule(str(data_root), (24, 32), str(data_root / "split.csv"), batch_size=3)
    set_up(data, trainer())
    batches = list(islice(training_batches(data, torch.device("cpu")), 5))
    assert [tuple(batch["image"].shape) for batch in batches] == [(3, 3, 24, 32)] * 5
    assert batches[0]["image"].dtype == torch.float32
    assert sorted(batches[0]["id"] + batches[1]["id"]) == sorted(batches[2]["id"] + batches[3]["id"])


def test_steps_wait_until_loader_processes_have_no_batch_in_store() -> None:
    work = Workload(task(), trainer())
    fixed = work.batch(2, SIZE)
    modes = step_modes(work, fixed, iter([fixed]), num_workers=3)
    assert list(modes) == ["fixed", "real", "data"]
    assert {(mode.lead_in, mode.block) for mode in modes.values()} == {(6, 6)}  # two batches for each process


@pytest.mark.parametrize(
    ("real", "fixed", "data", "share"),
    [
        ([10.0, 10.0, 10.0], [4.0, 4.0, 4.0], [6.0, 6.0, 6.0], 0.6),
        ([10.0, 20.0, 10.0], [8.0, 18.0, 8.0], [5.0, 5.0, 5.0], 0.2),  # fetched while the device computes
        ([10.0], [5.0], [1.0], 0.1),  # a busy machine: no step waits longer than fetching takes
        ([10.0], [11.0], [1.0], 0.0),
        ([10.0], [0.0], [12.0], 1.0),
    ],
)
def test_waiting_share(real: list[float], fixed: list[float], data: list[float], share: float) -> None:
    assert waiting_share(real, fixed, data) == pytest.approx(share)
