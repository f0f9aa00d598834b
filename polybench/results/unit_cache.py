"""What is kept of the units of a page, so that a new record costs what its own unit costs.

`root/.cache/units/<dataset>.json` holds the text of each unit with the hashes of the records and tables that it was
made of, its derived numbers, and the scores that rank its rows; its first line is the hash of the rest. A unit counts
as known as long as each of these files has the same hash, and the audit and the code too. A cache that is damaged, of
other code, or of other files says nothing; one that can't be written is no error.
"""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import ConfigDict, TypeAdapter

from polybench.core.atomic import atomic_write_text
from polybench.results.image_rows import ImageRows
from polybench.results.known_record import KnownRecord
from polybench.results.page_cache import FOLDER, Hashes
from polybench.results.page_units import Unit, UnitText
from polybench.results.record import read_known
from polybench.results.table_file import text_sha256


@dataclass(frozen=True)
class Kept:
    """The units of a page.

    Attributes:
        inputs: Hash of what all units follow from: the code, and the audit of the dataset.
        files: Name of a record -> hashes of its file and of its table; each was read and checked.
        units: The units.
    """

    inputs: str
    files: dict[str, str]
    units: tuple[UnitText, ...]

    def intact(self, hashes: Hashes) -> list[UnitText]:
        """The units of which each record is as it was.

        Args:
            hashes: Of the files that are there.
        """
        return [unit for unit in self.units if all(self.has(name, hashes) for name in unit.members)]

    def has(self, name: str, hashes: Hashes) -> bool:
        """Whether a record is there and as it was.

        Args:
            name: Its name.
            hashes: Of the files that are there.
        """
        return self.files.get(name) == hashes.of_record(name)


def read_unit(unit: UnitText, folder: Path) -> Unit:
    """The records of a unit that are as they were, each file of the same hash as before.

    Args:
        unit: The unit.
        folder: The folder of the dataset's records.
    """
    records = []
    for name in unit.members:
        stored, known = read_known(folder / f"{name}.json"), unit.columns.get(name)
        if known is not None:
            images = unit.images[known.images]
            rows = ImageRows(images.ids, images.groups, {known.name: 0}, np.array([known.values]))
            stored = KnownRecord(stored.record, stored.path, rows)
        records.append(stored)
    return Unit(records, unit.numbers)


_KEPT = TypeAdapter(tuple[Kept], config=ConfigDict(strict=True, extra="forbid"))


def read_kept(root: Path, dataset: str, inputs: str) -> Kept:
    """What is kept of a page; nothing where it is damaged or of other inputs.

    Args:
        root: The folder of the leaderboards.
        dataset: Name of the dataset.
        inputs: Hash of what all units follow from.
    """
    with contextlib.suppress(OSError, ValueError):
        digest, _, content = _place(root, dataset).read_text(encoding="utf-8").partition("\n")
        if digest == text_sha256(content):
            [kept] = _KEPT.validate_json(content)
            if kept.inputs == inputs:
                return kept
    return Kept(inputs, {}, ())


def keep(root: Path, dataset: str, hashes: Hashes, units: Sequence[UnitText]) -> None:
    """Keep the units of a page.

    Args:
        root: The folder of the leaderboards.
        dataset: Name of the dataset.
        hashes: Of the files, before the records were read.
        units: All its units.
    """
    kept = Kept(hashes.inputs, {name: hashes.of_record(name) for unit in units for name in unit.members}, tuple(units))
    with contextlib.suppress(OSError):
        content = _KEPT.dump_json((kept,)).decode()
        atomic_write_text(_place(root, dataset), f"{text_sha256(content)}\n{content}")


def _place(root: Path, dataset: str) -> Path:
    return root / FOLDER / "units" / f"{dataset}.json"
