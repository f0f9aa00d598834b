"""Patches for binary classification (object or background), cropped from the images of a segmentation dataset.

Boxes, ratio and size follow Keras-FCN by default: tight boxes around the objects, three background boxes per image,
squares of 320 pixels padded with zeros. There negatives were drawn once, without a seed, and written to disk; here each
epoch draws new ones in training, and every run evaluates on the same ones.
As there, a negative may lie in a black corner or inset: an eighth of Kvasir-SEG's negatives and none of its positives
are more than half dark, so darkness alone identifies many negatives.
"""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from lightning.pytorch.utilities import rank_zero_info
from torch.utils.data import DataLoader

from polybench.augment import Policy, named_policy
from polybench.core.errors import ConfigError, DataError
from polybench.data.augmented_images import augmented_images
from polybench.data.cache import ImageCache
from polybench.data.fitting import STRETCH
from polybench.data.module import LARGEST_SIDE, SegmentationDataModule
from polybench.data.patch_samples import ClassCounts, PatchImage, PatchSampler, PatchSamples, find_regions
from polybench.data.patches import MIN_AREA, Jitter
from polybench.data.resumable import ResumableDataModule
from polybench.data.sample import PatchBatch, PatchSample, collate_patches
from polybench.data.splits import Subset
from polybench.metrics.protocols import PATCHES, Protocol
from polybench.results.facts import DatasetFacts

EVALUATION_SEED = 0
"""Seed of the negatives of validation and test, the same for all runs so that they can be compared."""


class PatchDataModule(ResumableDataModule):
    """Data module of patches of a segmentation dataset; a patch has the subset and the group of its image.

    Labels: 1 for an object (a connected component of the mask), 0 for a box that touches none. Ids: `<image>/p<k>`
    and `<image>/n<k>`.

    Args:
        source: The segmentation dataset, with its folder and split; images are read at native size, and its size,
            batches and augmentation are not used.
        size: Side of a patch, pixels.
        negatives_per_image: Background boxes per image, or fewer where there is no space.
        margin: Share of its side that is added to an object's box on each side.
        dark: Grey level below which rows and columns at the edges of an image are its frame, which contains no
            negatives; 0 for sets without a frame. A field of view replaces it.
        balance: Train on the same number of both classes: each epoch draws a subset of the larger class.
        jitter: Variants of the boxes in training, as in Tajbakhsh et al. (2016); None for no variants.
        augment: Augmentation of training patches, on the device: a named policy, or a `Policy` by class path.
        batch_size: Training batch size, which the processes share.
        eval_batch_size: Evaluation batch size.
        num_workers: Loader processes, which crop and resize.
        seed: Seed of order, negatives and variants in training; the command line fills it from `--seed_everything`.
    """

    sampler = PatchSampler

    inner_data: ClassVar[str] = "source"
    """The argument that takes the dataset which a recipe is combined with."""

    ranked_by: ClassVar[Protocol] = PATCHES
    """The protocol of patches, which training monitors."""

    @classmethod
    def identity_arguments(cls, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Resolve arguments for the identity of a run: augmentation and jitter with their versions."""
        jitter = arguments.get("jitter")
        path = f"{Jitter.__module__}.{Jitter.__qualname__}"
        bare = isinstance(jitter, Mapping) and "class_path" not in jitter
        variants = {"jitter": {"class_path": path, "init_args": jitter}} if bare else {}
        return super().identity_arguments(arguments) | variants

    def __init__(
        self,
        source: SegmentationDataModule,
        size: int = 320,
        negatives_per_image: int = 3,
        margin: float = 0.0,
        dark: int = 26,
        balance: bool = False,
        jitter: Jitter | None = None,
        augment: str | Policy = "none",
        batch_size: int = 24,
        eval_batch_size: int = 24,
        num_workers: int = 0,
        seed: int = 0,
    ) -> None:
        super().__init__(batch_size, eval_batch_size, num_workers, seed)
        if not 1 <= size <= LARGEST_SIDE:
            raise ConfigError(f"size must be the side of a patch, 1 to {LARGEST_SIDE} pixels, not {size}.")
        if negatives_per_image < 1 or margin < 0 or not 0 <= dark <= 255:
            raise ConfigError(
                "negatives_per_image must be at least 1, margin at least 0, dark a grey level (0 to 255)."
            )
        if source.crop is not None:
            raise ConfigError(
                "PatchDataModule takes no crops, since it cuts patches around objects from whole native images: leave "
                "out data.source.crop, or take a recipe of the dataset without it."
            )
        self.source = source
        self.short_name = source.short_name
        self.size = (size, size)
        self.fitting = STRETCH  # of patches, which are square
        self.negatives_per_image = negatives_per_image
        self.margin = margin
        self.dark = dark
        self.balance = balance
        self.jitter = jitter
        self.policy = named_policy(augment) if isinstance(augment, str) else augment
        self._cache: ImageCache | None = None
        self._samples: dict[Subset, PatchSamples] = {}

    def prepare_data(self) -> None:
        """Build the cache of native images and find objects and frames, in one process.

        Errors in the copy are raised in `setup`, by every process.
        """
        self.source.generate_images()
        with contextlib.suppress(DataError):
            self._cache = self.source.open_cache(None)
            find_regions(self._cache, self.dark)

    def setup(self, stage: str) -> None:
        """List the patches of the subsets of the stage, and log the number of each class.

        Raises:
            DataError: If a file is missing or broken, or a subset has no patch of one class.
        """
        subsets: dict[str, Sequence[Subset]] = {"fit": ("train", "val"), "validate": ("val",), "test": ("test",)}
        for subset in subsets[stage]:
            if subset not in self._samples:
                self._samples[subset] = self._checked(self._find(subset), subset)

    def _find(self, subset: Subset) -> PatchSamples:
        if self._cache is None:
            self._cache = self.source.open_cache(None)
        cache, groups = self._cache, self.source.split.groups
        regions = find_regions(cache, self.dark)
        places = [(image_id, cache.position[image_id]) for image_id in self.source.ids(subset)]
        training = subset == "train"
        return PatchSamples(
            cache,
            [PatchImage(image_id, groups[image_id], position, regions[position]) for image_id, position in places],
            size=self.size[0],
            seed=self.seed if training else EVALUATION_SEED,
            negatives=self.negatives_per_image,
            margin=self.margin,
            balance=self.balance and training,
            jitter=self.jitter if training else None,
        )

    def _checked(self, samples: PatchSamples, subset: Subset) -> PatchSamples:
        positive, negative = samples.found.positive, samples.found.negative
        where = f"of subset '{subset}' in '{self.source.directory}'"
        if positive == 0:
            raise DataError(
                f"No mask {where} shows an object of more than {MIN_AREA} pixels: without positives there is "
                "nothing to classify."
            )
        if negative == 0:
            raise DataError(
                f"No image {where} has space for a patch that touches no object: without negatives there is nothing to "
                "classify, so use a set with more background."
            )
        drawn = f", {len(samples) // 2} of each in an epoch" if samples.balance else ""
        rank_zero_info(f"{positive} positive and {negative} negative patches {where}{drawn}.")
        return samples

    def samples(self, subset: Subset) -> PatchSamples:
        """Return the patches of a subset, after `setup`."""
        if subset not in self._samples:
            raise RuntimeError("The data module is not set up: call prepare_data() and setup() first.")
        return self._samples[subset]

    def class_counts(self, subset: Subset, epoch: int = 0) -> ClassCounts:
        """Count the patches of each class in an epoch."""
        labels = self.samples(subset).epoch_patches(epoch)[:, 1]
        return ClassCounts(negative=int((labels == 0).sum()), positive=int((labels == 1).sum()))

    def ids(self, subset: Subset) -> list[str]:
        """Return the ids of the patches of a subset, in the order of its images."""
        return self.samples(subset).ids

    def facts(self) -> DatasetFacts:
        """Describe the data for a record; counts are those of images."""
        tested = self._samples.get("test")
        return replace(
            self.source.facts(),
            size=self.size,
            ranked_by=self.ranked_by.name,
            pad_value=None,
            patches_sha256=tested.sha256 if tested is not None else None,
        )

    def train_dataloader(self) -> DataLoader[PatchSample]:
        """Load patches in an order that depends only on (seed, epoch), without an incomplete last batch."""
        return self.training_loader(self.samples("train"), collate_patches)

    def evaluation_dataloader(self, subset: Subset) -> DataLoader[PatchSample]:
        """Load the patches of a subset, which are the same in every run."""
        return self.evaluation_loader(self.samples(subset), collate_patches)

    def on_after_batch_transfer(self, batch: PatchBatch, dataloader_idx: int) -> PatchBatch:
        """Convert bytes to floats on the device, and augment training patches by (seed, epoch, patch id)."""
        batch["image"] = augmented_images(batch["image"], batch["id"], batch["epoch"], self)
        return batch
