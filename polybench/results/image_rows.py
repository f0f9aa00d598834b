"""A per-image table whose columns are looked up thousands of times: ids, groups, and one array of numbers."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias, overload

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

Values = NDArray[np.float64]
AnyRows: TypeAlias = "pd.DataFrame | ImageRows"

KEYS = ("id", "group")
"""The columns that name a row; all others hold numbers."""


class ImageRows:
    """One row per image.

    Args:
        ids: Ids of the images, (n,).
        groups: The group of each image, (n,).
        places: Name of a column of numbers -> its place in `values`.
        values: The columns, (columns, n).
    """

    __slots__ = ("groups", "ids", "places", "values")

    def __init__(self, ids: Sequence[str], groups: Sequence[str], places: Mapping[str, int], values: Values) -> None:
        self.ids, self.groups, self.places, self.values = tuple(ids), tuple(groups), places, values

    @classmethod
    def of(cls, rows: AnyRows) -> "ImageRows":
        """The same rows, where they are a frame."""
        if isinstance(rows, ImageRows):
            return rows
        names = [name for name in rows.columns if name not in KEYS]
        values = rows[names].to_numpy(dtype=np.float64).T
        places = {name: place for place, name in enumerate(names)}
        return cls(rows["id"].tolist(), rows["group"].tolist(), places, np.ascontiguousarray(values))

    def __len__(self) -> int:
        """Images."""
        return len(self.ids)

    @property
    def columns(self) -> Collection[str]:
        """Names of the columns of numbers."""
        return self.places.keys()

    def __iter__(self) -> Iterator[str]:
        """Yield the names of all columns, as a frame does."""
        yield from (*KEYS, *self.places)

    @overload
    def __getitem__(self, name: str) -> Values: ...

    @overload
    def __getitem__(self, name: NDArray[np.bool_]) -> "ImageRows": ...

    def __getitem__(self, name: str | NDArray[np.bool_]) -> "Values | ImageRows":
        """A column of numbers, (n,), or some of the rows."""
        if isinstance(name, str):
            column: Values = self.values[self.places[name]]
            return column
        kept = np.flatnonzero(name).tolist()
        ids, groups = ([texts[place] for place in kept] for texts in (self.ids, self.groups))
        return ImageRows(ids, groups, self.places, self.values[:, kept])

    def block(self, names: Sequence[str]) -> Values:
        """Several columns of numbers side by side, (n, k)."""
        return self.values[[self.places[name] for name in names]].T

    def frame(self) -> "pd.DataFrame":
        """The rows as a frame, `id` and `group` first."""
        import pandas as pd  # imported when needed, so that fits start sooner

        rows = pd.DataFrame(self.values.T, columns=list(self.places))
        rows.insert(0, "id", list(self.ids))
        rows.insert(1, "group", list(self.groups))
        return rows


def groups_of_rows(rows: AnyRows) -> tuple[str, ...]:
    """The group of each image."""
    return rows.groups if isinstance(rows, ImageRows) else tuple(rows["group"])
