"""The regions of refined masks as a table: the box of each, its probability, and whether it was removed."""

from collections.abc import Iterable
from typing import NamedTuple

from polybench.methods.native_maps import as_csv
from polybench.methods.refinement.refiner import Refined


class Region(NamedTuple):
    """A region of a mask.

    Attributes:
        image: The image's id, or its path in the folder that was predicted.
        top: First row of its tight box, pixels of the image as its file has it.
        left: First column.
        bottom: First row below the box.
        right: First column beyond the box.
        probability: Probability of an object, by the classifier.
        removed: Whether it was removed; one that lies in a hole of such a region is removed with it.
    """

    image: str
    top: int
    left: int
    bottom: int
    right: int
    probability: float
    removed: bool


def regions_of(image: str, refined: Refined) -> list[Region]:
    """List the regions of an image in the order of their labels."""
    columns = (refined.boxes.tolist(), refined.probabilities.tolist(), refined.rejected.tolist())
    return [
        Region(image, top, left, bottom, right, probability, removed)
        for (top, left, bottom, right), probability, removed in zip(*columns, strict=True)
    ]


def regions_csv(regions: Iterable[Region]) -> str:
    """The table as CSV, one line per region; bytes of a file's name that are no UTF-8 are written as escapes."""
    return as_csv(regions, Region._fields)
