"""`metrics.csv`: a row for each epoch of a run, and for each validation within an epoch."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from polybench.core.atomic import atomic_write_text

METRICS = "metrics.csv"

FIRST = ("epoch", "step", "seconds", "train/loss", "val/loss")
"""Columns that every table begins with, as far as it has them."""

Row = Mapping[str, float]


class EpochTable:
    """A CSV file that always is whole: each row that is added replaces the file.

    Args:
        path: The file. One that is there is continued, which makes a resumed run's table that of an unbroken run.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, row: Row) -> None:
        """Add a row, in place of the rows that an interrupted part of the run wrote for this step and later ones.

        Args:
            row: Column -> number; `step` is required.

        Raises:
            WriteError: If the file can't be written.
        """
        texts = {name: _text(value) for name, value in row.items()}
        rows = [*(one for one in self.read() if float(one["step"]) < row["step"]), texts]
        columns = in_order(list(dict.fromkeys(name for one in rows for name in one)))
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        atomic_write_text(self.path, text.getvalue())

    def read(self) -> list[dict[str, str]]:
        """The rows so far, without those that were cut off, as a program of an earlier version could leave one."""
        if not self.path.is_file():
            return []
        with self.path.open(newline="", errors="replace") as file:
            return [row for row in csv.DictReader(file) if is_whole(row)]

    def curve(self, name: str) -> tuple[list[float], list[float]]:
        """The values of a column, where it has some, and their places: see `unit`."""
        key, shift = ("epoch", 1) if self.unit == "epochs" else ("step", 0)
        found = [(float(row[key]) + shift, float(row[name])) for row in self.read() if row.get(key) and row.get(name)]
        return [place for place, _ in found], [value for _, value in found]

    @property
    def unit(self) -> str:
        """What places of a curve count: finished epochs, or steps where an epoch has several validations."""
        epochs = [row.get("epoch") for row in self.read() if any(row[name] for name in row if name.startswith("val/"))]
        return "epochs" if len(set(epochs)) == len(epochs) else "steps"


def is_whole(row: Mapping[str | None, object]) -> bool:
    """Whether a row has a number or nothing in every column: it was not cut off, and is of no other table."""
    return None not in row and str(row.get("step")).isdecimal() and all(map(_is_number, row.values()))


def in_order(columns: Sequence[str]) -> list[str]:
    """Columns as people look for them: place, losses, other values of validation and training, learning rates."""
    groups = ("val/", "train/", "lr")

    def place(name: str) -> tuple[int, int, str]:
        if name in FIRST:
            return 0, FIRST.index(name), name
        return 1, next((at for at, start in enumerate(groups) if name.startswith(start)), len(groups)), name

    return sorted(columns, key=place)


def _is_number(text: object) -> bool:
    try:
        float(str(text) or "0")
    except ValueError:
        return False
    return True


def _text(value: float) -> str:
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(float(value))
