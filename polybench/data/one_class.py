"""Subsets whose masks show one class alone: nothing can be learnt from them, or selected or reported by them."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from polybench.core.errors import DataError
from polybench.data.cache import ImageCache
from polybench.data.images import UInt8Array
from polybench.data.splits import Subset

NAMES: dict[Subset, str] = {"train": "training", "val": "validation", "test": "test"}

WHY: dict[Subset, str] = {
    "train": "the net would learn",
    "val": "selection would be by the share of",
    "test": "the number reported would be the share of",
}
"""Subset -> what would go wrong, before the kind of predictions."""


def refuse_one_class(cache: ImageCache, subset: Subset, ids: Sequence[str], directory: Path) -> None:
    """Refuse a subset whose masks are all empty, or all full.

    Training sees masks at the size of the net's input, where a small object may have vanished; validation and test see
    them at their native size.

    Args:
        cache: Of the copy.
        subset: The subset.
        ids: Its images.
        directory: The folder of the copy.

    Raises:
        DataError: If it is such a subset.
    """
    positions = [cache.position[image_id] for image_id in ids]
    found = _values(cache.mask(position) for position in positions)
    if len(found) == 1 and subset != "train":
        found = _values(cache.native_mask(position) for position in positions)
    if len(found) != 1:
        return
    kind, predictions = ("background", "empty") if found == {0} else ("foreground", "full")
    raise DataError(
        f"All {len(ids)} {NAMES[subset]} masks in '{directory}' are pure {kind}, so that {WHY[subset]} {predictions} "
        "predictions: check how masks are coded, and the split."
    )


def _values(masks: Iterable[UInt8Array]) -> set[int]:
    """Which of 0 and 1 occur, looked for until both do."""
    found: set[int] = set()
    for mask in masks:
        found |= {int(mask.min()), int(mask.max())}
        if len(found) > 1:
            break
    return found
