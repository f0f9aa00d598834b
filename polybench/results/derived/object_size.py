"""Strata by the size of the largest object, cut where the training part of the split has its terciles."""

import numpy as np

from polybench.results.image_rows import AnyRows, ImageRows, Values
from polybench.results.statistics.intervals import column
from polybench.results.table_columns import COUNTS

LARGEST = "size@1/largest_object"

SIZES = ("small", "medium", "large")
NO_OBJECT = "no object"


def shares(rows: ImageRows) -> Values | None:
    """The share of each image that its largest object covers, (n,); None where the table doesn't have what is needed.

    The pixels of an image are those that a protocol counted over the whole image at native size.
    """
    whole = next((key for key in ("per_image", "pooled") for key in _versions(rows, key)), None)
    if whole is None or LARGEST not in rows.columns:
        return None
    pixels = rows.block([column(whole, count) for count in COUNTS]).sum(axis=1)
    found: Values = rows[LARGEST] / np.maximum(pixels, 1.0)
    return found


def size_labels(table: AnyRows, cuts: tuple[float, float]) -> dict[str, str] | None:
    """Image id -> one of `SIZES`, or `NO_OBJECT`; None where the table doesn't have what is needed.

    Args:
        table: A table.
        cuts: Shares of the image from which an object is medium and from which it is large.
    """
    rows = ImageRows.of(table)
    found = shares(rows)
    if found is None:
        return None
    places = np.digitize(found, cuts)
    return {
        image_id: SIZES[place] if share > 0 else NO_OBJECT
        for image_id, place, share in zip(rows.ids, places.tolist(), found.tolist(), strict=True)
    }


def _versions(rows: ImageRows, name: str) -> list[str]:
    """Versions of a protocol with all counts of pixels in a table."""
    keys = {key for key, _, metric in (one.partition("/") for one in rows.columns) if metric == COUNTS[-1]}
    return sorted(
        key
        for key in keys
        if key.partition("@")[0] == name and {column(key, count) for count in COUNTS} <= set(rows.columns)
    )
