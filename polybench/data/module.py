"""The DataModule that every segmentation dataset shares: sources, split, cache, loaders, batches on the device."""

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from lightning.pytorch import LightningDataModule
from lightning.pytorch.trainer.states import TrainerFn
from torch.utils.data import DataLoader

from polybench.data.cache import ImageCache, build_cache, default_cache_folder
from polybench.data.images import UInt8Array, read_image, read_mask
from polybench.data.loader import CachedSamples, EvaluationSampler, TrainingSampler
from polybench.data.sample import Batch, Sample, Source, collate, to_float
from polybench.data.splits import SUBSETS, Subset, load_split
from polybench.errors import ConfigError, DataError
from polybench.results.facts import Counts, DatasetFacts

LARGEST_SIDE = 8192
"""Of the network's input, pixels; beyond it a size is a slip of the finger."""

SPLITS = Path(__file__).parent.parent / "datasets" / "splits"


class SegmentationDataModule(LightningDataModule, ABC):
    """Feeds one dataset to a trainer.

    A dataset says where its files lie (`sources`), how its masks are read (`decode`) and how to tell the official copy.

    Args:
        root: The folder that holds the dataset's own folder, or that folder itself.
        size: Height and width of the network's input, pixels.
        split: Name of a split file of the dataset, or the path of a CSV with id, subset and group; by default the
            one of the papers.
        batch_size: Training batch size of each process.
        eval_batch_size: Evaluation batch size; fixed, since predictions can differ in the last bits with the batch.
        num_workers: Loader processes; with the cache, 0 is usually the fastest.
        allow_missing: Go on when the copy lacks images of the split; the record will say so.
        cache_dir: Where decoded images are kept; by default `POLYBENCH_CACHE` or `~/.cache/polybench`.
        seed: Seed of the training order; the command line fills it from `--seed_everything`.
    """

    short_name: ClassVar[str]
    """Name of the leaderboard page, the split folder and the recipes."""

    folder: ClassVar[str]
    """The official distribution's folder."""

    default_split: ClassVar[str]
    """The split of the papers."""

    source_note: ClassVar[str]
    """Where the dataset is had, for messages."""

    def __init__(
        self,
        root: str = "data",
        size: Sequence[int] = (256, 256),
        split: str | None = None,
        batch_size: int = 8,
        eval_batch_size: int = 8,
        num_workers: int = 0,
        allow_missing: bool = False,
        cache_dir: str | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if len(size) != 2 or min(size) < 1 or max(size) > LARGEST_SIDE:
            raise ConfigError(f"size must be a height and a width of 1 to {LARGEST_SIDE} pixels, not {list(size)}.")
        if batch_size < 1 or eval_batch_size < 1 or num_workers < 0:
            raise ConfigError("batch_size and eval_batch_size must be at least 1, num_workers at least 0.")
        self.root = Path(root).expanduser()
        self.size = (size[0], size[1])
        self.split = load_split(SPLITS / self.short_name, split or self.default_split)
        self.batch_size = batch_size
        self.eval_batch_size = eval_batch_size
        self.num_workers = num_workers
        self.allow_missing = allow_missing
        self.cache_dir = Path(cache_dir).expanduser() if cache_dir else default_cache_folder()
        self.seed = seed
        self._cache: ImageCache | None = None

    @abstractmethod
    def sources(self) -> list[Source]:
        """List every image of the copy at hand.

        Raises:
            DataError: If the layout is not the dataset's; what is missing is named.
        """

    @abstractmethod
    def differences_from_official(self, cache: ImageCache) -> list[str]:
        """Say how the copy at hand differs from the official one; an empty list means that it does not."""

    def decode(self, source: Source) -> tuple[UInt8Array, UInt8Array]:
        """Read one image (H, W, 3) and its mask (H, W) in {0, 1}."""
        return read_image(source.image), read_mask(source.mask)

    @property
    def directory(self) -> Path:
        """The dataset's own folder.

        Raises:
            DataError: If it can't be found; the message says how to get the dataset.
        """
        nested = self.root / self.folder
        if nested.is_dir():
            return nested
        if self.root.resolve().name == self.folder and self.root.is_dir():
            return self.root
        raise DataError(
            f"There is no folder '{nested}': {self.source_note}; put it there, or point the environment variable "
            "POLYBENCH_DATA (or --data.init_args.root) at the folder that holds it."
        )

    def prepare_data(self) -> None:
        """Check the copy against the split and build the cache; one process does this.

        A copy that is found wanting is complained of in `setup`, where every process meets it: one that failed here
        would leave the others waiting.
        """
        with contextlib.suppress(DataError):
            self._cache = self._build()

    def setup(self, stage: str) -> None:
        """Open the cache.

        Raises:
            DataError: If the copy lacks something or a file is broken; it is named.
        """
        if self._cache is None:
            self._cache = self._build()
        if stage == "fit":
            self._refuse_one_class_masks()

    def _build(self) -> ImageCache:
        sources = self.sources()
        self.split.cover([s.id for s in sources], allow_missing=self.allow_missing, source=self.directory)
        return build_cache(sources, self.size, self.decode, self.cache_dir, rule=type(self).__name__)

    @property
    def cache(self) -> ImageCache:
        """The opened cache; `prepare_data` and `setup` come first."""
        if self._cache is None:
            raise RuntimeError("The data module is not set up: call prepare_data() and setup() first.")
        return self._cache

    def facts(self) -> DatasetFacts:
        """What a record says of the data; for a module that is set up."""
        notes = self.differences_from_official(self.cache)
        return DatasetFacts(
            name=self.short_name,
            manifest_sha256=self.cache.manifest_sha256,
            official_copy=not notes,
            copy_notes=tuple(notes),
            split=self.split.name,
            split_sha256=self.split.sha256,
            group_disjoint=self.split.group_disjoint,
            split_note=self.split.note,
            allow_missing=self.allow_missing,
            missing=tuple(image_id for image_id in self.split.subsets if image_id not in self.cache.position),
            counts=Counts(**{subset: len(self.ids(subset)) for subset in SUBSETS}),
            size=self.size,
        )

    def ids(self, subset: Subset) -> list[str]:
        """The images of a subset that the copy has.

        Raises:
            DataError: If it has none.
        """
        ids = [image_id for image_id in self.split.ids(subset) if image_id in self.cache.position]
        if not ids:
            raise DataError(f"Subset '{subset}' of split '{self.split.name}' has no image in '{self.directory}'.")
        return ids

    def _refuse_one_class_masks(self) -> None:
        masks = self.cache.masks[[self.cache.position[image_id] for image_id in self.ids("train")]]
        if masks.min() == masks.max():
            kind = "background" if masks.max() == 0 else "foreground"
            raise DataError(f"All training masks in '{self.directory}' are pure {kind}: check how masks are coded.")

    def train_dataloader(self) -> DataLoader[Sample]:
        """Batches in an order that depends on (seed, epoch) alone; an incomplete last batch is left out."""
        samples = CachedSamples(self.cache, self.ids("train"), dict(self.split.groups), native=False)
        rank, world_size = self._place()
        epoch, batches = self._progress()
        each = -(-len(samples) // world_size)
        whole = each >= self.batch_size
        done = batches * self.batch_size if batches < max(1, each // self.batch_size) else 0
        sampler = TrainingSampler(samples, seed=self.seed, rank=rank, world_size=world_size, epoch=epoch, done=done)
        return self._loader(samples, sampler, self.batch_size, drop_last=whole)

    def val_dataloader(self) -> DataLoader[Sample]:
        """The validation subset, with native masks."""
        return self._evaluation("val")

    def test_dataloader(self) -> DataLoader[Sample]:
        """The test subset, with native masks; out of reach while fitting, since selection is by validation only."""
        if self.trainer is not None and self.trainer.state.fn == TrainerFn.FITTING:
            raise RuntimeError("The test subset can't be read during fit: selection happens on validation only.")
        return self._evaluation("test")

    def _evaluation(self, subset: Subset) -> DataLoader[Sample]:
        samples = CachedSamples(self.cache, self.ids(subset), dict(self.split.groups), native=True)
        rank, world_size = self._place()
        size = self.eval_batch_size
        sampler = EvaluationSampler(samples, batch_size=size, rank=rank, world_size=world_size)
        return self._loader(samples, sampler, size, drop_last=False)

    def _loader(
        self,
        samples: CachedSamples,
        sampler: TrainingSampler | EvaluationSampler,
        batch_size: int,
        *,
        drop_last: bool,
    ) -> DataLoader[Sample]:
        return DataLoader(
            samples,
            batch_size=batch_size,
            sampler=sampler,
            num_workers=self.num_workers,
            collate_fn=collate,
            drop_last=drop_last,
            persistent_workers=self.num_workers > 0,
        )

    def _progress(self) -> tuple[int, int]:
        """The epoch that a resumed fit stands in, and its batches that were done."""
        if self.trainer is None:
            return 0, 0
        return self.trainer.current_epoch, self.trainer.fit_loop.epoch_loop.batch_progress.current.completed

    def _place(self) -> tuple[int, int]:
        return (self.trainer.global_rank, self.trainer.world_size) if self.trainer is not None else (0, 1)

    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        """Make floats of the bytes, on the device."""
        return to_float(batch)
