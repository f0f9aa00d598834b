"""Run a row again, or test its checkpoint again, and say whether the numbers of its record come out."""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from polybench.core.checksum import file_sha256
from polybench.core.errors import ConfigError, DataError
from polybench.core.wording import listed
from polybench.results.comparison import ScoredRun, aligned, scored_run, sign_of
from polybench.results.facts import DatasetFacts, Provenance
from polybench.results.headline import headline
from polybench.results.image_rows import ImageRows, Values
from polybench.results.record import Record, StoredRecord, read_records
from polybench.results.statistics.bootstrap import Ends
from polybench.results.statistics.intervals import column
from polybench.results.statistics.pairs import pairs_of
from polybench.results.table import row_key
from polybench.results.verified import Mark
from polybench.runs.report import read_stored
from polybench.runs.request import is_resumable

FOLDER = Path("runs/reproduce")
"""Where rows are run again, each into a folder of its record's name."""
FIT = ("polybench", "fit")
FIRST, AGAIN = "record", "again"


@dataclass(frozen=True)
class Verdict:
    """How the numbers of a second run compare with those of a record.

    Attributes:
        kind: `another training` where what was run is no run of the record's row today; `identical` where every value
            of every image is the same; `within seeds` where the headline differs by no more than two seeds of the row
            do; `not told apart` where the interval of the difference holds 0; otherwise `differs`.
        metric: What is compared, such as `per_image@2/dice`.
        recorded: The number of the record.
        found: The number of the second run.
        difference: Second run minus record, a mean over the images.
        ends: Its 95 % interval; None with a single group of images.
        seeds: The largest difference between two seeds of the row; None with a single seed.
        changed: What is other than it was, a sentence each.
    """

    kind: str
    metric: str
    recorded: float
    found: float
    difference: float
    ends: Ends | None
    seeds: float | None
    changed: tuple[str, ...]

    @property
    def reproduced(self) -> bool:
        """Whether the record's number came out, as far as can be told."""
        return self.kind not in ("differs", "another training")

    def sentence(self) -> str:
        """The verdict in a sentence."""
        numbers = f"{self.metric} is {self.found:.4f}, in the record {self.recorded:.4f}"
        if self.kind == "identical":
            return f"Identical: {numbers}, and every value of every image is the same."
        interval = "" if self.ends is None else f" [{self.ends.low:+.4f}, {self.ends.high:+.4f}]"
        moved = f"paired difference {self.difference:+.4f}{interval}"
        if self.kind == "another training":
            return f"Another training: what was run is no run of this row today. {numbers}; {moved}."
        if self.kind == "within seeds":
            return f"Within seeds: {numbers}; {moved}, and seeds of the row are up to {self.seeds:.4f} apart."
        spread = "" if self.seeds is None else f", and seeds of the row are up to {self.seeds:.4f} apart"
        if self.kind == "not told apart":
            return f"Not told apart: {numbers}; {moved}{spread}."
        return f"Differs: {numbers}; {moved}{spread}."


@dataclass(frozen=True)
class SecondRun:
    """What a second run gave.

    Attributes:
        scores: Its scores of the test images.
        device: Kind of machine.
        changed: What was other than in the record's run, a sentence each.
        same: Whether it is a run of the record's row.
        date: The day on which it ended, `2026-11-30`.
    """

    scores: ScoredRun
    device: str
    changed: tuple[str, ...]
    same: bool = True
    date: str = ""


def run_again(stored: StoredRecord, folder: Path, words: Sequence[str] = ()) -> SecondRun:
    """Run the training of a record again, or go on with it, in a folder of its own.

    Args:
        stored: The record.
        folder: Where the run goes, with a leaderboard of its own; one that was interrupted there is resumed, and one
            that has finished is taken where it is what the command gives today.
        words: Further options, such as `--trainer.accelerator gpu`.

    Raises:
        ConfigError: If the record is no training that one `polybench fit` runs, `fit` refuses its command today, or
            the folder holds a finished run of something else.
        DataError: If data are missing.
    """
    from polybench.experiments.fit import fit  # torch, which a record that can't be run again needn't wait for

    command = fit_words(stored.record)
    today = _Today([*command, *words])
    if not today.gives(stored.record):
        print(
            "Note: today the command gives another training than the record's (polybench runs --stale names classes "
            "and splits that have changed; its own files and the data may have, too)."
        )
    leaderboard = folder / "leaderboards"
    done = [one for one in read_records(leaderboard) if one.record.kind == "trained"] if leaderboard.is_dir() else []
    if done:
        if words or not today.gives(done[0].record):
            raise ConfigError(
                f"'{folder}' holds a finished run of something else: remove it, or give another --folder."
            )
        print(f"Note: taken from the run that is in '{folder}' already; remove it to run again.")
        return _second(stored, done[0])
    _use_threads(stored.record)
    places = ["--trainer.default_root_dir", str(folder), "--leaderboard", str(leaderboard)]
    resumed = ["--ckpt_path", "last"] if is_resumable(folder) else []
    fitted = fit([*command, *words, *places, *resumed])
    if fitted.path is None:
        raise ConfigError(f"The run has no record: {fitted.reason or 'this is not its first process'}.")
    return _second(stored, read_stored(fitted.path))


def evaluate_again(stored: StoredRecord, checkpoint: Path, folder: Path, words: Sequence[str] = ()) -> SecondRun:
    """Test a checkpoint with the options of a record's run.

    Args:
        stored: The record.
        checkpoint: The checkpoint.
        folder: Where the test writes to.
        words: Further options.

    Raises:
        ConfigError: If the record is no training that one `polybench fit` runs, or `test` refuses its options.
        DataError: If data are missing.
    """
    from polybench.experiments.evaluate import run_test  # torch, as above
    from polybench.experiments.provenance import provenance
    from polybench.experiments.scores import all_scores
    from polybench.metrics.panel import image_table

    command = fit_words(stored.record)
    _use_threads(stored.record)
    places = ["--trainer.default_root_dir", str(folder), "--ckpt_path", str(checkpoint)]
    done = run_test([*command, *words, *places])
    if done.rows is None:
        raise ConfigError("This is not the first process of the test.")
    protocols = done.session.model.protocols
    table = ImageRows.of(image_table(done.rows, protocols).sort_values("id", ignore_index=True))
    facts = provenance(done.session.trainer, checkpoint)
    changed = [
        *_machine(stored.record.provenance, facts),
        *_data(stored.record.dataset, done.session.datamodule.facts()),
    ]
    same_file = facts.checkpoint_sha256 == stored.record.provenance.checkpoint_sha256
    if not same_file:
        changed.append("Checkpoint: not the file that the record was tested with (by its hash).")
    scores = ScoredRun(AGAIN, all_scores(done.rows, protocols), table)
    same = same_file or _is_of_row(checkpoint, stored.record)
    return SecondRun(scores, facts.device, tuple(changed), same, facts.finished_at[:10])


def _is_of_row(checkpoint: Path, record: Record) -> bool:
    """Whether a checkpoint is of the training of a record, of whatever run."""
    from polybench.tasks.checkpoint import AtomicCheckpointIO, run_entry  # torch, as above

    entry = run_entry(AtomicCheckpointIO().load_checkpoint(checkpoint, map_location="meta"))
    return record.identity is not None and entry.get("training_id") == record.identity.training_id


def fit_words(record: Record) -> list[str]:
    """The words of the `polybench fit` that a record states.

    Raises:
        ConfigError: If it states another command.
    """
    if record.kind != "trained":
        raise ConfigError(f"'{record.recipe}' is a baseline, which each test computes again: name a trained row.")
    words = shlex.split(record.command)
    if tuple(words[:2]) != FIT:
        raise ConfigError(f"The row was made by a plan, which runs it again as a whole: {record.command}")
    return words[2:]


def compared(stored: StoredRecord, second: SecondRun, root: Path) -> Verdict:
    """Compare a second run with a record, image by image.

    Args:
        stored: The record.
        second: The second run.
        root: The leaderboard of the record, with the other seeds of its row.

    Raises:
        DataError: If other images were tested, or there is no number to compare.
    """
    first, again = scored_run(stored), second.scores
    key, metric = headline(stored.record)
    if key not in again.metrics:
        raise DataError(f"The second run has no scores under the record's {key}: its version has changed.")
    scores = first.metrics[key]
    found = aligned({AGAIN: [again], FIRST: [first]}, key, metric)
    if found is None:
        raise DataError(f"The per-image tables don't determine {metric} of {key}.")
    (pair,) = pairs_of(found)
    recorded, value = scores.values[metric].value, again.metrics[key].values[metric].value
    seeds = _between_seeds(stored, root, key, metric)
    if not second.same:
        kind = "another training"
    elif _identical(first, again):
        kind = "identical"
    elif seeds is not None and abs(recorded - value) <= seeds:
        kind = "within seeds"
    elif pair.ends is not None and pair.ends.low <= 0 <= pair.ends.high:
        kind = "not told apart"
    else:
        kind = "differs"
    sign = sign_of(scores.values[metric].direction)
    ends = None if pair.ends is None else Ends(*sorted(sign * end for end in pair.ends))
    return Verdict(kind, column(key, metric), recorded, value, sign * pair.difference, ends, seeds, second.changed)


def mark_for(stored: StoredRecord, verdict: Verdict, second: SecondRun, what: str) -> Mark:
    """The mark that stands for a verdict.

    Args:
        stored: The record.
        verdict: The verdict.
        second: The second run.
        what: `training` or `test`.
    """
    low, high = verdict.ends if verdict.ends is not None else (None, None)
    return Mark(
        record_sha256=file_sha256(stored.path),
        date=second.date,
        what=what,
        verdict=verdict.kind,
        metric=verdict.metric,
        difference=verdict.difference,
        low=low,
        high=high,
        device=second.device,
        changed=second.changed,
    )


def _second(stored: StoredRecord, found: StoredRecord) -> SecondRun:
    first, again = stored.record, found.record
    changed = [*_machine(first.provenance, again.provenance), *_data(first.dataset, again.dataset)]
    scores, same = scored_run(found)._replace(name=AGAIN), row_key(first) == row_key(again)
    return SecondRun(scores, again.provenance.device, tuple(changed), same, again.provenance.finished_at[:10])


class _Today:
    """What a command line gives today, worked out before it is run.

    Args:
        words: The words after `polybench fit`.

    Raises:
        ConfigError: If `fit` would refuse them.
        DataError: If data are missing.
    """

    def __init__(self, words: Sequence[str]) -> None:
        from polybench.runs.cell_data import open_data  # torch, as above
        from polybench.runs.found_records import run_here
        from polybench.runs.silent import SilentSession

        config = SilentSession("fit", list(words)).plain_config()
        self._run, self._facts = run_here(config), open_data(config).facts

    def gives(self, record: Record) -> bool:
        """Whether a record is what the command would write, its seed aside."""
        from polybench.runs.found_records import is_of

        return is_of(record, self._run, self._facts, own=True)


def _machine(first: Provenance, again: Provenance) -> Iterator[str]:
    """Versions and hardware that are other than they were."""
    packages = sorted({*first.versions, *again.versions})
    other = [name for name in packages if first.versions.get(name) != again.versions.get(name)]
    if other:
        moved = [f"{name} {first.versions.get(name, 'none')} to {again.versions.get(name, 'none')}" for name in other]
        yield f"Versions: {listed(moved)}."
    for name in ("python", "device", "devices", "threads", "precision", "platform"):
        before, now = getattr(first, name), getattr(again, name)
        if before != now:
            yield f"{name.capitalize()}: {before} before, {now} now."


def _data(first: DatasetFacts, again: DatasetFacts) -> Iterator[str]:
    """Data that are other than they were, by hash."""
    if first.manifest_sha256 != again.manifest_sha256:
        yield f"Data: another copy of {first.name}."
    if first.split_sha256 != again.split_sha256:
        yield f"Split: the list of {first.split} has changed."


def _use_threads(record: Record) -> None:
    """Compute with as many threads as the record's run did, since sums are rounded otherwise with others."""
    import torch

    if record.provenance.threads:
        torch.set_num_threads(record.provenance.threads)


def _identical(first: ScoredRun, again: ScoredRun) -> bool:
    """Whether both tables have the same values, as files hold them, in the columns that both have."""
    if first.table.ids != again.table.ids:
        return False
    shared = [name for name in first.table.columns if name in set(again.table.columns)]
    return all(_written(first.table[name]) == _written(again.table[name]) for name in shared)


def _written(values: Values) -> list[str]:
    """Values with the six digits that a table has."""
    return [f"{value:.6g}" for value in np.asarray(values, dtype=float)]


def _between_seeds(stored: StoredRecord, root: Path, key: str, metric: str) -> float | None:
    """The largest difference between two seeds of a row."""
    others = [one.record for one in read_records(root, stored.record.dataset.name)] if root.is_dir() else []
    values = {
        record.seed: record.metrics[key].values[metric].value
        for record in others
        if record.kind == "trained" and row_key(record) == row_key(stored.record) and key in record.metrics
    }
    return max(values.values()) - min(values.values()) if len(values) > 1 else None
