"""The files of this folder."""

import csv
from pathlib import Path


def lines(name: str) -> list[dict[str, str]]:
    """Read a file of this folder.

    Args:
        name: Its name, such as `numbers.csv`.

    Returns:
        Column -> text, for each line.
    """
    with (Path(__file__).parent / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
