"""Records of several folds as one record of all their test images, each of which is tested by one of the folds."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from polybench.core.errors import DataError
from polybench.results.facts import Counts, DatasetFacts, IdentityFacts, ProtocolScores, TrainingFacts
from polybench.results.image_rows import ImageRows
from polybench.results.pooled_scores import pooled_scores
from polybench.results.record import Record, StoredRecord

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class PooledRecord(StoredRecord):
    """The runs of one training and one seed on several folds, as one run.

    Its `record` has the numbers of all test images together, the sum of what the trainings took, the identity that the
    folds share, and what the first fold has otherwise; `path` is that of the first fold.

    Attributes:
        folds: The first run of each fold, by number.
        repeated: Further runs of a fold.
        table: Their per-image tables, sorted by id.
        left_out: `protocol@version` -> those of its metrics that the tables don't determine.
    """

    folds: tuple[StoredRecord, ...]
    repeated: tuple[StoredRecord, ...]
    table: "pd.DataFrame" = field(compare=False)
    left_out: Mapping[str, tuple[str, ...]]

    @cached_property
    def name(self) -> str:
        """The name of the first fold, which sorts it among other runs."""
        return self.folds[0].name

    @cached_property
    def repeat(self) -> int:
        """Always 1, since it has the first run of each fold."""
        return 1

    def rows(self) -> "pd.DataFrame":
        """The tables of the folds together."""
        return self.table

    @cached_property
    def images(self) -> ImageRows:
        """The same rows for numbers of many columns."""
        return ImageRows.of(self.table)


def pooled(records: Iterable[StoredRecord]) -> list[StoredRecord]:
    """Put the records of folds together, one for each training, evaluation and seed.

    Which belong together follows from the identity that they share, and for baselines from their configuration. Records
    of other splits, and those of folds that state no such identity, stay as they are.

    Args:
        records: Records of one dataset.

    Returns:
        The other records, then the pooled ones.

    Raises:
        DataError: If two folds tested the same image.
    """
    others: list[StoredRecord] = []
    sets: dict[object, list[StoredRecord]] = defaultdict(list)
    for stored in records:
        key = _set_of(stored.record)
        if key is None:
            others.append(stored)
        else:
            sets[key].append(stored)
    return [*others, *map(_pool, sets.values())]


def parts_of(stored: StoredRecord) -> tuple[StoredRecord, ...]:
    """The runs that a record's numbers come from: the first run of each fold, or itself."""
    return stored.folds if isinstance(stored, PooledRecord) else (stored,)


def every_part_of(stored: StoredRecord) -> tuple[StoredRecord, ...]:
    """The same with the repeated runs of a fold."""
    if not isinstance(stored, PooledRecord):
        return (stored,)
    return tuple(sorted((*stored.folds, *stored.repeated), key=_by_fold))


def _set_of(record: Record) -> object:
    """What the folds of one row and seed have in common; None for a record that can't be pooled."""
    data, identity = record.dataset, record.identity
    if data.fold is None:
        return None
    common = (record.kind, record.task, record.budget, data.official_copy, data.copy_notes, data.manifest_sha256)
    lists = (data.fold.of, data.fold.lists_sha256)
    if record.kind == "baseline":
        return *common, *lists, record.recipe, _of_any_fold(record.config)
    if identity is None or identity.folds is None:
        return None
    return *common, *lists, identity.folds.training_id, identity.folds.evaluation_id, record.seed


def _of_any_fold(config: Mapping[str, Any]) -> str:
    """A baseline's configuration without what names the fold."""
    kept = {key: value for key, value in config.items() if key not in {"split", "patches"}}
    return json.dumps(kept, sort_keys=True)


def _by_fold(stored: StoredRecord) -> tuple[int, int]:
    fold = stored.record.dataset.fold
    return fold.number if fold else 0, stored.repeat


def _pool(records: Sequence[StoredRecord]) -> PooledRecord:
    """Pool the runs of one set, at least one."""
    runs: dict[int, StoredRecord] = {}
    repeated = []
    for stored in sorted(records, key=_by_fold):
        number = _by_fold(stored)[0]
        if number in runs:
            repeated.append(stored)
        else:
            runs[number] = stored
    folds = tuple(runs.values())
    table = _together(folds)
    metrics, left_out = pooled_scores([run.record.metrics for run in folds], table)
    return PooledRecord(_record(folds, metrics), folds[0].path, folds, tuple(repeated), table, left_out)


def _together(folds: Sequence[StoredRecord]) -> "pd.DataFrame":
    """The rows of all folds, sorted by id as those of one record are.

    Raises:
        DataError: If two folds tested the same image.
    """
    import pandas as pd  # imported when needed, so that fits start sooner

    tables = [run.rows() for run in folds]
    tested: dict[str, StoredRecord] = {}
    for run, table in zip(folds, tables, strict=True):
        for image_id in table["id"]:
            other = tested.setdefault(image_id, run)
            if other is not run:
                raise DataError(
                    f"'{other.path}' and '{run.path}' are of two folds, and both tested '{image_id}': restore both "
                    "records and their tables as they were written."
                )
    return pd.concat(tables, join="inner", ignore_index=True).sort_values("id", kind="stable", ignore_index=True)


def _record(folds: Sequence[StoredRecord], metrics: Mapping[str, ProtocolScores]) -> Record:
    """A record that stands for several."""
    records = [run.record for run in folds]
    first, newest = records[0], max(records, key=lambda record: record.provenance.finished_at)
    identity = first.identity
    if identity is not None and identity.folds is not None:
        budget = _budget([record.identity.budget_id or "" for record in records if record.identity])
        identity = IdentityFacts(identity.folds.training_id, identity.folds.evaluation_id, budget)
    variants = {record.variant for record in records}
    return replace(
        first,
        variant=first.variant if len(variants) == 1 else None,
        dataset=_dataset([record.dataset for record in records]),
        training=_training([record.training for record in records if record.training]),
        metrics=metrics,
        provenance=newest.provenance,
        identity=identity,
        table_sha256=None,
        record_sha256=None,
    )


def _dataset(folds: Sequence[DatasetFacts]) -> DatasetFacts:
    """The images of several folds: the name and hash of the split are those of these folds."""
    first, fold = folds[0], folds[0].fold
    assert fold is not None
    numbers = [str(one.fold.number) for one in folds if one.fold]
    complete = len(numbers) == fold.of
    which = "*" if complete else "+".join(numbers)
    digest = fold.lists_sha256 if complete else sha256(f"{fold.lists_sha256} {which}".encode()).hexdigest()
    apart = [one.group_disjoint for one in folds]
    return replace(
        first,
        split=f"fold_{which}_of_{fold.of}",
        split_sha256=digest,
        split_note=_shared_sentences([one.split_note for one in folds]),
        group_disjoint=False if False in apart else None if None in apart else True,
        counts=Counts(
            min(one.counts.train for one in folds),
            min(one.counts.val for one in folds),
            sum(one.counts.test for one in folds),
        ),
        patches_sha256=_patches([one.patches_sha256 for one in folds]),
    )


def _patches(hashes: Sequence[str | None]) -> str | None:
    """A hash of the test patches of several folds; None where whole images are tested."""
    known = [one for one in hashes if one is not None]
    return sha256(" ".join(known).encode()).hexdigest() if known else None


def _training(trainings: Sequence[TrainingFacts]) -> TrainingFacts | None:
    """What all trainings took: sums, and the largest memory."""
    if not trainings:
        return None
    peaks = [one.peak_memory_bytes for one in trainings if one.peak_memory_bytes is not None]
    return TrainingFacts(
        epochs_run=sum(one.epochs_run for one in trainings),
        best_epoch=None,
        batch_size=trainings[0].batch_size,
        wall_seconds=sum(one.wall_seconds for one in trainings),
        peak_memory_bytes=max(peaks, default=None),
        images_per_second=None,
    )


def _budget(budgets: Sequence[str]) -> str:
    """What went through the net on each fold: `4000 images of 128x128 in each fold`; with several numbers, all of them.

    >>> _budget(["80 images of 64x64", "72 images of 64x64"])
    '80 + 72 images of 64x64 by fold'
    """
    if len(set(budgets)) == 1:
        return f"{budgets[0]} in each fold"
    sizes = {budget.partition(" ")[2] for budget in budgets}
    if len(sizes) > 1:
        return " + ".join(budgets) + " by fold"
    return f"{' + '.join(budget.partition(' ')[0] for budget in budgets)} {sizes.pop()} by fold"


def _shared_sentences(notes: Sequence[str]) -> str:
    """The sentences that the notes of all folds have, in the order of the first.

    >>> _shared_sentences(["Fold 1 for test. Both eyes stay together.", "Fold 2 for test. Both eyes stay together."])
    'Both eyes stay together.'
    """
    sentences = [note.removesuffix(".").split(". ") for note in notes]
    shared = [one for one in sentences[0] if all(one in others for others in sentences[1:])]
    return ". ".join(shared) + "." if shared and shared != [""] else ""
