"""Without the new options, training is what a plain loop of torch does, to the bit."""

from functools import partial
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor, nn

from polybench.losses import BCEDiceLoss
from polybench.tasks import SegmentationTask
from tests.tasks.named_outputs import fit


class Batches(Callback):
    """Keeps what is trained on."""

    def __init__(self) -> None:
        self.kept: list[tuple[Tensor, Tensor, Tensor]] = []

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        self.kept.append((batch["image"].clone(), batch["mask"].clone(), batch["valid"].clone()))


def net() -> nn.Module:
    torch.manual_seed(3)
    return nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 1, 1))


def test_three_steps_are_those_of_a_plain_loop(data_root: Path) -> None:
    batches, trained, plain = Batches(), net(), net()
    optimizer = partial(torch.optim.SGD, lr=0.1, momentum=0.9, weight_decay=0.01)
    fit(data_root, SegmentationTask(trained, BCEDiceLoss(), optimizer), callbacks=[batches])
    assert len(batches.kept) == 3
    loss, stepper = BCEDiceLoss(), optimizer(plain.parameters())
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    for image, mask, valid in batches.kept:
        stepper.zero_grad()
        loss(plain(((image - mean) / std).contiguous()), mask, valid).backward()
        stepper.step()
    assert all(torch.equal(one, plain.state_dict()[name]) for name, one in trained.state_dict().items())
