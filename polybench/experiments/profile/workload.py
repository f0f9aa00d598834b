"""A recipe's work as functions that can be timed: inference, a training step, fetching a training batch.

The step is `fit`'s: the task's own `training_step` under the trainer's precision, backward, and the optimizer. Logging,
callbacks, schedulers and gradient clipping are left out. Fetching is the loader, the move to the device and the
augmentation there.
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from statistics import median
from typing import Any, cast

import torch
from lightning.pytorch import LightningModule, Trainer
from torch import Tensor

from polybench.data.module import SegmentationDataModule
from polybench.data.sample import Batch
from polybench.experiments.profile.timing import Mode

ASYNCHRONOUS_BLOCK = 10
"""Steps timed as one on an accelerator, where the next batch is fetched while the device still computes."""

PREFETCHED = 2
"""Batches that each loader process of a `DataLoader` holds ready."""


class Workload:
    """A task on the trainer's device, with its optimizer.

    Args:
        task: The task; it is moved.
        trainer: Gives device and precision; it runs nothing.

    Attributes:
        block: Calls that are timed as one.
    """

    def __init__(self, task: LightningModule, trainer: Trainer) -> None:
        warnings.filterwarnings("ignore", message=".*`self.trainer` reference is not registered.*")
        self.device: torch.device = trainer.strategy.root_device
        self.block = 1 if self.device.type == "cpu" else ASYNCHRONOUS_BLOCK
        self.precision = trainer.precision_plugin
        self.task = cast(LightningModule, self.precision.convert_module(task).to(self.device))
        made: Any = task.configure_optimizers()
        self.optimizer: torch.optim.Optimizer = made["optimizer"] if isinstance(made, dict) else made
        self.scaler: Any = getattr(self.precision, "scaler", None)

    def images(self, n: int, size: tuple[int, int]) -> Tensor:
        """Random images in [0, 1] on the device, (n, 3, H, W)."""
        return torch.rand(n, 3, *size, device=self.device)

    def batch(self, n: int, size: tuple[int, int]) -> Batch:
        """A random batch on the device, for a training step without a dataset."""
        images = self.images(n, size)
        return Batch(
            image=images,
            mask=(images[:, :1] > 0.5).float(),
            valid=torch.ones_like(images[:, :1]),
            id=[str(index) for index in range(n)],
            group=[str(index) for index in range(n)],
            position=list(range(n)),
            to_native=torch.eye(3)[:2].repeat(n, 1, 1),
        )

    def infer(self, images: Tensor) -> None:
        """Logits of images in [0, 1], (N, 3, H, W), as in evaluation."""
        with torch.inference_mode(), self.precision.forward_context():
            self.task(images)

    def train(self, batch: Batch) -> None:
        """One step on a batch that lies on the device."""
        with self.precision.train_step_context():
            loss: Any = self.task.training_step(batch, 0)
        self.optimizer.zero_grad()
        if self.scaler is None:
            loss.backward()
            self.optimizer.step()
        else:
            self.scaler.scale(loss).backward()
            self.scaler.step(self.optimizer)
            self.scaler.update()


def set_up(data: SegmentationDataModule, trainer: Trainer) -> None:
    """Make a data module ready to train, as `fit` would.

    Raises:
        DataError: If the dataset is absent or broken.
    """
    data.trainer = trainer
    trainer.training = True
    data.prepare_data()
    data.setup("fit")


def training_batches(data: SegmentationDataModule, device: torch.device) -> Iterator[Batch]:
    """Training batches without end, on the device and augmented; for a module that is set up."""
    loader = data.train_dataloader()
    while True:
        for batch in loader:
            yield data.on_after_batch_transfer(data.transfer_batch_to_device(batch, device, 0), 0)


def step_modes(work: Workload, fixed: Batch, source: Iterator[Batch] | None, num_workers: int) -> dict[str, Mode]:
    """The training step in up to three modes: `real` data, one `fixed` batch, `data` only.

    Loader processes fill their queues while another mode runs: so many untimed steps come first, and so many are timed
    as one.

    Args:
        work: The task.
        fixed: A batch that lies on the device.
        source: Training batches; without them there is only `fixed`.
        num_workers: Loader processes.
    """
    queued = num_workers * PREFETCHED
    block = max(queued, work.block)

    def mode(action: Callable[[], object]) -> Mode:
        return Mode(action, work.task.train, lead_in=queued, block=block)

    modes = {"fixed": mode(lambda: work.train(fixed))}
    if source is not None:
        modes["real"] = mode(lambda: work.train(next(source)))
        modes["data"] = mode(lambda: next(source))
    return modes


def waiting_share(real: Sequence[float], fixed: Sequence[float], data: Sequence[float]) -> float:
    """Share of a step on real data that is spent waiting for them.

    That is what the step takes longer than the one on a fixed batch, at most what fetching alone takes: on a busy
    machine two steps can differ by far more than that.

    Args:
        real: Seconds of the step on real data, one for each round.
        fixed: Those of the step on a fixed batch, in the same rounds.
        data: Those of fetching alone.

    Returns:
        A share in [0, 1].
    """
    longer = median([one - other for one, other in zip(real, fixed, strict=True)])
    return min(max(longer, 0.0), median(data), median(real)) / median(real)
