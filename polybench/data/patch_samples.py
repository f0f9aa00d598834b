"""Patches of a subset: its objects, background boxes, and their order in each epoch."""

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
"""Version of the search for boxes and areas, increased when it changes; stored regions are then ignored."""


class Regions(NamedTuple):
    """Boxes of the objects of an image, (n, 4), and of its visible area, (1, 4)."""

    objects: Boxes
    area: Boxes


class ClassCounts(NamedTuple):
    """Numbers of patches of each class, in the order of the labels 0 and 1."""

    negative: int
    positive: int


def find_regions(cache: ImageCache, dark: int) -> list[Regions]:
    """Find objects and visible area of every image of a cache at native size, and store them with the cache.

    Args:
        cache: The open cache.
        dark: Grey level below which rows and columns at the edges are the frame; a field of view replaces it.
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
    """An image with patches: its id, its index in the cache and its regions."""

    id: str
    group: str
    position: int
    regions: Regions


class PatchSamples(Dataset[PatchSample]):
    """Dataset of the patches of a subset over all epochs: sample `epoch * len + k` is the k-th of that epoch.

    Positives are the objects, the same in each epoch. Negatives are drawn in each epoch from (seed, epoch, image);
    their number per image is that of epoch 0, so that all epochs have the same length.

    Args:
        cache: The cache of images at native size.
        images: Images of the subset.
        size: Side of a patch, pixels.
        seed: Seed of the draws, with epoch and id.
        negatives: Negatives per image, or fewer where there is no space.
        margin: Share of its side that is added to a positive's box on each side.
        balance: Draw a subset of the larger class in each epoch, so that both classes have the same number.
        jitter: Variants of the boxes, one drawn per patch and epoch; those of negatives touch no object. None for no
            variants.
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
        """Ids of the patches of an epoch, before the classes are balanced."""
        return [_patch_id(self.images[n], label, k) for n, label, k in self.patches.tolist()]

    @property
    def sha256(self) -> str:
        """Hash of the patches of the first epoch: ids, labels, boxes and size."""
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
        """Draw the negative boxes of the n-th image in an epoch, or reuse those of epoch 0 where fewer are found."""
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
    """Sampler that numbers samples through all epochs, so that the number of a sample determines its epoch."""

    def __iter__(self) -> Iterator[int]:
        before = self.epoch * len(cast(Sized, self.dataset))
        return (before + index for index in super().__iter__())


class RunningSampler(PatchSampler):
    """Sampler of patches with its own epochs, while the trainer counts epochs of another dataset.

    Step s of a fit uses batch `s % n` of epoch `s // n` of the patches, where an epoch has n whole batches.

    Args:
        dataset: The patches.
        seed: Seed of the run.
        rank: Rank of this process.
        world_size: Number of processes.
        batch_size: Batch size of each process.
        steps: Steps of an epoch of the trainer.
        done: Steps of all epochs before an interruption.

    Attributes:
        batch_size: The batch size, or the number of patches of a process where it is smaller.
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
