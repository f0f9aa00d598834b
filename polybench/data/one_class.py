"""Detection of subsets whose masks have a single class, which are useless for training, selection and test."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from polybench.core.errors import DataError
from polybench.data.cache import ImageCache
from polybench.data.crops import Crop, frame_of
from polybench.data.images import UInt8Array
from polybench.data.splits import Subset

NAMES: dict[Subset, str] = {"train": "training", "val": "validation", "test": "test"}

WHY: dict[Subset, str] = {
    "train": "the net would learn",
    "val": "selection would be by the share of",
    "test": "the number reported would be the share of",
}
"""Subset -> the consequence, as a phrase before the kind of predictions."""


def refuse_one_class(
    cache: ImageCache, subset: Subset, ids: Sequence[str], directory: Path, crop: Crop | None = None
) -> None:
    """Refuse a subset with only empty or only full masks.

    Training uses masks at the size of the net's input, or at the scale of its crops, where a small object may have
    vanished; validation and test use masks at native size.

    Args:
        cache: Cache of the copy.
        subset: The subset.
        ids: Its images.
        directory: The folder of the copy.
        crop: The crops that are trained on; None for whole frames.

    Raises:
        DataError: If the subset has a single class.
    """
    positions = [cache.position[image_id] for image_id in ids]
    found = _values(cache.mask(position) for position in positions)
    if len(found) == 1 and subset != "train":
        found = _values(cache.native_mask(position) for position in positions)
    shrinking = crop if len(found) > 1 and subset == "train" and crop is not None and crop.scale < 1 else None
    if shrinking is not None:
        found = _values(frame_of(cache.mask(position), shrinking) for position in positions)
    if len(found) != 1:
        return
    kind, predictions = ("background", "empty") if found == {0} else ("foreground", "full")
    at_scale, advice = "", "check the coding of masks and the split"
    if shrinking is not None:
        at_scale, advice = f" at crop.scale {shrinking.scale:g}", "raise crop.scale, up to 1"
    raise DataError(
        f"All {len(ids)} {NAMES[subset]} masks in '{directory}' are pure {kind}{at_scale}, so {WHY[subset]} "
        f"{predictions} predictions: {advice}."
    )


def _values(masks: Iterable[UInt8Array]) -> set[int]:
    """Return which of 0 and 1 occur, stopping once both do."""
    found: set[int] = set()
    for mask in masks:
        found |= {int(mask.min()), int(mask.max())}
        if len(found) > 1:
            break
    return found
