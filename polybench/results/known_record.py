"""A record that was read and checked before, of whose table some columns are known."""

from collections.abc import Collection
from dataclasses import dataclass

from polybench.results.image_rows import ImageRows
from polybench.results.record import StoredRecord


@dataclass(frozen=True)
class KnownRecord(StoredRecord):
    """A record whose table is read only where other columns are needed.

    Attributes:
        shown: The rows of the columns that are known.
    """

    shown: ImageRows

    def table_with(self, names: Collection[str]) -> ImageRows:
        """The rows that are known, where they have these columns; else those of the table."""
        return self.shown if set(names) <= set(self.shown.columns) else self.images
