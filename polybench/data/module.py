"""Base DataModule of segmentation datasets: sources, split, cache and loaders."""

import contextlib
from collections.abc import Mapping, Sequence
from copy import copy
from pathlib import Path
from typing import Any, ClassVar, Self

from lightning.pytorch.utilities import rank_zero_info, rank_zero_warn
from torch.utils.data import DataLoader, Dataset

from polybench.augment import Policy
from polybench.core.errors import ConfigError, DataError
from polybench.core.wording import counted
from polybench.data.build import build_cache
from polybench.data.cache import ImageCache, default_cache_folder
from polybench.data.crop_samples import CropSamples, FrameSamples, refuse_dark_frames, refuse_small_frames
from polybench.data.crops import Crop, crop_identity
from polybench.data.dataset_copy import DatasetCopy, OnError
from polybench.data.dataset_facts import facts_of
from polybench.data.device_batches import DeviceBatches
from polybench.data.evaluation_memory import EVALUATED, refuse_large_images
from polybench.data.fitting import Fit, Fitting
from polybench.data.images import UInt8Array, read_image
from polybench.data.listing import LeftOut, left_out_words
from polybench.data.loader import CachedSamples
from polybench.data.manifest import same_id
from polybench.data.one_class import refuse_one_class
from polybench.data.own_dataset import check_class, decode_rule, open_split
from polybench.data.patch_samples import PatchSampler
from polybench.data.sample import Batch, Sample, Source, collate
from polybench.data.splits import SUBSETS, Split, Subset
from polybench.data.unread import left_out_beside
from polybench.data.validation_variants import (
    refuse_validation_variants,
    score_at_network_size,
    validates_variants,
)
from polybench.data.value_range import check_bits
from polybench.metrics import PER_IMAGE, Protocol
from polybench.results.facts import DatasetFacts

LARGEST_SIDE = 8192
"""Largest accepted side of the network's input, pixels."""


class SegmentationDataModule(DatasetCopy, DeviceBatches):
    """Data module of one segmentation dataset.

    A dataset defines its files (`sources`), the decoding of masks (`decode`) and the official copy (`card`).

    Args:
        root: The folder that contains the dataset's own folder, or that folder itself; None for the folder in the
            environment variable POLYBENCH_DATA, else `data`.
        size: Height and width of the network's input, pixels.
        split: Name of a split file of the dataset, or the path of a CSV with id, subset and group; None for the split
            of the papers.
        batch_size: Training batch size, which the processes share.
        eval_batch_size: Evaluation batch size; it is fixed because predictions can differ in the last bits between
            batch sizes.
        num_workers: Loader processes; with the cache, 0 is usually the fastest.
        allow_missing: Accept a copy that lacks images of the split; it is stated in the record.
        cache_dir: Folder of decoded images; None for `POLYBENCH_CACHE` or `~/.cache/polybench`.
        augment: Augmentation of training batches, on the device: a named policy (none, standard, efen25, fanet,
            keras_fcn, keras_fcn_eroding) or a `Policy` by class path.
        expanded: Use all fixed variants of the policy as samples, as in papers that augment on disk, which makes an
            epoch as many times longer; by default one variant is drawn per image and epoch.
        on_device: Keep the bytes of the whole set on the device.
        on_error: For an image that is broken or unpaired, "raise" an error that names the file, or "skip" it; skipped
            images are counted, printed and recorded.
        bits: Number of significant bits of images of more than 8, such as 12 of 16; required where no image of the copy
            uses the 16th bit.
        fit: How images become the network's input: `stretch` each image to `size`, or `letterbox` it, which keeps its
            shape and pads the rest. Augmentation acts on the padded image. Padding is outside the field of view, but
            counts as background in losses without `valid` and in protocols at network size, as in the papers.
        pad_value: Grey level of the padding, 0 to 255.
        crop: Train on crops at native or stated scale, and evaluate whole frames by tiles of the same size; `size` is
            then the crop's. None for whole frames, resized to `size`.
        seed: Seed of the training order; the command line fills it from `--seed_everything`.
        expanded_validation: Validate on all variants too while training, as papers that augment both sets on disk.
    """

    default_split: ClassVar[str] = ""
    """The split of the papers: a name, or, for the user's own class, the path of a CSV relative to its module."""

    dataset_arguments: ClassVar[frozenset[str]] = frozenset({"split", "bits"})
    """Arguments that are dropped when another dataset replaces this one in a configuration."""

    extra_protocols: ClassVar[tuple[Protocol, ...]] = ()
    """Protocols of this dataset in addition to those of every dataset."""

    ranked_by: ClassVar[Protocol] = PER_IMAGE
    """The protocol that the leaderboard ranks by; training evaluates it too."""

    test_sets: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """Name of a set that a test reports by itself -> beginnings of the ids of its images; empty for none."""

    test_sets_protocols: ClassVar[tuple[Protocol, ...]] = (PER_IMAGE,)
    """Protocols of these numbers."""

    test_sets_note: ClassVar[str] = ""
    """What a reader of these numbers must know."""

    decode_version: ClassVar[int] = 1
    """Version of `decode`, increased when it changes; caches of earlier versions are ignored."""

    def __init__(
        self,
        root: str | None = None,
        size: Sequence[int] = (256, 256),
        split: str | None = None,
        batch_size: int = 8,
        eval_batch_size: int = 8,
        num_workers: int = 0,
        allow_missing: bool = False,
        cache_dir: str | None = None,
        augment: str | Policy = "none",
        expanded: bool = False,
        on_device: bool = False,
        on_error: OnError = "raise",
        bits: int | None = None,
        fit: Fit = "stretch",
        pad_value: int = 0,
        crop: Crop | None = None,
        seed: int = 0,
        expanded_validation: bool = False,
    ) -> None:
        super().__init__(batch_size, eval_batch_size, num_workers, seed, augment, expanded, on_device, crop)
        check_class(type(self))
        self.expanded_validation = expanded_validation
        if expanded_validation:
            refuse_validation_variants(expanded, crop)
        if len(size) != 2 or min(size) < 1 or max(size) > LARGEST_SIDE:
            raise ConfigError(f"size must be a height and a width of 1 to {LARGEST_SIDE} pixels, not {list(size)}.")
        check_bits(bits)
        self.bits = bits
        self.root = Path(root or self.usual_root()).expanduser()
        self.size = (size[0], size[1]) if crop is None else (crop.size, crop.size)
        self.fitting = Fitting(fit, pad_value)
        if crop is not None and fit != "stretch":
            raise ConfigError("Crops keep the scale of their images: set --data.fit stretch, or leave out crop.")
        self.split = open_split(type(self), split)
        self.allow_missing = allow_missing
        self.cache_dir = Path(cache_dir).expanduser() if cache_dir else default_cache_folder()
        self.on_error: OnError = on_error
        self.problems: list[str] = []
        self.left_out: list[LeftOut] = []
        self._skipped_ids: set[str] = set()
        self._sources: dict[str, Source] = {}
        self._cache: ImageCache | None = None

    @classmethod
    def identity_arguments(cls, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Resolve arguments for the identity of a run: the versions of augmentation and `decode`, and the split."""
        split = arguments.get("split") or cls.default_split
        crop = crop_identity(arguments.get("crop"))
        return {**super().identity_arguments(arguments), **crop, "split": split, "decode_version": cls.decode_version}

    def with_split(self, split: Split) -> Self:
        """Return a data module of the same copy with another split; both share the reported problems."""
        other = copy(self)
        other.split = split
        return other

    def generate_images(self) -> None:
        """Generate the images of a dataset that needs no download; called by one process, before they are read."""

    def prepare_data(self) -> None:
        """Check the copy against the split and build the cache, in one process.

        Errors in the copy are raised in `setup`, by every process: an error here would leave the other processes
        waiting.
        """
        self.generate_images()
        with contextlib.suppress(DataError):
            self.open_cache(self.size if self.crop is None else None)

    def setup(self, stage: str) -> None:
        """Open the cache and check the subsets of the stage.

        Raises:
            DataError: If a file is missing or broken; it is named.
        """
        if self._cache is None:
            self.open_cache(self.size if self.crop is None else None)
        if self.crop is not None:
            self._refuse_crops(self.crop, stage)
        refuse_large_images(self, stage)
        if stage == "fit":
            for subset in SUBSETS:
                here = [image_id for image_id in self.split.ids(subset) if image_id in self.cache.position]
                refuse_one_class(self.cache, subset, here, self.directory, self.crop)

    def _refuse_crops(self, crop: Crop, stage: str) -> None:
        """Refuse crops that don't fit the frames of a stage."""
        subsets: tuple[Subset, ...] = ("train",) if stage == "fit" else ()
        subsets += EVALUATED.get(stage, ())
        here = {subset: [name for name in self.split.ids(subset) if name in self.cache.position] for subset in subsets}
        refuse_small_frames(self.cache, [name for names in here.values() for name in names], crop)
        refuse_dark_frames(self.cache, here.get("train", ()), crop)

    def open_cache(self, size: tuple[int, int] | None) -> ImageCache:
        """Check the copy against the split and open its cache, which is built if needed.

        Args:
            size: Height and width of the cached images; None for native sizes.

        Raises:
            DataError: If a file is missing or broken; it is named.
        """
        self.problems.clear()
        self._skipped_ids.clear()
        sources = self.sources()
        for problem in same_id(sources):
            raise DataError(problem)
        present = [source.id for source in sources]
        missing = self.split.cover(present, allow_missing=True, source=self.directory)
        allowed = self.allow_missing or self._skipped_ids.issuperset(missing)
        self.split.cover(present, allow_missing=allowed, source=self.directory)
        skip = self.on_error == "skip"
        rule = decode_rule(type(self)) + (f" bits {self.bits}" if self.bits else "")
        cache = build_cache(
            sources,
            size,
            self.decode,
            self.cache_dir,
            rule=rule,
            bits=self.bits,
            skip_broken=skip,
            fitting=self.fitting,
        )
        self._sources = {source.id: source for source in sources}
        self.left_out = left_out_beside([*sources, *self.doubles], self.unread_official)
        self.problems += cache.skipped.values()
        self._cache = cache
        self._log_reading()
        return cache

    def _log_reading(self) -> None:
        """Log files that were left out, images that were skipped, and conversions."""
        if self.left_out:
            listed = f"{counted(len(self._sources), 'image')}; left out: {left_out_words(self.left_out)}"
            rank_zero_info(f"'{self.directory}': {listed}.")
        if self.problems:
            rank_zero_warn(f"{len(self.problems)} image(s) were skipped: {' '.join(self.problems)}")
        if self.cache.notes:
            rank_zero_info(f"'{self.directory}' holds {'; '.join(self.cache.notes)}.")

    @property
    def cache(self) -> ImageCache:
        """The open cache, after `prepare_data` and `setup`."""
        if self._cache is None:
            raise RuntimeError("The data module is not set up: call prepare_data() and setup() first.")
        return self._cache

    def facts(self) -> DatasetFacts:
        """Describe the data for a record; for a module that is set up."""
        return facts_of(self)

    def ids(self, subset: Subset) -> list[str]:
        """Return the ids of a subset that are in the copy.

        Raises:
            UserError: If it has none.
        """
        return self.split.present(subset, self.cache.position, source=self.directory)

    def native_image(self, image_id: str) -> UInt8Array:
        """Read an image at native size, (h, w, 3), without its mask.

        Raises:
            DataError: If the copy lacks it, or its file can't be decoded; it is named.
        """
        self._sources = self._sources or {source.id: source for source in self.sources()}
        if image_id not in self._sources:
            raise DataError(f"'{self.directory}' has no image '{image_id}': use one of the dataset's ids.")
        source = self._sources[image_id]
        return read_image(source.image, source.page, self.bits)

    def train_dataloader(self) -> DataLoader[Sample]:
        """Load training batches in an order that depends only on (seed, epoch), without an incomplete last batch."""
        sampler = None if self.crop is None else PatchSampler
        return self.training_loader(self._training_samples(), collate, sampler)

    def evaluation_dataloader(self, subset: Subset) -> DataLoader[Sample]:
        """Load a subset with native masks: whole frames, one at a time where a crop's size and scale are given."""
        return self.evaluation_loader(self._frames(subset, native=True), collate, self._frames_together)

    def plain_dataloader(self, subset: Subset) -> DataLoader[Sample]:
        """Load a subset in fixed batches at network size or the crop's scale, without native masks and variants."""
        return self.evaluation_loader(self._frames(subset, native=False), collate, self._frames_together)

    @property
    def _frames_together(self) -> int | None:
        """Frames of an evaluation batch; None for the evaluation batch size."""
        return None if self.crop is None else 1

    def _frames(self, subset: Subset, *, native: bool) -> Dataset[Sample]:
        """Whole frames of a subset, as they are evaluated."""
        ids, groups = self.ids(subset), dict(self.split.groups)
        if self.crop is not None:
            return FrameSamples(self.cache, ids, groups, self.crop, native=native)
        augmented = native and subset == "val" and self.expanded_validation and validates_variants(self.trainer)
        variants = len(self.policy.variants) if augmented else 1
        return CachedSamples(self.cache, ids, groups, native=native, variants=variants, pixels=not self.on_device)

    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        """Convert and augment a batch on its device; variants of validation, too."""
        batch = super().on_after_batch_transfer(batch, dataloader_idx)
        if "variant" in batch and "native_mask" in batch:
            self.augment(batch, 0, has_valid=self.cache.has_view)
            score_at_network_size(batch)
        return batch

    def _training_samples(self) -> Dataset[Sample]:
        """Frames or crops of the training subset, with their fixed variants in an expanded set."""
        ids, groups = self.ids("train"), dict(self.split.groups)
        variants = len(self.policy.variants) if self.expanded else 1
        if self.crop is not None:
            return CropSamples(self.cache, ids, groups, self.crop, seed=self.seed, variants=variants)
        return CachedSamples(self.cache, ids, groups, native=False, variants=variants, pixels=not self.on_device)
