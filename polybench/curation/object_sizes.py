"""Sizes of the objects in the training part of a split, which fix what counts as a small and as a large object."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from polybench.data.images import UInt8Array
from polybench.data.splits import Subset
from polybench.metrics.measures.labels import components, objects_of

DECIMALS = 8
"""Decimals of a cut, a share of the image."""


@dataclass(frozen=True)
class ObjectSizes:
    """Terciles of the share of the image that the largest object covers, over training images with an object.

    Attributes:
        cuts: The two terciles, rising; None without such an image.
        images: Training images that were read.
        without_object: Those of them with an empty mask.
    """

    cuts: tuple[float, float] | None
    images: int
    without_object: int


def largest_share(mask: UInt8Array, valid: UInt8Array | None = None) -> float:
    """Compute the share of an image that its largest object covers; 0 for an empty mask.

    Objects are connected components of eight neighbours inside the field of view, as in the per-image tables.

    Args:
        mask: Mask (H, W) in {0, 1}.
        valid: Field of view (H, W) in {0, 1}; None for the whole image.

    Example:
        >>> largest_share(np.array([[1, 1, 0, 1]], np.uint8))
        0.5
    """
    seen = mask > 0 if valid is None else (mask > 0) & (valid > 0)
    return int(objects_of(components(seen, 8)).areas.max(initial=0)) / mask.size


def object_sizes(shares: Mapping[str, float], subsets: Mapping[str, Subset]) -> ObjectSizes:
    """Compute the cuts of a split.

    Args:
        shares: Image id -> result of `largest_share`.
        subsets: Image id -> subset, for the same images or more.
    """
    trained = [share for image_id, share in shares.items() if subsets.get(image_id) == "train"]
    having = [share for share in trained if share > 0]
    if not having:
        return ObjectSizes(None, len(trained), len(trained))
    low, high = (round(float(cut), DECIMALS) for cut in np.quantile(having, [1 / 3, 2 / 3]))
    return ObjectSizes((low, high), len(trained), len(trained) - len(having))
