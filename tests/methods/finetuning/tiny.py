"""Small nets, and training steps on random images."""

from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from polybench.methods.finetuning import LayerwiseTuning
from polybench.models import AlexNet, PatchClassifier
from polybench.tasks import PatchClassificationTask

NARROW = (8, 8, 8, 8, 8, 16, 16)
SGD = partial(torch.optim.SGD, lr=1e-3, momentum=0.9, weight_decay=5e-4)


def alexnet() -> AlexNet:
    return AlexNet(widths=NARROW, initialiser="msra", dropout=0.0)


def lite() -> PatchClassifier:
    """A net of timm with batch norm in every layer."""
    return PatchClassifier("tu-test_efficientnet", encoder_weights=None)


def task(net: nn.Module, depth: str, **options: Any) -> PatchClassificationTask:
    groups = LayerwiseTuning(depth, **options)
    return PatchClassificationTask(
        net, SGD, partial(torch.optim.lr_scheduler.ExponentialLR, gamma=0.95), parameter_groups=groups
    )


def made(task: PatchClassificationTask) -> torch.optim.Optimizer:
    found: Any = task.configure_optimizers()
    return found["optimizer"]  # type: ignore[no-any-return]


def changed(task: PatchClassificationTask, side: int, steps: int = 3) -> set[str]:
    """Names in the state of a task's net that a few steps change, batch norm's statistics among them."""
    torch.manual_seed(3)
    before = {name: value.clone() for name, value in task.net.state_dict().items()}
    optimizer = made(task.train())
    for _ in range(steps):
        images, labels = torch.rand(4, 3, side, side), torch.tensor([0, 1, 1, 0])
        F.binary_cross_entropy_with_logits(task(images), labels.float()).backward()
        optimizer.step()
        optimizer.zero_grad()
    return {name for name, value in task.net.state_dict().items() if not torch.equal(value, before[name])}
