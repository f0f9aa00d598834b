"""What travels from a dataset to a task: where an image lies, one sample, one batch."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NotRequired, TypedDict

import torch
from torch import Tensor


@dataclass(frozen=True)
class Source:
    """Where one image and its mask lie.

    Attributes:
        id: Stable name, unique in the dataset.
        group: Video, patient or lesion that the image shares with others; global across datasets.
        image: The image file.
        mask: The mask file.
    """

    id: str
    group: str
    image: Path
    mask: Path


class Sample(TypedDict):
    """One image as the cache holds it.

    `image` (3, H, W) and `mask` (1, H, W) are uint8; `to_native` (2, 3) maps network pixels (x, y, 1) to native
    pixels; `native_mask` (1, h, w), uint8, is there in evaluation.
    """

    image: Tensor
    mask: Tensor
    id: str
    group: str
    to_native: Tensor
    native_mask: NotRequired[Tensor]


class Batch(TypedDict):
    """Samples stacked: `image` (N, 3, H, W) float32 in [0, 1], `mask` and `valid` (N, 1, H, W) float32 in {0, 1}.

    `valid` is the field of view (ones where a dataset has none); `native_mask` and `native_valid` are lists, since
    native sizes differ.
    """

    image: Tensor
    mask: Tensor
    valid: NotRequired[Tensor]
    id: list[str]
    group: list[str]
    to_native: Tensor
    native_mask: NotRequired[list[Tensor]]
    native_valid: NotRequired[list[Tensor]]


def collate(samples: Sequence[Sample]) -> Batch:
    """Stack samples of one size; what has its own size stays a list."""
    batch: Batch = {
        "image": torch.stack([sample["image"] for sample in samples]),
        "mask": torch.stack([sample["mask"] for sample in samples]),
        "id": [sample["id"] for sample in samples],
        "group": [sample["group"] for sample in samples],
        "to_native": torch.stack([sample["to_native"] for sample in samples]),
    }
    native = [sample["native_mask"] for sample in samples if "native_mask" in sample]
    if native:
        batch["native_mask"] = native
    return batch


def to_float(batch: Batch) -> Batch:
    """Turn bytes into the contract's floats, on whatever device the batch lies."""
    batch["image"] = batch["image"].float().div_(255)
    batch["mask"] = batch["mask"].float()
    batch["valid"] = torch.ones_like(batch["mask"][:, :1])
    if "native_mask" in batch:
        batch["native_valid"] = [torch.ones_like(mask[:1]) for mask in batch["native_mask"]]
    return batch
