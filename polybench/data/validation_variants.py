"""Validation on the augmented variants of images, as papers have it that augment training and validation on disk.

A variant is scored at the size of the network's input, where it was made; the unchanged image at its native size.
"""

from lightning.pytorch import Trainer
from lightning.pytorch.trainer.states import TrainerFn

from polybench.core.errors import ConfigError
from polybench.data.crops import Crop
from polybench.data.fitting import STRETCH
from polybench.data.sample import Batch


def refuse_validation_variants(expanded: bool, crop: Crop | None) -> None:
    """Refuse validation on variants where training has none, or is on crops.

    Raises:
        ConfigError: If it is so.
    """
    if not expanded or crop is not None:
        reason = "set expanded true" if not expanded else "leave out crop"
        raise ConfigError(
            f"expanded_validation validates on the variants of an expanded set of whole frames: {reason}."
        )


def validates_variants(trainer: Trainer | None) -> bool:
    """Whether a validation is one of a training; `polybench validate` is on the images themselves."""
    return trainer is not None and trainer.state.fn == TrainerFn.FITTING


def score_at_network_size(batch: Batch) -> None:
    """Make the augmented masks of a batch's variants their truth, at the size of the network's input.

    Args:
        batch: A batch of evaluation that was augmented.
    """
    height, width = batch["mask"].shape[-2:]
    same = STRETCH.placement((height, width), (height, width)).to_native.to(batch["to_native"])
    to_native = batch["to_native"].clone()
    for row, variant in enumerate(batch["variant"]):
        if variant:
            to_native[row] = same
            batch["native_mask"][row] = batch["mask"][row].to(batch["native_mask"][row].dtype)
            batch["native_valid"][row] = batch["valid"][row].to(batch["native_valid"][row].dtype)
    batch["to_native"] = to_native
    batch.pop("transform", None)  # which would move a mask that is fed back
    batch.pop("native_labels", None)  # of instances, which no training reads
