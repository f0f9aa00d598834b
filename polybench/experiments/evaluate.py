"""Evaluate a checkpoint on the validation or the test subset; a method may change the predictions of a test."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from polybench.core.atomic import atomic_write_text
from polybench.core.errors import ConfigError
from polybench.experiments.again import Again
from polybench.experiments.argv import without
from polybench.experiments.dashboard import begin_with_test, end
from polybench.experiments.further_test import further_record, recorded_training
from polybench.experiments.metrics_log import keep_earlier
from polybench.experiments.provenance import provenance
from polybench.experiments.scores import all_scores
from polybench.experiments.session import Session
from polybench.methods import attached
from polybench.methods.base import Postprocessor
from polybench.metrics import Protocol, Rows
from polybench.metrics.panel import image_table
from polybench.results.page import write_page
from polybench.results.record import Record, write_record
from polybench.results.sections import Section


@dataclass(frozen=True)
class Changed:
    """A test of changed predictions.

    Attributes:
        by: What changed them.
        section: How.
        rows_file: One line for each image.
        file: The method's own table.
        record: Their record; None where none was asked for.
        path: The record's file.
    """

    by: Postprocessor
    section: Section
    rows_file: Path
    file: Path
    record: Record | None = None
    path: Path | None = None


@dataclass(frozen=True)
class Evaluated:
    """The outcome of an evaluation.

    Attributes:
        session: What was run.
        rows: A row for each image; None in processes other than the first.
        rows_file: The file of these rows; None of a validation.
        changed: The test of changed predictions; None where no method changed them.
    """

    session: Session
    rows: Rows | None = None
    rows_file: Path | None = None
    changed: Changed | None = None

    @property
    def path(self) -> Path | None:
        """The file of the record; None where none was written."""
        return self.changed.path if self.changed else None


Show = Callable[[Session, Rows], None]
"""Shows the numbers before anything is written."""


def show_nothing(session: Session, rows: Rows) -> None:
    """Show nothing."""


def run_validation(words: Sequence[str]) -> Evaluated:
    """Evaluate a checkpoint on the validation subset.

    Raises:
        ConfigError: If no image was evaluated.
    """
    session = Session("validate", words)
    session.call("validate", session.required_checkpoint())
    if not session.trainer.is_global_zero:
        return Evaluated(session)
    if session.model.rows is None:
        raise ConfigError("No validation image was evaluated: leave out --trainer.limit_val_batches.")
    return Evaluated(session, session.model.rows)


def run_test(words: Sequence[str], *, show: Show = show_nothing, again: Again | None = None) -> Evaluated:
    """Evaluate a checkpoint on the test subset; change its predictions, and record them, where the options say so.

    Args:
        words: The words of the command, such as `["--ckpt_path", "best.ckpt"]`.
        show: Takes the numbers before they are written.
        again: The command that reproduces the record and what it needs, where it is not that of the test itself.

    Raises:
        ConfigError: If no image was evaluated, or a record is asked for that can't be written.
        SIGTERMException: If SIGTERM ended the test.
    """
    session = Session("test", words)
    checkpoint = session.required_checkpoint()
    by = attached(session)
    trained = recorded_training(session, checkpoint, by)  # whatever would forbid a record is found before the test
    if by is not None:
        by.prepare(checkpoint)
    begin_with_test(session)
    session.call("test", checkpoint)
    if not session.trainer.is_global_zero:
        return Evaluated(session)
    rows = session.model.rows
    if rows is None:
        raise ConfigError("No test image was evaluated: leave out --trainer.limit_test_batches.")
    show(session, rows)
    rows_file = write_rows(session, rows, "test_rows.csv")
    changed = None if by is None else _changed(session, by, rows, trained, again)
    end(session, rows, changed.record if changed else None, changed.path if changed else None)
    return Evaluated(session, rows, rows_file, changed)


def write_rows(session: Session, rows: Rows, name: str) -> Path:
    """Write one line per image into the run's folder, where the rows of earlier tests are kept under other names."""
    path = session.run_folder / name
    keep_earlier(path)
    table = image_table(rows, session.model.protocols)
    atomic_write_text(path, table.to_csv(index=False, float_format="%.6g", lineterminator="\n"))
    return path


def _changed(session: Session, by: Postprocessor, rows: Rows, trained: Record | None, again: Again | None) -> Changed:
    """Write rows and table of changed predictions, and their record where one is asked for."""
    rows_file = write_rows(session, by.rows, f"test_rows_{by.label}.csv")
    file = session.run_folder / f"test_{by.file}"
    keep_earlier(file)
    atomic_write_text(file, by.table())
    section = by.section(rows)
    if trained is None:
        return Changed(by, section, rows_file, file)
    protocols, recorded = by.recorded(session.model.protocols, session.datamodule.ranked_by)
    record = _record(session, by, trained, section, recorded, protocols, again)
    root = Path(session.config.leaderboard)
    path = write_record(record, image_table(recorded, protocols), root)
    write_page(root, record.dataset.name)
    return Changed(by, section, rows_file, file, record, path)


def _record(
    session: Session,
    by: Postprocessor,
    trained: Record,
    section: Section,
    rows: Rows,
    protocols: Sequence[Protocol],
    again: Again | None,
) -> Record:
    """The record of changed predictions."""
    checkpoint, root = session.required_checkpoint(), session.config.leaderboard
    words = [*without(session.args, "--ckpt_path", "--leaderboard"), "--ckpt_path", checkpoint]
    found = again or session.again(words, also=["--leaderboard", root])
    return further_record(
        trained,
        by.name,
        by.identity(trained),
        by.folds_identity(trained),
        section,
        all_scores(rows, protocols),
        variant=session.config.variant or "-".join(part for part in (trained.variant, by.label) if part),
        command=found.command,
        needs=found.needs,
        provenance=provenance(session.trainer, Path(checkpoint)),
    )
