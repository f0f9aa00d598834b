"""What a run has logged of the epoch that it is in, for a resume within it: `train/loss` is the mean of all batches."""

from collections.abc import Iterator
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer

KEY = "polybench_epoch"
"""Key of the sums in a checkpoint; checkpoints of earlier versions lack it."""

Sums = dict[str, tuple[float, float]]


class EpochSums:
    """Sums and weights of the means that training batches log, and those of an interrupted part of the epoch.

    Lightning keeps the means of an epoch in memory alone, so that after a resume they would be of its later batches.
    """

    def __init__(self) -> None:
        self._before: Sums = {}
        self._place = (0, 0)

    def state(self, trainer: Trainer) -> dict[str, Any]:
        """Describe the epoch for a checkpoint; every process has to ask for it.

        Returns:
            `place`, the epoch and its batches so far, and `sums`, (sum, weight) by key, means over processes.
        """
        sums = {**self._before}
        for key, metric in _means(trainer):
            total, weight = sums.get(key, (0.0, 0.0))
            sums[key] = (total + float(metric.value), weight + float(metric.cumulated_batch_size))
        if sums and trainer.world_size > 1:
            every = torch.tensor([sums[key] for key in sorted(sums)], device=trainer.strategy.root_device).double()
            reduced = trainer.strategy.reduce(every, reduce_op="mean").tolist()
            sums = {key: (total, weight) for key, (total, weight) in zip(sorted(sums), reduced, strict=True)}
        return {"place": (trainer.current_epoch, _batches(trainer)), "sums": sums}

    def load(self, state: dict[str, Any]) -> None:
        """Take up what a checkpoint has; nothing where it is of an earlier version."""
        self._before = {key: tuple(one) for key, one in state.get("sums", {}).items()}
        self._place = tuple(state.get("place", (0, 0)))

    def begin(self, trainer: Trainer, module: LightningModule) -> None:
        """Log, for `metrics.csv`, the means of an epoch whose batches were all done: it is resumed only to be ended."""
        if self._place != (trainer.current_epoch, trainer.num_training_batches):
            return
        for key, (total, weight) in self._before.items():
            module.log(key.partition(".")[2], total / weight, logger=False)
        self._before = {}

    def add(self, trainer: Trainer, batch: int) -> None:
        """Add the interrupted part after the first batch of the resumed one.

        Args:
            trainer: The trainer.
            batch: The batch's number in the epoch.
        """
        before, self._before = self._before, {}
        if self._place != (trainer.current_epoch, batch):
            return
        for key, metric in _means(trainer):
            total, weight = before.get(key, (0.0, 0.0))
            metric.value = metric.value + total
            metric.cumulated_batch_size = metric.cumulated_batch_size + weight


def _means(trainer: Trainer) -> Iterator[tuple[str, Any]]:
    """The means of the epoch so far that `LightningModule.log` keeps, by their keys, `<method>.<name>`."""
    results: dict[str, Any] = trainer.fit_loop.epoch_loop._results
    for key, metric in results.items():
        of_epoch = key.startswith("training_step.") and metric.meta.on_epoch and not metric.has_reset
        if of_epoch and metric.is_tensor and metric.meta.is_mean_reduction:
            yield key, metric


def _batches(trainer: Trainer) -> int:
    return int(trainer.fit_loop.epoch_loop.batch_progress.current.state_dict()["processed"])
