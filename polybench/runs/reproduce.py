"""Run a row of the leaderboards again, or test a checkpoint of it again."""

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from polybench.core.errors import ConfigError
from polybench.core.wording import listed
from polybench.results.comparison import ScoredRun, scored_run
from polybench.results.facts import DatasetFacts, Provenance
from polybench.results.image_rows import ImageRows
from polybench.results.record import Record, StoredRecord, read_records
from polybench.results.table import row_key
from polybench.runs.report import read_stored
from polybench.runs.request import is_resumable
from polybench.runs.verdict import AGAIN, SecondRun

FIT = ("polybench", "fit")


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
