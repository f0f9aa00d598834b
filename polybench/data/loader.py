"""Samples of a cache, and samplers that are pure functions of (seed, epoch, rank)."""

from collections.abc import Iterator, Sequence, Sized
from typing import Any, cast

import numpy as np
import torch
from lightning.pytorch import Trainer
from torch.utils.data import Dataset
from torch.utils.data.distributed import DistributedSampler

from polybench.core.randomness import generator
from polybench.data.cache import ImageCache
from polybench.data.sample import Batch, Sample


class CachedSamples(Dataset[Sample]):
    """Dataset of a subset of a cache.

    Args:
        cache: The open cache.
        ids: The images of the subset.
        groups: Image id -> group.
        native: Add the native mask, and the label map where the dataset has instances, for evaluation.
        variants: Number of samples per image, `<id>#<variant>`.
        pixels: Include the bytes of the images; otherwise `position` is their index in the cache.
    """

    def __init__(
        self,
        cache: ImageCache,
        ids: Sequence[str],
        groups: dict[str, str],
        *,
        native: bool,
        variants: int = 1,
        pixels: bool = True,
    ) -> None:
        self.cache = cache
        self.ids = list(ids)
        self.groups = groups
        self.native = native
        self.variants = variants
        self.pixels = pixels

    def __len__(self) -> int:
        return len(self.ids) * self.variants

    def __getitem__(self, index: int) -> Sample:
        number, variant = divmod(index, self.variants)
        image_id, cache = self.ids[number], self.cache
        position = cache.position[image_id]
        sample: Sample = {
            "id": image_id if self.variants == 1 else f"{image_id}#{variant}",
            "group": self.groups[image_id],
            "position": position,
            "to_native": cache.to_native(position),
        }
        if self.variants > 1:
            sample["variant"] = variant
        if self.pixels:
            sample["image"] = torch.from_numpy(np.array(cache.image(position)))
            sample["mask"] = torch.from_numpy(np.array(cache.mask(position)))[None]
            if cache.has_view:
                sample["valid"] = torch.from_numpy(np.array(cache.valid(position)))[None]
        if self.native:
            sample["native_mask"] = torch.from_numpy(cache.native_mask(position))[None]
            if cache.has_valid:
                sample["native_valid"] = torch.from_numpy(cache.native_valid(position))[None]
            if cache.has_labels:
                sample["native_labels"] = torch.from_numpy(cache.native_labels(position).astype(np.int32))[None]
        return sample


class ResidentImages:
    """The bytes of a whole cache on the device, from which batches are assembled.

    Args:
        cache: The open cache, of one size.
        device: The device, which needs four bytes per pixel, five with a field of view or padding.
    """

    def __init__(self, cache: ImageCache, device: torch.device) -> None:
        self.image = torch.from_numpy(cache.images.copy()).to(device)
        self.mask = torch.from_numpy(cache.masks.copy()).to(device)[:, None]
        self.valid = None
        if cache.has_view:
            valids = [cache.valid(position) for position in range(len(cache.position))]
            self.valid = torch.from_numpy(np.stack(valids)).to(device)[:, None]

    def fill(self, batch: Batch) -> None:
        """Add `image`, `mask` and `valid` to a batch without pixels."""
        positions = torch.tensor(batch["position"], device=self.image.device)
        batch["image"] = self.image[positions]
        batch["mask"] = self.mask[positions]
        if self.valid is not None:
            batch["valid"] = self.valid[positions]


class TrainingSampler(DistributedSampler[int]):
    """Sampler with a new order in each epoch, divided evenly among the processes.

    It is a `DistributedSampler` so that Lightning sets its epoch and doesn't replace it; the order is a pure function
    of (seed, epoch). Where the number of samples isn't divisible by the processes, the last ones of the order are left
    out, so that the batches of all processes together are those of one.

    Args:
        dataset: The samples.
        seed: Seed of the run.
        rank: Rank of this process.
        world_size: Number of processes.
        epoch: The epoch in which training starts or resumes.
        done: Number of samples of that epoch that this process had seen before an interruption.
    """

    def __init__(
        self, dataset: Dataset[Any], *, seed: int, rank: int, world_size: int, epoch: int = 0, done: int = 0
    ) -> None:
        super().__init__(dataset, num_replicas=world_size, rank=rank, shuffle=True, seed=seed, drop_last=True)
        self.epoch = epoch
        self.resumed = (epoch, done)

    def __iter__(self) -> Iterator[int]:
        n = len(cast(Sized, self.dataset))
        order = torch.randperm(n, generator=generator("shuffle", self.seed, self.epoch)).tolist()
        mine = order[self.rank : self.total_size : self.num_replicas]
        epoch, done = self.resumed
        return iter(mine[done:] if self.epoch == epoch else mine)


class EvaluationSampler(DistributedSampler[int]):
    """Sampler that distributes whole batches to the processes in turn, so that batches don't depend on their number.

    Each image is evaluated once; only where there are fewer batches than processes, `idle` processes repeat the first
    batch (rows are de-duplicated by id, and its loss has no weight).

    Args:
        dataset: The samples, in their order.
        batch_size: The evaluation batch size.
        rank: Rank of this process.
        world_size: Number of processes.
    """

    def __init__(self, dataset: Dataset[Any], *, batch_size: int, rank: int, world_size: int) -> None:
        super().__init__(dataset, num_replicas=world_size, rank=rank, shuffle=False)
        n = len(cast(Sized, dataset))
        starts = range(0, n, batch_size)[rank::world_size]
        self.idle = not starts
        starts = starts or range(0, 1)
        self.indices = [index for start in starts for index in range(start, min(start + batch_size, n))]

    def __iter__(self) -> Iterator[int]:
        return iter(self.indices)

    def __len__(self) -> int:
        return len(self.indices)


def batches_done(trainer: Trainer) -> int:
    """Return the number of batches of a fit over all epochs, including those before a resume."""
    return int(trainer.fit_loop.epoch_loop.batch_progress.total.state_dict()["processed"])
