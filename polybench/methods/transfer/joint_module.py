"""Images to segment and patches to classify in one training step, of one set under one split.

A control that no paper has: the transfer schemes of the first of the five train on both in turn. Patches go through
their own epochs while images go through theirs: a step's patches are a pure function of (seed, step).
"""

from collections.abc import Callable
from copy import copy
from typing import ClassVar, cast

from lightning.pytorch.utilities.combined_loader import CombinedLoader
from torch.utils.data import DataLoader

from polybench.core.errors import ConfigError
from polybench.data.batch_share import share_of
from polybench.data.images import UInt8Array
from polybench.data.loader import batches_done
from polybench.data.module import SegmentationDataModule
from polybench.data.patch_module import PatchDataModule
from polybench.data.patch_samples import RunningSampler
from polybench.data.resumable import ResumableDataModule
from polybench.data.sample import Batch, JointBatch, PatchSample, Sample, collate_patches
from polybench.data.splits import Subset
from polybench.results.facts import DatasetFacts

PatchesCallable = Callable[[SegmentationDataModule], PatchDataModule]
"""Makes the patches of a set; a recipe gives `PatchDataModule` and its arguments without `source`."""


class JointDataModule(ResumableDataModule):
    """Feeds a segmentation set and its patches to a trainer, a batch of each in every training step.

    An epoch has as many steps as the images have batches. Validation, test and the record are those of the images.

    Args:
        images: The segmentation set, with its folder, split, batches and augmentation.
        patches: Makes the patches of that set; their side is that of the images, so that a net takes both in one batch.
        seed: Seed of order, negatives and augmentation; the command line fills it from `--seed_everything`.

    Raises:
        ConfigError: If images and patches differ in size.
    """

    inner_data: ClassVar[str] = "images"
    """The argument that takes the dataset which a recipe is combined with."""

    def __init__(self, images: SegmentationDataModule, patches: PatchesCallable, seed: int = 0) -> None:
        if images.crop is not None:
            raise ConfigError(
                "JointDataModule takes no crops, since a step of joint training is on whole images beside patches: "
                "leave out data.images.crop, or take a recipe of the dataset without it."
            )
        self.images = images
        self.patches = patches(copy(images))  # which opens a cache of its own, at native size
        batch_size = images.batch_size + self.patches.batch_size
        super().__init__(batch_size, images.eval_batch_size, self.patches.num_workers, seed)
        if images.size != self.patches.size:
            height, width = images.size
            raise ConfigError(
                f"Images of {height}x{width} and patches of {self.patches.size[0]} pixels can't share a "
                "batch of a net: make both sides of data.images.size equal to data.patches.size."
            )
        images.seed = self.patches.seed = seed
        self.short_name, self.size, self.split = images.short_name, images.size, images.split
        self.fitting = images.fitting
        self.ranked_by, self.extra_protocols, self.bits = images.ranked_by, images.extra_protocols, images.bits

    def scale_batch(self) -> None:
        """Let each process take a whole batch of either kind."""
        super().scale_batch()
        self.images.scale_batch()
        self.patches.scale_batch()

    def process_batch(self, processes: int) -> int:
        """Return how many images and patches of a training batch each process takes.

        Args:
            processes: Number of processes.

        Raises:
            ConfigError: If they can't share the batch of either kind equally.
        """
        if self.is_scaled:
            return self.batch_size
        images = share_of(self.images.batch_size, processes, "data.images.batch_size")
        return images + share_of(self.patches.batch_size, processes, "data.patches.batch_size")

    def prepare_data(self) -> None:
        """Build both caches; one process does this."""
        self.images.prepare_data()
        self.patches.prepare_data()

    def setup(self, stage: str) -> None:
        """Open the images and, to train, list the patches.

        Raises:
            DataError: If the copy lacks something, a file is broken, or there is no patch of one class.
        """
        self.images.trainer = self.patches.trainer = self.trainer
        self.images.setup(stage)
        if stage == "fit":
            self.patches.setup(stage)

    def ids(self, subset: Subset) -> list[str]:
        """The images of a subset that the copy has."""
        return self.images.ids(subset)

    def native_image(self, image_id: str) -> UInt8Array:
        """Read an image as its file has it, (h, w, 3)."""
        return self.images.native_image(image_id)

    def facts(self) -> DatasetFacts:
        """What a record says of the data: the images."""
        return self.images.facts()

    def train_dataloader(self) -> CombinedLoader:
        """Pairs of batches, from the batch at which a resumed fit continues."""
        images = self.images.train_dataloader()
        patches = self._patches_beside(self._batches_per_epoch(len(images)))
        return CombinedLoader({"images": images, "patches": patches}, "min_size")

    def _patches_beside(self, steps: int) -> DataLoader[PatchSample]:
        """As many batches of patches an epoch as it has steps."""
        rank, world_size = self._place()
        sampler = RunningSampler(
            self.patches.samples("train"),
            seed=self.seed,
            rank=rank,
            world_size=world_size,
            batch_size=self.patches.process_batch(world_size),
            steps=steps,
            done=batches_done(self.trainer) if self.trainer is not None else 0,
        )
        return self._loader(sampler.dataset, sampler, collate_patches, sampler.batch_size, drop_last=False)

    def evaluation_dataloader(self, subset: Subset) -> DataLoader[Sample]:
        """A subset of the images with native masks."""
        return self.images.evaluation_dataloader(subset)

    def plain_dataloader(self, subset: Subset) -> DataLoader[Sample]:
        """A subset of the images in fixed batches at network size, without native masks and without variants."""
        return self.images.plain_dataloader(subset)

    def on_after_batch_transfer(self, batch: Batch | JointBatch, dataloader_idx: int) -> Batch | JointBatch:
        """Make floats of the bytes, on the device, and augment what is trained on, either part as its own module does.

        A batch of an evaluation has images alone.
        """
        if "patches" not in batch:
            return self.images.on_after_batch_transfer(batch, dataloader_idx)
        joint = cast(JointBatch, batch)
        return JointBatch(
            images=self.images.on_after_batch_transfer(joint["images"], dataloader_idx),
            patches=self.patches.on_after_batch_transfer(joint["patches"], dataloader_idx),
        )
