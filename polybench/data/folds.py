"""Folds: lists `fold_1_of_5.csv` to `fold_5_of_5.csv` of one folder, which together test each image once."""

import csv
import hashlib
import re
from collections import Counter
from pathlib import Path

from polybench.core.errors import DataError
from polybench.results.fact_parts import FoldFacts

FOLD = re.compile(r"fold_([1-9][0-9]*)_of_([1-9][0-9]*)")
"""Name of a list that is a fold."""


def fold_of(path: Path) -> FoldFacts | None:
    """Say which fold a list is, with the hash of the lists of all folds.

    Args:
        path: The list.

    Returns:
        The fold; None for a list of another name, and for one that doesn't have all other folds beside it.

    Raises:
        DataError: If an image is tested by two of the folds, or by none.
    """
    found = FOLD.fullmatch(path.stem)
    if found is None or not 1 <= int(found[1]) <= int(found[2]):
        return None
    number, of = int(found[1]), int(found[2])
    files = [path.with_name(f"fold_{one}_of_{of}{path.suffix}") for one in range(1, of + 1)]
    if not all(file.is_file() for file in files):
        return None
    contents = [file.read_bytes() for file in files]
    _check_folds(contents, path)
    digests = "".join(hashlib.sha256(content).hexdigest() for content in contents)
    return FoldFacts(number, of, hashlib.sha256(digests.encode()).hexdigest())


def _check_folds(contents: list[bytes], path: Path) -> None:
    """Check that each image is tested once."""
    times: Counter[str] = Counter()
    listed: set[str] = set()
    for content in contents:
        for line in csv.reader(content.decode("utf-8-sig", errors="replace").splitlines()):
            if line and len(line) >= 2 and line[0][:1] != "#" and line[:2] != ["id", "subset"]:
                listed.add(line[0])
                times[line[0]] += line[1].strip() == "test"
    if wrong := sorted(image_id for image_id in listed if times[image_id] != 1):
        found = "no fold" if times[wrong[0]] == 0 else f"{times[wrong[0]]} folds"
        raise DataError(
            f"The folds beside '{path}' must test each image once, and {found} of {len(contents)} test '{wrong[0]}': "
            "mend the lists, or give them names that are not those of folds."
        )
