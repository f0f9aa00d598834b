"""Patches around the pixels of a region, and the items that a classifier of interfaces is trained on."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from polybench.core.errors import DataError
from polybench.core.randomness import generator
from polybench.data.images import UInt8Array
from polybench.methods.finetuning.items import Item
from polybench.methods.finetuning.regions import Region


def padded(image: UInt8Array, patch: int) -> UInt8Array:
    """Pad an image (H, W, 3) by repeating its edge, so that each pixel has a whole patch around it."""
    half = patch // 2
    return np.pad(image, ((half, half), (half, half), (0, 0)), mode="edge")


def patch_at(image: UInt8Array, row: int, column: int, patch: int) -> UInt8Array:
    """The patch (S, S, 3) around a pixel of an image that `padded` has padded; of its two middle rows, the lower."""
    return image[row : row + patch, column : column + patch]


def patches_of(image: UInt8Array, region: Region, patch: int, batch: int) -> Iterator[UInt8Array]:
    """Batches (n, S, S, 3) of the patches around all pixels of a region, row by row.

    Args:
        image: The image as `padded` gives it.
        region: The region.
        patch: Side of a patch.
        batch: Patches in a batch.
    """
    columns = range(region.left, region.left + region.width)
    places = [(row, column) for row in range(region.top, region.top + region.height) for column in columns]
    for start in range(0, len(places), batch):
        yield np.stack([patch_at(image, row, column, patch) for row, column in places[start : start + batch]])


def resized(images: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize patches (N, 3, S, S) to the net's input, bilinearly."""
    if images.shape[-2:] == size:
        return images
    return F.interpolate(images, size=size, mode="bilinear", align_corners=False, antialias=images.shape[-1] > size[0])


def items_of(region: Region, interfaces: Sequence[str], patch: int, far: float, background: int | None) -> list[Item]:
    """The items of a region: the pixel of each interface in each column, and pixels far from all of them.

    Args:
        region: The region.
        interfaces: Names of the interfaces, whose classes are 1, 2 ...; 0 is the background.
        patch: Side of a patch.
        far: Least vertical distance of the background from every interface, pixels.
        background: Pixels of background, the same in every run; None for as many as there are columns.

    Raises:
        DataError: If the region has no pixel so far from its interfaces.
    """
    half = patch // 2

    def item(name: str, label: int, row: int, column: int) -> Item:
        box = (row - half, column - half, row + half, column + half)
        return Item(f"{region.image}/{name}", region.subject, label, region.image, box)

    found = []
    for label, (name, rows) in enumerate(zip(interfaces, region.rows, strict=True), start=1):
        for place, row in enumerate(np.rint(rows).astype(int).tolist()):
            found.append(item(f"{name}/{place}", label, row, region.left + place))
    inside = np.arange(region.top, region.top + region.height)[None, :, None]
    free = np.argwhere((np.abs(inside - region.rows[:, None]) >= far).all(axis=0))
    wanted = region.width if background is None else background
    if len(free) < wanted:
        raise DataError(
            f"The region of '{region.image}' has {len(free)} pixels at least {far:g} from its interfaces, and {wanted} "
            "are wanted: lower data.far or data.background."
        )
    order = torch.randperm(len(free), generator=generator("background", region.image))[:wanted]
    for number, (row, column) in enumerate(free[order.numpy()].tolist()):
        found.append(item(f"background/{number}", 0, region.top + row, region.left + column))
    return found
