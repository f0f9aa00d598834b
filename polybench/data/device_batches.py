"""Processing of segmentation batches on their device: conversion of bytes to floats, and augmentation."""

from abc import abstractmethod

from polybench.augment import Policy, named_policy
from polybench.core.errors import ConfigError
from polybench.data.cache import ImageCache
from polybench.data.crops import Crop, Tiles
from polybench.data.loader import ResidentImages
from polybench.data.resumable import ResumableDataModule
from polybench.data.sample import Batch, to_float


class DeviceBatches(ResumableDataModule):
    """Base class of data modules that convert and augment batches on the device.

    Args:
        batch_size: Training batch size, which the processes share.
        eval_batch_size: Evaluation batch size.
        num_workers: Loader processes.
        seed: Seed of order and augmentation in training.
        augment: A named policy, or a `Policy`.
        expanded: Use all fixed variants of the policy for each training image.
        on_device: Keep the bytes of the whole set on the device.
        crop: Train on crops, and evaluate by tiles; None for whole frames.

    Raises:
        ConfigError: If a number is out of bounds, `expanded` needs a policy with fixed variants, or crops are to be cut
            from images on the device.
    """

    def __init__(
        self,
        batch_size: int,
        eval_batch_size: int,
        num_workers: int,
        seed: int,
        augment: str | Policy,
        expanded: bool,
        on_device: bool,
        crop: Crop | None = None,
    ) -> None:
        super().__init__(batch_size, eval_batch_size, num_workers, seed)
        self.policy = named_policy(augment) if isinstance(augment, str) else augment
        self.expanded = expanded
        self.on_device = on_device
        self.crop = crop
        if on_device and crop is not None:
            raise ConfigError(
                "on_device keeps frames of one size on the device, and crops are cut from native frames: leave out "
                "on_device, or crop."
            )
        if expanded and (len(self.policy.variants) < 2 or self.policy.variants[0]):
            raise ConfigError(
                f"expanded needs a policy with fixed variants, the unchanged sample first; '{self.policy.name}' has "
                "none: use efen25, or leave expanded out."
            )
        self._resident: ResidentImages | None = None

    @property
    @abstractmethod
    def cache(self) -> ImageCache:
        """The open cache."""

    @property
    def frame_tiles(self) -> Tiles | None:
        """How whole frames are predicted where training is on crops; None without crops."""
        crop = self.crop
        return None if crop is None else Tiles(crop.size, crop.tile_overlap, self.eval_batch_size)

    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        """Convert bytes to floats on the device, and augment training batches; state the tiles of whole frames."""
        has_valid = self.as_floats(batch)
        if self.frame_tiles is not None and "native_mask" in batch:
            batch["tiles"] = self.frame_tiles
        if self.trainer is not None and self.trainer.training and any(self.policy.variants):
            self.augment(batch, self.trainer.current_epoch, has_valid=has_valid)
        return batch

    def as_floats(self, batch: Batch) -> bool:
        """Convert a batch's bytes to floats on its device; return whether the images have a field of view."""
        if batch.get("image") is None:
            device = batch["to_native"].device
            if self._resident is None or self._resident.image.device != device:
                self._resident = ResidentImages(self.cache, device)
            self._resident.fill(batch)
        has_valid = "valid" in batch
        to_float(batch)
        return has_valid

    def augment(self, batch: Batch, epoch: int, *, has_valid: bool) -> None:
        """Apply the policy to a batch, as a pure function of (seed, epoch, sample id), or of (seed, id, variant).

        Args:
            batch: A batch of floats.
            epoch: The current epoch.
            has_valid: Whether the images have a field of view, which is then transformed with them; otherwise pixels
                outside an image count as background, as in the papers.
        """
        variants = batch.get("variant")
        keys = [(self.seed, name) if variants else (self.seed, epoch, name) for name in batch["id"]]
        images = batch["image"]
        transform = self.policy.transform(keys, (images.shape[-2], images.shape[-1]), images.device, variants)
        batch["transform"] = transform
        batch["image"] = transform.image(batch["image"])
        batch["mask"] = transform.mask(batch["mask"])
        if has_valid:
            batch["valid"] = transform.mask(batch["valid"])
