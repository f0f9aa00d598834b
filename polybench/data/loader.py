"""Which sample comes when: cached samples, and samplers that are pure functions of (seed, epoch, rank)."""

from collections.abc import Iterator, Sequence

import torch
from torch.utils.data import Dataset
from torch.utils.data.distributed import DistributedSampler

from polybench.data.cache import ImageCache
from polybench.data.sample import Sample
from polybench.randomness import generator


class CachedSamples(Dataset[Sample]):
    """A subset of a cache.

    Args:
        cache: The opened cache.
        ids: The images of the subset.
        groups: Image id -> group.
        native: Add each mask at its native size, for evaluation.
    """

    def __init__(self, cache: ImageCache, ids: Sequence[str], groups: dict[str, str], *, native: bool) -> None:
        self.cache = cache
        self.ids = list(ids)
        self.groups = groups
        self.native = native

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: int) -> Sample:
        image_id = self.ids[index]
        position = self.cache.position[image_id]
        (height, width), (native_height, native_width) = self.cache.size, self.cache.native_sizes[position]
        sample: Sample = {
            "image": torch.from_numpy(self.cache.images[position].copy()).permute(2, 0, 1).contiguous(),
            "mask": torch.from_numpy(self.cache.masks[position].copy())[None],
            "id": image_id,
            "group": self.groups[image_id],
            "to_native": resize_affine((height, width), (native_height, native_width)),
        }
        if self.native:
            sample["native_mask"] = torch.from_numpy(self.cache.native_mask(position))[None]
        return sample


def resize_affine(size: tuple[int, int], native: tuple[int, int]) -> torch.Tensor:
    """The (2, 3) map from network to native pixels that undoes a plain resize; pixel centres are integers.

    Args:
        size: Network height and width.
        native: Native height and width.
    """
    sy, sx = native[0] / size[0], native[1] / size[1]
    return torch.tensor([[sx, 0.0, (sx - 1) / 2], [0.0, sy, (sy - 1) / 2]], dtype=torch.float32)


class TrainingSampler(DistributedSampler[int]):
    """A fresh order each epoch, divided evenly among the processes.

    It is a `DistributedSampler` only so that Lightning tells it the epoch and leaves it in place; the order is a pure
    function of (seed, epoch), and a few samples are seen twice where the processes don't divide the set.

    Args:
        dataset: What is sampled.
        seed: The run's seed.
        rank: This process.
        world_size: Number of processes.
        epoch: The epoch that training starts or goes on in.
        done: How many of this process's samples of that epoch were seen before an interruption.
    """

    def __init__(
        self, dataset: CachedSamples, *, seed: int, rank: int, world_size: int, epoch: int = 0, done: int = 0
    ) -> None:
        super().__init__(dataset, num_replicas=world_size, rank=rank, shuffle=True, seed=seed)
        self.epoch = epoch
        self.resumed = (epoch, done)

    def __iter__(self) -> Iterator[int]:
        n = len(self.dataset)  # type: ignore[arg-type]
        order = torch.randperm(n, generator=generator("shuffle", self.seed, self.epoch)).tolist()
        padded = (order * self.num_replicas)[: self.total_size]
        mine = padded[self.rank :: self.num_replicas]
        epoch, done = self.resumed
        return iter(mine[done:] if self.epoch == epoch else mine)


class EvaluationSampler(DistributedSampler[int]):
    """Whole batches dealt to the processes in turn, so that each image is evaluated in the batch it is in alone.

    Each image comes once; only where there are fewer batches than processes, the `idle` ones repeat the first batch
    (rows are de-duplicated by id, and its loss has no weight).

    Args:
        dataset: What is evaluated, in its own order.
        batch_size: The evaluation batch size.
        rank: This process.
        world_size: Number of processes.
    """

    def __init__(self, dataset: CachedSamples, *, batch_size: int, rank: int, world_size: int) -> None:
        super().__init__(dataset, num_replicas=world_size, rank=rank, shuffle=False)
        n = len(dataset)
        starts = range(0, n, batch_size)[rank::world_size]
        self.idle = not starts
        starts = starts or range(0, 1)
        self.indices = [index for start in starts for index in range(start, min(start + batch_size, n))]

    def __iter__(self) -> Iterator[int]:
        return iter(self.indices)

    def __len__(self) -> int:
        return len(self.indices)
