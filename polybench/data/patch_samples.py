"""Which patches a subset has: its objects, as many places without any, and one list of them for each epoch."""

import json
from collections.abc import Iterator, Sequence, Sized
from hashlib import sha256
from typing import NamedTuple, cast

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import Dataset

from polybench.core.atomic import atomic_write_text
from polybench.core.randomness import generator
from polybench.data.cache import ImageCache
from polybench.data.loader import TrainingSampler
from polybench.data.patches import (
    Box,
    Boxes,
    Jitter,
    PlacementArea,
    boxes_of,
    bright_box,
    cut,
    negative_boxes,
    object_boxes,
    positive_boxes,
    tight_box,
)
from polybench.data.sample import PatchSample

REGIONS_VERSION = 1
"""Raise it when boxes of objects or areas are found in another way: what was stored beside a cache is then not read."""


class Regions(NamedTuple):
    """Where an image has objects, (n, 4), and where it shows anything, (1, 4)."""

    objects: Boxes
    area: Boxes


class ClassCounts(NamedTuple):
    """Patches of each class, in the order of the labels 0 and 1."""

    negative: int
    positive: int


def find_regions(cache: ImageCache, dark: int) -> list[Regions]:
    """Find objects and area of every image of a cache at native size, once: they are stored beside it.

    Args:
        cache: The opened cache.
        dark: Grey level below which rows and columns at the edges are frame; a field of view takes its place.
    """
    path = cache.folder / f"regions-v{REGIONS_VERSION}-{dark}.json"
    if not path.is_file():
        found = [_regions(cache, position, dark) for position in range(len(cache.position))]
        atomic_write_text(path, json.dumps([[part.tolist() for part in regions] for regions in found]))
    stored = json.loads(path.read_text())
    return [Regions(*(boxes_of(part) for part in regions)) for regions in stored]


def _regions(cache: ImageCache, position: int, dark: int) -> Regions:
    area = tight_box(cache.valid(position)) if cache.has_valid else bright_box(cache.image(position), dark)
    return Regions(object_boxes(cache.mask(position)), area)


class PatchImage(NamedTuple):
    """An image that patches are cut from: where it is in the cache, and its regions."""

    id: str
    group: str
    position: int
    regions: Regions


class PatchSamples(Dataset[PatchSample]):
    """The patches of a subset, epoch after epoch: sample `epoch * len + k` is the k-th of that epoch.

    Positives are the objects, the same in each epoch. Negatives are drawn anew in each epoch from (seed, epoch, image);
    an image has as many in each epoch as in epoch 0, so that all epochs are equally long.

    Args:
        cache: The cache of images at native size.
        images: Those of the subset.
        size: Side of a patch, pixels.
        seed: What draws depend on beside epoch and id.
        negatives: Negatives of each image, where there is room for so many.
        margin: Share of its side that is added to a positive's box on each side.
        balance: Leave out so many of the larger class, other ones in each epoch, that both have the same number.
        jitter: Variants of the boxes, one drawn for each patch and epoch; a negative's touch no object either.
    """

    def __init__(
        self,
        cache: ImageCache,
        images: Sequence[PatchImage],
        *,
        size: int,
        seed: int,
        negatives: int,
        margin: float = 0.0,
        balance: bool = False,
        jitter: Jitter | None = None,
    ) -> None:
        self.cache = cache
        self.images = list(images)
        self.size = size
        self.seed = seed
        self.balance = balance
        self.jitter = jitter
        self.positives = [
            positive_boxes(image.regions.objects, cache.sizes[image.position], margin) for image in images
        ]
        self.at_first = [self._draw(image, 0, negatives) for image in images]
        counts = ([len(boxes) for boxes in self.at_first], [len(boxes) for boxes in self.positives])
        rows = [(n, label, k) for n in range(len(images)) for label in (1, 0) for k in range(counts[label][n])]
        self.patches = np.array(rows, np.int64).reshape(-1, 3)
        self.found = ClassCounts(sum(counts[0]), sum(counts[1]))
        self._epoch = 0
        self._patches = self.epoch_patches(0)
        self._negatives: dict[int, Boxes] = {}

    @property
    def ids(self) -> list[str]:
        """The patches that an epoch is made of, all of them where the classes are not balanced."""
        return [_patch_id(self.images[n], label, k) for n, label, k in self.patches.tolist()]

    @property
    def sha256(self) -> str:
        """Hash of the first epoch's patches: ids, labels, boxes and the size they are brought to."""
        boxes = [
            f"{_patch_id(self.images[n], label, k)} {label} {list((self.positives if label else self.at_first)[n][k])}"
            for n, label, k in self.patches.tolist()
        ]
        return sha256("\n".join([str(self.size), *boxes]).encode()).hexdigest()

    def __len__(self) -> int:
        return 2 * min(self.found) if self.balance else sum(self.found)

    def __getitem__(self, number: int) -> PatchSample:
        epoch, index = divmod(number, len(self))
        if epoch != self._epoch:
            self._epoch, self._patches, self._negatives = epoch, self.epoch_patches(epoch), {}
        n, label, k = self._patches[index].tolist()
        if not label and n not in self._negatives:
            self._negatives[n] = self.negatives(n, epoch)
        image = self.images[n]
        box = self.positives[n][k] if label else self._negatives[n][k]
        patch_id = _patch_id(image, label, k)
        box, orientation = self._varied(box, image, label, epoch, patch_id)
        patch = cut(self.cache.image(image.position), box, self.size, orientation)
        return PatchSample(image=torch.from_numpy(patch), label=label, id=patch_id, group=image.group, epoch=epoch)

    def _varied(self, box: Box, image: PatchImage, label: int, epoch: int, patch_id: str) -> tuple[Box, int]:
        """Draw one variant of a box, and an orientation."""
        if self.jitter is None:
            return box, 0
        source = generator("jitter", self.seed, epoch, patch_id)
        places = self.jitter.boxes(box)
        if not label:
            places = places[self._placement_area(image).contains(places)]
        if len(places):
            box = places[int(torch.randint(len(places), (), generator=source))]
        return box, int(torch.randint(8, (), generator=source)) if self.jitter.flips else 0

    def epoch_patches(self, epoch: int) -> npt.NDArray[np.int64]:
        """List an epoch's patches as rows of image, label and number, in the images' order."""
        if not self.balance:
            return self.patches
        larger = int(self.found.positive > self.found.negative)
        rows = np.flatnonzero(self.patches[:, 1] == larger)
        order = torch.randperm(len(rows), generator=generator("balance", self.seed, epoch)).numpy()
        keep = np.flatnonzero(self.patches[:, 1] != larger)
        patches: npt.NDArray[np.int64] = self.patches[np.union1d(keep, rows[order[: min(self.found)]])]
        return patches

    def negatives(self, n: int, epoch: int) -> Boxes:
        """Draw the negative boxes of the n-th image in an epoch: those of epoch 0 where an epoch finds fewer."""
        first = self.at_first[n]
        found = self._draw(self.images[n], epoch, len(first)) if epoch else first
        return found if len(found) == len(first) else first

    def _draw(self, image: PatchImage, epoch: int, count: int) -> Boxes:
        return negative_boxes(self._placement_area(image), generator("negatives", self.seed, epoch, image.id), count)

    def _placement_area(self, image: PatchImage) -> PlacementArea:
        valid = self.cache.valid(image.position) if self.cache.has_valid else None
        return PlacementArea(image.regions.objects, image.regions.area, valid)


def _patch_id(image: PatchImage, label: int, k: int) -> str:
    return f"{image.id}/{'p' if label else 'n'}{k}"


class PatchSampler(TrainingSampler):
    """Counts samples on through the epochs, so that a sample's number tells its epoch in any process."""

    def __iter__(self) -> Iterator[int]:
        before = self.epoch * len(cast(Sized, self.dataset))
        return (before + index for index in super().__iter__())


class RunningSampler(PatchSampler):
    """Runs on through the epochs of patches while the trainer counts epochs of something else.

    Step s of a fit takes batch `s % n` of the patches' epoch `s // n`, where n whole batches make an epoch of them.

    Args:
        dataset: The patches.
        seed: The run's seed.
        rank: This process.
        world_size: Number of processes.
        batch_size: Of each process.
        steps: Steps of an epoch as the trainer counts them.
        done: Steps of all epochs that were trained on before an interruption.

    Attributes:
        batch_size: As given, or all patches of a process where they are fewer.
    """

    def __init__(
        self, dataset: PatchSamples, *, seed: int, rank: int, world_size: int, batch_size: int, steps: int, done: int
    ) -> None:
        super().__init__(dataset, seed=seed, rank=rank, world_size=world_size, epoch=done // steps)
        self.patches = PatchSampler(dataset, seed=seed, rank=rank, world_size=world_size)
        self.batch_size = min(batch_size, self.num_samples)
        self.steps = steps
        self.done = done

    def __len__(self) -> int:
        return self.steps * self.batch_size

    def __iter__(self) -> Iterator[int]:
        order: list[int] = []
        drawn = -1
        for step in range(max(self.done, self.epoch * self.steps), (self.epoch + 1) * self.steps):
            epoch, batch = divmod(step, self.num_samples // self.batch_size)
            if epoch != drawn:
                self.patches.set_epoch(epoch)
                order, drawn = list(self.patches), epoch
            yield from order[batch * self.batch_size : (batch + 1) * self.batch_size]
