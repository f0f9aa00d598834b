"""Base DataModule: loaders with an order that depends only on (seed, epoch) and resume where a fit stopped."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sized
from typing import Any, ClassVar, cast

from lightning.pytorch import LightningDataModule
from lightning.pytorch.trainer.states import TrainerFn
from torch.utils.data import DataLoader, Dataset

from polybench.augment import named_policy
from polybench.core.errors import ConfigError
from polybench.data.batch_share import share_of
from polybench.data.loader import EvaluationSampler, TrainingSampler, batches_done
from polybench.data.splits import Subset

Collate = Callable[[list[Any]], Any]
"""Collates samples to a batch."""


class ResumableDataModule(LightningDataModule, ABC):
    """Base class of data modules with resumable training loaders and fixed evaluation batches.

    Args:
        batch_size: Training batch size, which the processes share.
        eval_batch_size: Evaluation batch size.
        num_workers: Loader processes.
        seed: Seed of the training order.

    Raises:
        ConfigError: If a number is out of bounds.
    """

    sampler: ClassVar[type[TrainingSampler]] = TrainingSampler
    """Sampler of training samples; all epochs have the same length."""

    version: ClassVar[int] = 1
    """Version of the class, increased whenever batches or their order may change."""

    @classmethod
    def identity_arguments(cls, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Resolve arguments for the identity of a run, such as a named augmentation to its version.

        Args:
            arguments: All arguments as plain values.

        Raises:
            ConfigError: If there is no augmentation of that name.
        """
        augment = arguments.get("augment")
        return {"augment": f"{augment}@{named_policy(augment).version}"} if isinstance(augment, str) else {}

    @classmethod
    def look_for_files(cls, arguments: Mapping[str, Any]) -> None:
        """Look for files that the arguments name, before a fit builds its net; by default `setup` finds them missing.

        Args:
            arguments: All arguments as plain values.

        Raises:
            UserError: If one is missing.
        """

    def __init__(self, batch_size: int, eval_batch_size: int, num_workers: int, seed: int) -> None:
        super().__init__()
        if batch_size < 1 or eval_batch_size < 1 or num_workers < 0:
            raise ConfigError("batch_size and eval_batch_size must be at least 1, num_workers at least 0.")
        self.batch_size = batch_size
        self.is_scaled = False
        self.eval_batch_size = eval_batch_size
        self.num_workers = num_workers
        self.seed = seed

    def scale_batch(self) -> None:
        """Let each process take a whole batch, so that the batch of an optimizer step grows with their number."""
        self.is_scaled = True

    def process_batch(self, processes: int) -> int:
        """Return how many samples of a training batch each process takes.

        Args:
            processes: Number of processes.

        Raises:
            ConfigError: If they can't share the batch equally.
        """
        return self.batch_size if self.is_scaled else share_of(self.batch_size, processes)

    @abstractmethod
    def evaluation_dataloader(self, subset: Subset) -> DataLoader[Any]:
        """Load a subset for evaluation."""

    def val_dataloader(self) -> DataLoader[Any]:
        """Load the validation subset."""
        return self.evaluation_dataloader("val")

    def test_dataloader(self) -> DataLoader[Any]:
        """Load the test subset; an error during fit, since selection uses validation only."""
        if self.trainer is not None and self.trainer.state.fn == TrainerFn.FITTING:
            raise RuntimeError("The test subset can't be read during fit: selection uses validation only.")
        return self.evaluation_dataloader("test")

    def training_loader(
        self, samples: Dataset[Any], collate: Collate, sampler_class: type[TrainingSampler] | None = None
    ) -> DataLoader[Any]:
        """Load samples in a new order each epoch, from the position of a resumed fit, without an incomplete last batch.

        Args:
            samples: The samples of an epoch.
            collate: Collates samples to a batch.
            sampler_class: Class of the sampler; None for the data module's own.

        Raises:
            ConfigError: If there are fewer samples than a batch has in a fit, or the processes can't share one.
        """
        rank, world_size = self._place()
        done = batches_done(self.trainer) if self.trainer is not None else 0
        size, n = self.process_batch(world_size), len(cast(Sized, samples))
        if self.trainer is not None and n < size * world_size:
            raise ConfigError(
                f"batch_size {size * world_size} is more than the {n} training samples: use at most as many."
            )
        each = n // world_size
        epoch, batches = divmod(done, self._batches_per_epoch(max(1, each // size)))
        sampler = (sampler_class or self.sampler)(
            samples, seed=self.seed, rank=rank, world_size=world_size, epoch=epoch, done=batches * size
        )
        return self._loader(samples, sampler, collate, size, drop_last=each >= size)

    def evaluation_loader(
        self, samples: Dataset[Any], collate: Collate, batch_size: int | None = None
    ) -> DataLoader[Any]:
        """Load samples in their own order, with whole batches distributed to the processes.

        Args:
            samples: The samples.
            collate: Collates samples to a batch.
            batch_size: Samples in a batch; None for the evaluation batch size.
        """
        rank, world_size = self._place()
        size = batch_size or self.eval_batch_size
        sampler = EvaluationSampler(samples, batch_size=size, rank=rank, world_size=world_size)
        return self._loader(samples, sampler, collate, size, drop_last=False)

    def _loader(
        self,
        samples: Dataset[Any],
        sampler: TrainingSampler | EvaluationSampler,
        collate: Collate,
        batch_size: int,
        *,
        drop_last: bool,
    ) -> DataLoader[Any]:
        return DataLoader(
            samples,
            batch_size=batch_size,
            sampler=sampler,
            num_workers=self.num_workers,
            collate_fn=collate,
            drop_last=drop_last,
            persistent_workers=self.num_workers > 0,
        )

    def _batches_per_epoch(self, whole: int) -> int:
        limit = self.trainer.limit_train_batches if self.trainer is not None else 1.0
        return max(1, min(whole, limit) if isinstance(limit, int) else int(whole * limit))

    def _place(self) -> tuple[int, int]:
        return (self.trainer.global_rank, self.trainer.world_size) if self.trainer is not None else (0, 1)
