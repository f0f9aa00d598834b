"""Batches of images alone, without masks: from bytes to floats, and augmented in training."""

from collections.abc import Sequence
from typing import Protocol

from lightning.pytorch import Trainer
from torch import Tensor

from polybench.augment import Policy
from polybench.data.sample import image_to_float


class AugmentsImages(Protocol):
    """What a batch depends on besides itself: a data module, with the trainer that uses it.

    Attributes:
        trainer: The trainer; None outside of one.
        policy: The augmentation of training images.
        seed: Seed of the augmentation.
        size: Height and width, pixels.
    """

    trainer: Trainer | None
    policy: Policy
    seed: int
    size: tuple[int, int]


def augmented_images(images: Tensor, ids: Sequence[str], epochs: Sequence[int], data: AugmentsImages) -> Tensor:
    """Convert the bytes of a batch to floats on its device, and augment those of training by (seed, epoch, id).

    Args:
        images: RGB, uint8, (N, 3, H, W).
        ids: Their ids.
        epochs: The epochs that they were drawn for.
        data: The data module.

    Returns:
        RGB in [0, 1], (N, 3, H, W).
    """
    found = image_to_float(images)
    if data.trainer is None or not data.trainer.training or not any(data.policy.variants):
        return found
    keys = [(data.seed, epoch, name) for epoch, name in zip(epochs, ids, strict=True)]
    return data.policy.transform(keys, data.size, found.device).image(found)
