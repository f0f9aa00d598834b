"""Types of data on the way from a dataset to a task: sources, samples and batches."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, NotRequired, TypedDict, cast

import torch
from torch import Tensor

from polybench.augment.transform import Transform
from polybench.data.crops import Cut, Tiles
from polybench.data.images import UInt8Array, UInt16Array


@dataclass(frozen=True)
class Source:
    """Files of one image and its masks.

    Attributes:
        id: Stable name, unique in the dataset.
        group: Video, patient or lesion that the image shares with others; global across datasets.
        image: The image file.
        masks: The mask file, or one file per object; the mask is their union.
        valid: The file with the field of view; None where the dataset has none.
        page: Index of the slice in stacks of images and masks, from 0; None for files of one image.
    """

    id: str
    group: str
    image: Path
    masks: tuple[Path, ...]
    valid: Path | None = None
    page: int | None = None

    @property
    def files(self) -> tuple[Path, ...]:
        """Every file that the sample depends on."""
        return (self.image, *self.masks, *([self.valid] if self.valid else []))


class Decoded(NamedTuple):
    """A source as arrays: `image` (H, W, 3), `mask` and `valid` (H, W) in {0, 1}, and its objects.

    Where a dataset has instances, `objects` is their number, and `labels` (H, W), uint16, numbers their pixels from 1
    in the order of their files.
    """

    image: UInt8Array
    mask: UInt8Array
    valid: UInt8Array | None = None
    objects: int | None = None
    labels: UInt16Array | None = None


class Sample(TypedDict):
    """One image of the cache.

    `image` (H, W, 3), `mask` and `valid` (1, H, W) are uint8, and absent where the whole set is on the device;
    `valid` is the field of view, absent where a dataset has none; `to_native` (2, 3) maps network pixels (x, y, 1) to
    native pixels; `position` is the image's index in the cache; `variant` is the number of a sample's fixed variant;
    `cut` is where a crop comes from; `native_mask` and `native_valid` (1, h, w), uint8, are present in evaluation, and
    so is `native_labels` (1, h, w), int32, where the dataset has instances.
    """

    image: NotRequired[Tensor]
    mask: NotRequired[Tensor]
    valid: NotRequired[Tensor]
    id: str
    group: str
    position: int
    variant: NotRequired[int]
    cut: NotRequired[Cut]
    to_native: Tensor
    native_mask: NotRequired[Tensor]
    native_valid: NotRequired[Tensor]
    native_labels: NotRequired[Tensor]


class Batch(TypedDict):
    """Samples stacked: `image` (N, 3, H, W) float32 in [0, 1], `mask` and `valid` (N, 1, H, W) float32 in {0, 1}.

    `valid` is the field of view (ones where a dataset has none); `native_mask`, `native_valid` and `native_labels` are
    lists, since native sizes differ; `transform` is the augmentation of a training batch; `tiles` states how the whole
    frame of an evaluation batch is predicted, where the net is trained on crops. Before `to_float`, arrays are those of
    `Sample`, stacked.
    """

    image: Tensor
    mask: Tensor
    valid: NotRequired[Tensor]
    id: list[str]
    group: list[str]
    position: list[int]
    variant: NotRequired[list[int]]
    cut: NotRequired[list[Cut]]
    to_native: Tensor
    transform: NotRequired[Transform]
    tiles: NotRequired[Tiles]
    native_mask: NotRequired[list[Tensor]]
    native_valid: NotRequired[list[Tensor]]
    native_labels: NotRequired[list[Tensor]]


class PatchSample(TypedDict):
    """One patch: `image` (H, W, 3), uint8, `label` (1: an object, 0: none), its own `id`, the `group` of its image.

    `epoch` is the epoch that it was drawn for.
    """

    image: Tensor
    label: int
    id: str
    group: str
    epoch: int


class PatchBatch(TypedDict):
    """Patches stacked: `image` (N, 3, H, W) float32 in [0, 1], `label` (N,) int64; bytes (N, H, W, 3) at first."""

    image: Tensor
    label: Tensor
    id: list[str]
    group: list[str]
    epoch: list[int]


class JointBatch(TypedDict):
    """Batches of images and patches for one step of joint training."""

    images: Batch
    patches: PatchBatch


STACKED = ("image", "mask", "valid", "to_native")


def collate(samples: Sequence[Sample]) -> Batch:
    """Stack samples of one size; arrays at native size become lists."""
    columns = {key: [cast(Mapping[str, Any], sample)[key] for sample in samples] for key in samples[0]}
    batch = {key: torch.stack(values) if key in STACKED else values for key, values in columns.items()}
    return cast(Batch, batch)


def collate_patches(samples: Sequence[PatchSample]) -> PatchBatch:
    """Stack patches."""
    return PatchBatch(
        image=torch.stack([sample["image"] for sample in samples]),
        label=torch.tensor([sample["label"] for sample in samples]),
        id=[sample["id"] for sample in samples],
        group=[sample["group"] for sample in samples],
        epoch=[sample["epoch"] for sample in samples],
    )


def image_to_float(images: Tensor) -> Tensor:
    """Convert images (N, H, W, 3), uint8, to (N, 3, H, W), float32 in [0, 1], on their device."""
    return images.permute(0, 3, 1, 2).float().div_(255)


def to_float(batch: Batch) -> Batch:
    """Convert the bytes of a batch to floats, channels first, on its device."""
    batch["image"] = image_to_float(batch["image"])
    batch["mask"] = batch["mask"].float()
    batch["valid"] = batch["valid"].float() if "valid" in batch else torch.ones_like(batch["mask"][:, :1])
    if "native_mask" in batch and "native_valid" not in batch:
        batch["native_valid"] = [torch.ones_like(mask[:1]) for mask in batch["native_mask"]]
    return batch
