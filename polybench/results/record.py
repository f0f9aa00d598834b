"""The record of a run: one JSON file, written once and never edited, beside a CSV with a row per test image."""

import itertools
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from polybench.core.atomic import atomic_write_text
from polybench.core.errors import DataError, RecordError
from polybench.results import earlier
from polybench.results.facts import (
    DatasetFacts,
    IdentityFacts,
    NetFacts,
    ProtocolScores,
    Provenance,
    StartFacts,
    TrainingFacts,
)
from polybench.results.image_rows import ImageRows
from polybench.results.record_checks import check_counts, check_kind, check_names
from polybench.results.record_text import is_as_written, parse, read_text, seal_of
from polybench.results.sealed_table import read_sealed
from polybench.results.sections import Section
from polybench.results.strict import decode, decode_text, encode
from polybench.results.table_file import read_table, table_text, text_sha256

if TYPE_CHECKING:
    import pandas as pd

SCHEMA_VERSION = 4
READABLE_VERSIONS = (1, 2, 3, 4)
"""Schema 1 has no definitions of protocols; 1 and 2 have no identity, no start, and no headline of a protocol; 1 to 3
have no sections of methods."""

Budget = Literal["published", "reduced", "smoke"]

_REPEAT = re.compile(r"(-r[1-9][0-9]*)?")


@dataclass(frozen=True)
class Record:
    """The record of one run.

    Attributes:
        schema_version: Version of this layout.
        kind: A trained net, or a trivial baseline that nothing was trained for.
        task: What was predicted.
        recipe: Name of the recipe, or of the baseline such as "all_background".
        variant: Name of a variation of the recipe.
        seed: The run's seed.
        budget: `published` (the paper's settings), `reduced` or `smoke`; None for baselines.
        dataset: Which images.
        config: The portable configuration, see `polybench.results.config`.
        config_sha256: Its hash, equal over seeds and machines.
        command: The portable command line that reproduces the run.
        net: What was trained; None for baselines.
        training: What it took; None for baselines.
        metrics: `protocol@version` -> scores.
        provenance: Where the numbers come from.
        identity: What makes the run a seed of its row; None in records of schemas 1 and 2 (`identity 1`: the row is
            that of `config_sha256`, which misses some of what moves the weights).
        start: Start weights; None in records of schemas 1 and 2, and of baselines.
        needs: What the command needs in addition, such as a file of the user's own; a sentence each.
        sections: Sections of the methods that took part, by the method's name.
        table_sha256: Hash of the per-image table beside it; None in records of earlier versions.
        record_sha256: Hash of all the rest of the record, see `polybench.results.record_text.seal_of`; None in records
            of earlier versions.

    Raises:
        RecordError: If the parts contradict each other or a name can't be a file name.
    """

    schema_version: int
    kind: Literal["trained", "baseline"]
    task: Literal["segmentation", "classification"]
    recipe: str
    variant: str | None
    seed: int
    budget: Budget | None
    dataset: DatasetFacts
    config: Mapping[str, Any]
    config_sha256: str
    command: str
    net: NetFacts | None
    training: TrainingFacts | None
    metrics: Mapping[str, ProtocolScores]
    provenance: Provenance
    identity: IdentityFacts | None = None
    start: StartFacts | None = None
    needs: tuple[str, ...] = ()
    sections: Mapping[str, Section] = field(default_factory=dict)
    table_sha256: str | None = None
    record_sha256: str | None = None

    def __post_init__(self) -> None:
        """Check what the types can't express."""
        if self.schema_version not in READABLE_VERSIONS:
            raise RecordError(_foreign(self.schema_version))
        check_names(self)
        check_counts(self)
        check_kind(self)

    def to_json(self) -> str:
        """The file's text: keys in the order of the fields, two blanks of indent.

        Raises:
            ValueError: If the configuration holds something that JSON can't (NaN, an object).
        """
        return json.dumps(encode(self), indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str, source: str | Path) -> "Record":
        """Read a file's text.

        Args:
            text: What `to_json` wrote.
            source: The file, for messages.

        Raises:
            RecordError: If the text is no JSON, has unknown or missing keys, values of other types or another schema
                version, or was edited.
        """
        try:
            data = parse(text)
            version = data.get("schema_version") if isinstance(data, dict) else None
            if isinstance(version, int) and version not in READABLE_VERSIONS:
                raise ValueError(_foreign(version))
            fields = {}
            if isinstance(version, int) and version < SCHEMA_VERSION:
                fields = {name: data[name] for name in earlier.FIELDS if name in data}
            if fields:
                record = decode(cls, {key: value for key, value in data.items() if key not in fields})
            else:
                record = decode(cls, data, text=text)
            if found := earlier.sections_of(fields, record.metrics):
                record = replace(record, sections={**found, **record.sections})
        except (ValueError, DataError) as error:
            raise RecordError(f"The record '{source}' can't be read: {error}") from error
        if not is_as_written(data):
            raise RecordError(
                f"The record '{source}' was edited after it was written: records are never edited; restore the file."
            )
        return record


@dataclass(frozen=True)
class StoredRecord:
    """A record and the file it was read from."""

    record: Record
    path: Path

    @cached_property
    def name(self) -> str:
        """The file's stem, unique in the dataset."""
        return self.path.stem

    @cached_property
    def repeat(self) -> int:
        """1 for the first run of this name, 2 for `-r2` and so on."""
        return int(self.name.removeprefix(record_name(self.record)).removeprefix("-r") or 1)

    def rows(self) -> "pd.DataFrame":
        """The table beside the record: one row per test image, sorted by id.

        Raises:
            RecordError: If it can't be read.
        """
        return self.images.frame()

    @cached_property
    def images(self) -> ImageRows:
        """The same rows for numbers of many columns; the file is read once.

        Raises:
            RecordError: If it can't be read.
        """
        return self._sealed_images() or ImageRows.of(read_table(self.path.with_suffix(".csv")).rows)

    def table_with(self, names: Collection[str]) -> ImageRows:
        """Rows that have these columns where the table has them; they may lack others.

        Args:
            names: Columns of numbers.

        Raises:
            RecordError: If the table can't be read.
        """
        return self.images

    def check_seal(self) -> None:
        """Check that both files are those that polybench wrote, by the hashes that the record states.

        The hash of the record's own content was checked when it was read. A record of an earlier version, which states
        no hashes, and one whose table has another hash are held against the table.

        Raises:
            RecordError: If one of the two was edited.
        """
        images = self._sealed_images()
        if images is None:
            self.check()
        else:
            self.__dict__["images"] = images

    def _sealed_images(self) -> ImageRows | None:
        """The rows of a table of the hash that the record states; None for another table, or without both hashes."""
        if self.record.record_sha256 is None or self.record.table_sha256 is None:
            return None
        return read_sealed(self.path.with_suffix(".csv"), self.record.table_sha256)

    def check(self) -> None:
        """Hold the record against its table, see `polybench.results.table_checks.check_table`.

        Raises:
            RecordError: If one of the two was edited.
        """
        from polybench.results.table_checks import check_table  # imported when needed, so that fits start sooner

        check_table(self.record, read_table(self.path.with_suffix(".csv")), self.path)


def record_name(record: Record) -> str:
    """The stem of a record's file: `<recipe>[-<variant>]-<row id>-s<seed>`."""
    return f"{row_name(record)}-s{record.seed}"


def row_name(record: Record) -> str:
    """What the seeds of one row share: `<recipe>[-<variant>]-<row id>`."""
    return "-".join(part for part in (record.recipe, record.variant, row_id(record)) if part)


def row_id(record: Record) -> str:
    """Eight hexadecimal digits: of the record's identity, or of its configuration where it has none."""
    return record.identity.row_id if record.identity else record.config_sha256[:8]


def write_record(record: Record, rows: "pd.DataFrame", root: Path) -> Path:
    """Write `root/records/<dataset>/<name>.csv`, then `.json`; a name that is taken gets `-r2`, `-r3` and so on.

    The JSON file completes the write: a CSV without one is left over from a crash and ignored. Processes may write at
    the same time.

    Args:
        record: The run.
        rows: One row per test image with `id`, `group` and the columns of `statistics.column`.
        root: The folder of the leaderboards.

    Returns:
        The JSON file.

    Raises:
        RecordError: If the rows have no ids, no groups or an id twice.
        WriteError: If a write fails; then nothing counts as written.
    """
    record, csv = sealed(record, rows)
    text = record.to_json()
    name, folder = record_name(record), root / "records" / record.dataset.name
    stems = (name if number == 1 else f"{name}-r{number}" for number in itertools.count(1))
    return next(path for stem in stems if _claim(path := folder / f"{stem}.json", csv, text))


def sealed(record: Record, rows: "pd.DataFrame") -> tuple[Record, str]:
    """A record with the hash of its table and its own, and the text of that table.

    Raises:
        RecordError: If the rows have no ids, no groups or an id twice.
    """
    csv = table_text(rows)
    record = replace(record, table_sha256=text_sha256(csv))
    seal = seal_of(cast(Mapping[str, object], encode(record)))
    return replace(record, record_sha256=seal), csv


def read_records(root: Path, dataset: str | None = None) -> list[StoredRecord]:
    """Read `root/records/`, all of it or one dataset's folder, sorted by dataset and name.

    Raises:
        RecordError: If a record can't be read, has another name than its content implies, or lacks its CSV.
    """
    return [read_record(path) for path in record_paths(root, dataset)]


def record_paths(root: Path, dataset: str | None = None) -> list[Path]:
    """The files of `read_records`, in its order."""
    return sorted((root / "records").glob(f"{dataset or '*'}/*.json"), key=lambda path: (path.parent.name, path.stem))


def recorded_datasets(root: Path) -> list[str]:
    """Names of the datasets that have records, sorted."""
    return sorted({path.parent.name for path in (root / "records").glob("*/*.json")})


def tables_without_record(root: Path) -> list[str]:
    """Name each table that has no record beside it, in a sentence with what to do; no file is read.

    A run that is killed between its table and its record leaves such a table; the same run takes it over.
    """
    tables = sorted((root / "records").glob("*/*.csv"))
    return [
        f"The table '{table}' has no record '{table.stem}.json' beside it, so that no page shows it: restore the "
        "record; after a run that was killed, run the same command again; else remove the table."
        for table in tables
        if not table.with_suffix(".json").exists()
    ]


def _claim(path: Path, csv: str, text: str) -> bool:
    """Write both files, CSV first; false, and nothing written, when the name is taken.

    A CSV of the same rows without a record is left over from a killed run, and is taken over.
    """
    if path.exists():
        return False
    try:
        atomic_write_text(path.with_suffix(".csv"), csv, exclusive=True)
    except FileExistsError:
        if path.with_suffix(".csv").read_bytes() != csv.encode():
            return False
    try:
        atomic_write_text(path, text, exclusive=True)
    except FileExistsError:
        return False  # another process had the same rows
    except BaseException:
        path.with_suffix(".csv").unlink(missing_ok=True)
        raise
    return True


def read_known(path: Path) -> StoredRecord:
    """Read a record whose file, to the last byte, was read by `read_record` and checked before."""
    try:
        return StoredRecord(decode_text(Record, path.read_text(encoding="utf-8")), path)
    except ValueError:
        return read_record(path)  # of an earlier version


def read_record(path: Path) -> StoredRecord:
    """Read one record.

    Raises:
        RecordError: If it can't be read, has another name than its content implies, or lacks its CSV.
    """
    record = Record.from_json(read_text(path), path)
    name = record_name(record)
    stem = path.stem
    named = stem.startswith(name) and _REPEAT.fullmatch(stem, len(name))
    if record.dataset.name != path.parent.name or not named:
        raise RecordError(
            f"The record '{path}' describes '{record.dataset.name}/{name}': give the file its own name back, "
            "records are never renamed or edited."
        )
    if not path.with_suffix(".csv").is_file():
        raise RecordError(f"The record '{path}' lacks the per-image table '{path.stem}.csv' beside it: restore it.")
    return StoredRecord(record, path)


def _foreign(version: int) -> str:
    readable = " and ".join(map(str, READABLE_VERSIONS))
    return f"It has schema version {version}, this polybench reads {readable}: change polybench."
