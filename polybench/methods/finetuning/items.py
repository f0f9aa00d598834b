"""Items that are classified, and the samples of an epoch: variants of items, their classes made equal."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, NotRequired, TypedDict

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import Dataset

from polybench.core.randomness import generator
from polybench.data.images import UInt8Array
from polybench.metrics.candidate_rows import VARIANT


class Item(NamedTuple):
    """A candidate of an image, or a whole image.

    Attributes:
        id: Its id, `<image>/<candidate>` for a candidate.
        group: Its group.
        label: Its class, from 0.
        image: The image that it is of.
        box: Top, left, bottom and right of a candidate, pixels; None for a whole image.
        lesion: The number of the lesion that it lies on, from 0; -1 for none.
        lesions: The number of lesions of its image.
        candidate: False for an image without candidates, which is counted and not classified.
    """

    id: str
    group: str
    label: int
    image: str
    box: tuple[int, int, int, int] | None = None
    lesion: int = -1
    lesions: int = 0
    candidate: bool = True


class ItemSample(TypedDict):
    """One variant of an item: `image` (S, S, 3), uint8, and what is known of the item; `epoch` in training."""

    image: Tensor
    label: int
    id: str
    group: str
    epoch: int
    lesion: NotRequired[int]
    lesions: NotRequired[int]
    candidate: NotRequired[bool]


class ItemBatch(TypedDict):
    """Samples stacked: `image` (N, 3, S, S) float32 in [0, 1], all numbers (N,); bytes (N, S, S, 3) at first."""

    image: Tensor
    label: Tensor
    id: list[str]
    group: list[str]
    epoch: list[int]
    lesion: Tensor
    lesions: Tensor
    candidate: Tensor


Reader = Callable[[Item, int], UInt8Array]
"""Reads a variant of an item, (S, S, 3)."""


def collate_items(samples: Sequence[ItemSample]) -> ItemBatch:
    """Stack samples."""
    return ItemBatch(
        image=torch.stack([sample["image"] for sample in samples]),
        label=torch.tensor([sample["label"] for sample in samples]),
        id=[sample["id"] for sample in samples],
        group=[sample["group"] for sample in samples],
        epoch=[sample["epoch"] for sample in samples],
        lesion=torch.tensor([sample.get("lesion", -1) for sample in samples]),
        lesions=torch.tensor([sample.get("lesions", 0) for sample in samples]),
        candidate=torch.tensor([sample.get("candidate", True) for sample in samples]),
    )


def _sample(item: Item, variant: int, image: UInt8Array, epoch: int) -> ItemSample:
    return ItemSample(
        image=torch.from_numpy(image),
        label=item.label,
        id=f"{item.id}{VARIANT}{variant}",
        group=item.group,
        epoch=epoch,
        lesion=item.lesion,
        lesions=item.lesions,
        candidate=item.candidate,
    )


class TrainingItems(Dataset[ItemSample]):
    """Samples of training over all epochs: sample `epoch * len + k` is the k-th of that epoch.

    Each epoch takes as many items of every class as the smallest class has, drawn anew from the larger ones, and a
    variant of each, by (seed, epoch, id).

    Args:
        items: The items.
        read: Reads a variant of an item.
        variants: The variants of each item that may be drawn, by its id.
        seed: Seed of the draws.
        balance: Down-sample the larger classes; otherwise each epoch takes every item.
    """

    def __init__(
        self,
        items: Sequence[Item],
        read: Reader,
        variants: Mapping[str, Sequence[int]],
        *,
        seed: int,
        balance: bool = True,
    ) -> None:
        self.items = list(items)
        self.read = read
        self.variants = variants
        self.seed = seed
        self.balance = balance
        labels = np.array([item.label for item in self.items])
        self.members = [np.flatnonzero(labels == label) for label in np.unique(labels)]
        self._epoch, self._drawn = 0, self.drawn(0)

    def __len__(self) -> int:
        smallest = min(len(members) for members in self.members)
        return smallest * len(self.members) if self.balance else len(self.items)

    def drawn(self, epoch: int) -> npt.NDArray[np.intp]:
        """Places of an epoch's items, in their order."""
        if not self.balance:
            return np.arange(len(self.items))
        each, source = len(self) // len(self.members), generator("classes", self.seed, epoch)
        chosen = [members[torch.randperm(len(members), generator=source).numpy()[:each]] for members in self.members]
        return np.sort(np.concatenate(chosen))

    def __getitem__(self, number: int) -> ItemSample:
        epoch, place = divmod(number, len(self))
        if epoch != self._epoch:
            self._epoch, self._drawn = epoch, self.drawn(epoch)
        item = self.items[self._drawn[place]]
        allowed = self.variants[item.id]
        source = generator("variant", self.seed, epoch, item.id)
        variant = allowed[int(torch.randint(len(allowed), (), generator=source))]
        return _sample(item, variant, self.read(item, variant), epoch)


class EvaluationItems(Dataset[ItemSample]):
    """The first variants of each item, all of them in every run.

    Args:
        items: The items.
        read: Reads a variant of an item.
        variants: How many; an image without candidates has one.
    """

    def __init__(self, items: Sequence[Item], read: Reader, variants: int) -> None:
        self.items = list(items)
        self.read = read
        counts = [variants if item.candidate else 1 for item in self.items]
        self.places = [(place, variant) for place, count in enumerate(counts) for variant in range(count)]

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, number: int) -> ItemSample:
        place, variant = self.places[number]
        item = self.items[place]
        return _sample(item, variant, self.read(item, variant), 0)
