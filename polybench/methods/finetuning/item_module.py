"""Base DataModule of items that are classified: candidates, patches around interfaces, labelled images."""

import hashlib
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

from torch.utils.data import DataLoader

from polybench.augment import Policy, named_policy
from polybench.core.errors import ConfigError
from polybench.data.augmented_images import augmented_images
from polybench.data.cache import default_cache_folder
from polybench.data.fitting import STRETCH, Fitting
from polybench.data.images import UInt8Array
from polybench.data.manifest import manifest_sha256
from polybench.data.module import LARGEST_SIDE
from polybench.data.patch_samples import PatchSampler
from polybench.data.resumable import ResumableDataModule
from polybench.data.sample import Source
from polybench.data.splits import Subset
from polybench.methods.finetuning.items import (
    EvaluationItems,
    Item,
    ItemBatch,
    ItemSample,
    TrainingItems,
    collate_items,
)
from polybench.methods.finetuning.parts import Part, trained_part
from polybench.metrics.protocols import CLASSES, Protocol
from polybench.results.facts import Counts, DatasetFacts

VALIDATION = 0.2
"""Share of the training set that is kept apart where a folder has no validation subset."""


class ItemDataModule(ResumableDataModule):
    """Base class of data modules of items, which trains on a part of the training set and averages variants in tests.

    A subclass sets `short_name` and `part`, and calls `divide` in `setup`.

    Args:
        size: Side of the net's input, pixels.
        balance: Train on as many items of each class, by down-sampling the larger ones.
        augment: Augmentation of training images, on the device: a named policy, or a policy.
        batch_size: Training batch size, which the processes share.
        eval_batch_size: Evaluation batch size.
        num_workers: Loader processes.
        seed: Seed of order, classes and variants in training.

    Attributes:
        short_name: Name of the dataset in records and pages.
        part: The part of the training set that is used.
        variants: Variants that an item has.
        tested_variants: Subset -> how many of them, the first ones, an evaluation averages.
    """

    sampler = PatchSampler
    ranked_by: Protocol = CLASSES
    """The protocol that the leaderboard ranks by, which training monitors."""

    extra_protocols: ClassVar[tuple[Protocol, ...]] = ()
    fitting: ClassVar[Fitting] = STRETCH

    short_name: str
    part: Part

    def __init__(
        self,
        size: int,
        balance: bool,
        augment: str | Policy,
        batch_size: int,
        eval_batch_size: int,
        num_workers: int,
        seed: int,
    ) -> None:
        super().__init__(batch_size, eval_batch_size, num_workers, seed)
        if not 1 <= size <= LARGEST_SIDE:
            raise ConfigError(f"size must be the side of the net's input, 1 to {LARGEST_SIDE} pixels, not {size}.")
        self.size = (size, size)
        self.balance = balance
        self.policy = named_policy(augment) if isinstance(augment, str) else augment
        self.variants = 1
        self.tested_variants: dict[Subset, int] = {}
        self._items: dict[Subset, list[Item]] = {}
        self._training: TrainingItems | None = None

    @abstractmethod
    def read(self, item: Item, variant: int) -> UInt8Array:
        """Read a variant of an item, (S, S, 3)."""

    def divide(self, items: Mapping[Subset, Sequence[Item]]) -> None:
        """Take the part of the training set that is trained on, and the validation subset.

        Args:
            items: Subset -> its items, before that.

        Raises:
            UserError: If there are too few groups for a validation subset, or a class is empty.
        """
        train, validation, variants = trained_part(list(items["train"]), list(items["val"]), self.part, self.variants)
        self._items = {"train": train, "val": validation, "test": list(items["test"])}
        self._training = TrainingItems(train, self.read, variants, seed=self.seed, balance=self.balance)

    def items(self, subset: Subset) -> list[Item]:
        """The items of a subset, after `setup`."""
        return self._items[subset]

    def ids(self, subset: Subset) -> list[str]:
        """Ids of the items of a subset, in their order."""
        return [item.id for item in self._items[subset]]

    def train_dataloader(self) -> DataLoader[ItemSample]:
        """Load items in an order that depends only on (seed, epoch), without an incomplete last batch."""
        assert self._training is not None
        return self.training_loader(self._training, collate_items)

    def evaluation_dataloader(self, subset: Subset) -> DataLoader[ItemSample]:
        """Load the variants of the items of a subset, which are the same in every run."""
        variants = self.tested_variants.get(subset, 1)
        return self.evaluation_loader(EvaluationItems(self._items[subset], self.read, variants), collate_items)

    def on_after_batch_transfer(self, batch: ItemBatch, dataloader_idx: int) -> ItemBatch:
        """Convert bytes to floats on the device, and augment training images by (seed, epoch, id)."""
        batch["image"] = augmented_images(batch["image"], batch["id"], batch["epoch"], self)
        return batch

    def facts_of_files(
        self,
        files: Sequence[tuple[str, Source]],
        split: str,
        sha256: str,
        note: str,
        copy_note: str,
        tested: str,
        grouped: bool = True,
    ) -> DatasetFacts:
        """Describe the files of a folder of the user's own for a record; counts are those of items.

        Args:
            files: Subset and file of each, with its group.
            split: Name of what divides them.
            sha256: Its hash.
            note: What to know of it.
            copy_note: What kind of copy it is.
            tested: What is tested, as text.
            grouped: Whether groups are stated.
        """
        groups = {source.group for subset, source in files if subset == "test"}
        crossing = any(source.group in groups for subset, source in files if subset != "test")
        return DatasetFacts(
            name=self.short_name,
            manifest_sha256=manifest_sha256([source for _, source in files], default_cache_folder()),
            official_copy=False,
            copy_notes=(copy_note,),
            split=split,
            split_sha256=sha256,
            group_disjoint=False if crossing else grouped or None,
            split_note=note,
            allow_missing=False,
            missing=(),
            counts=Counts(**{subset: len(items) for subset, items in self._items.items()}),
            size=self.size,
            ranked_by=self.ranked_by.name,
            patches_sha256=hashlib.sha256(tested.encode()).hexdigest(),
        )
