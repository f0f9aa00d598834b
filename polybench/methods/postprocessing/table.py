"""What post-processing changed in the mask of each image, as a table."""

from collections.abc import Iterable
from typing import NamedTuple

from torch import Tensor

from polybench.methods.native_maps import as_csv
from polybench.metrics import THRESHOLD


class Changed(NamedTuple):
    """The mask of an image before and after.

    Attributes:
        image: The image's id, or its path in the folder that was predicted.
        pixels: Its pixels.
        before: Those of the foreground as the net predicts it, at 0.5.
        after: Those of the foreground after all steps.
        changed: Those that changed sides.
    """

    image: str
    pixels: int
    before: int
    after: int
    changed: int


def change(image: str, before: Tensor, after: Tensor) -> Changed:
    """Count what changed from one probability (h, w) to another."""
    one, other = before >= THRESHOLD, after >= THRESHOLD
    return Changed(image, one.numel(), int(one.sum()), int(other.sum()), int((one != other).sum()))


def changed_csv(found: Iterable[Changed]) -> str:
    """The table as CSV, one line per image."""
    return as_csv(found, Changed._fields)
