"""Evaluate a checkpoint on the test or the validation subset; with a classifier of patches, refine its masks too."""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from polybench.core.atomic import atomic_write_text
from polybench.core.checksum import file_sha256
from polybench.core.errors import ConfigError
from polybench.experiments.argv import without
from polybench.experiments.budget import is_limited
from polybench.experiments.outputs import probe_leaderboard
from polybench.experiments.provenance import provenance
from polybench.experiments.refinement import (
    MASK_COLUMNS,
    Refinement,
    choose_thresholds,
    facts_of,
    recorded_protocols,
    refinement_of,
    refuse_seen_images,
)
from polybench.experiments.scores import all_scores
from polybench.experiments.session import Session
from polybench.methods.refinement.table import regions_csv
from polybench.metrics import Rows
from polybench.metrics.panel import image_table
from polybench.metrics.protocols import columns_of
from polybench.results.config import first_difference, portable_config
from polybench.results.facts import RefinementFacts
from polybench.results.page import write_page
from polybench.results.record import Record, write_record
from polybench.results.refinement import classifier_with, refined_record, trained_with
from polybench.tasks.loading import START_WEIGHTS, TRAINING_ONLY


@dataclass(frozen=True)
class Evaluated:
    """What an evaluation has come to.

    Attributes:
        session: What was run.
        rows: A row for each image; None in processes other than the first.
        table: The file of these rows; None of a validation.
        refinement: What has refined the predictions; None where nothing has.
        facts: What that has changed, likewise.
        refined_table: The file of the refined rows, likewise.
        regions: The file of the regions, likewise.
        record: The record of the refined predictions; None where none was asked for.
        path: Its file.
    """

    session: Session
    rows: Rows | None = None
    table: Path | None = None
    refinement: Refinement | None = None
    facts: RefinementFacts | None = None
    refined_table: Path | None = None
    regions: Path | None = None
    record: Record | None = None
    path: Path | None = None


Show = Callable[[Session, Rows], None]
"""Shows the numbers as soon as they are there, before anything is written."""


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


def run_test(words: Sequence[str], *, show: Show = show_nothing, command: str | None = None) -> Evaluated:
    """Evaluate a checkpoint on the test subset; refine its masks, and record them, where the options say so.

    Args:
        words: The words of the command, such as `["--ckpt_path", "best.ckpt"]`.
        show: Takes the numbers before they are written.
        command: The command that gets the record again, where it is not that of the test itself.

    Raises:
        ConfigError: If no image was evaluated, or a record is asked for that can't be written.
        SIGTERMException: If SIGTERM ended the test.
    """
    session = Session("test", words)
    checkpoint = session.required_checkpoint()
    refinement = refinement_of(session)
    origins = records_to_refine(session, checkpoint)  # whatever would forbid a record is found before the test
    if refinement is not None:
        choose_thresholds(session, refinement, checkpoint)
    session.call("test", checkpoint)
    if not session.trainer.is_global_zero:
        return Evaluated(session)
    rows = session.model.rows
    if rows is None:
        raise ConfigError("No test image was evaluated: leave out --trainer.limit_test_batches.")
    show(session, rows)
    table = write_rows(session, rows, "test_rows.csv")
    if refinement is None:
        return Evaluated(session, rows, table)
    refined_table = write_rows(session, refinement.refined, "test_rows_refined.csv")
    regions = session.run_folder / "test_regions.csv"
    atomic_write_text(regions, regions_csv(refinement.callback.regions))
    facts = facts_of(refinement, rows, session.datamodule.ranked_by)
    record = None if origins is None else _refined_record(session, refinement, origins, facts, command)
    path = None if record is None else _write_refined(session, record, refinement.refined)
    return Evaluated(session, rows, table, refinement, facts, refined_table, regions, record, path)


def write_rows(session: Session, rows: Rows, name: str) -> Path:
    """Write one line per image into the run's folder."""
    path = session.run_folder / name
    table = image_table(rows, session.model.protocols)
    atomic_write_text(path, table.to_csv(index=False, float_format="%.6g", lineterminator="\n"))
    return path


def records_to_refine(session: Session, checkpoint: str) -> tuple[Record, Record] | None:
    """The records of both trainings, the segmentation's and the classifier's; None where no record is asked for.

    Raises:
        ConfigError: If nothing is refined, only a part of the images is evaluated, there are no such records, the test
            has other options than the training, or the classifier has seen its images.
    """
    config = session.config
    if config.leaderboard is None or not session.trainer.is_global_zero:
        return None
    if config.refine is None:
        raise ConfigError("--leaderboard needs --refine: the record of a plain test is written by `polybench fit`.")
    for subset in ("val", "test"):
        if is_limited(config, (subset,)) or config.trainer.fast_dev_run:
            raise ConfigError(
                f"--leaderboard is for whole subsets: leave out --trainer.limit_{subset}_batches and fast_dev_run."
            )
    session.datamodule.prepare_data()
    session.datamodule.setup("test")
    root = Path(config.leaderboard)
    trained = trained_with(root, session.datamodule.facts(), file_sha256(Path(checkpoint)))
    refuse_other_options(trained, portable_config(session.plain_config()))
    classifier = classifier_with(root, file_sha256(Path(config.refine)))
    refuse_seen_images(classifier, session.datamodule)
    probe_leaderboard(root, session.datamodule.short_name)
    return trained, classifier


def refuse_other_options(trained: Record, config: Mapping[str, Any]) -> None:
    """Refuse a test whose predictions may be others than those of its training's test.

    Args:
        trained: The record of the training.
        config: The portable configuration of this test.

    Raises:
        ConfigError: If task, net, data or precision differ; the first such key is named.
    """
    key = first_difference(_of_predictions(trained.config), _of_predictions(config))
    if key is not None:
        raise ConfigError(
            f"The training of this checkpoint is recorded with another value of '{key}': give the options that it had, "
            "or leave out --leaderboard."
        )


def _of_predictions(config: Mapping[str, Any]) -> dict[str, Any]:
    """What of a portable configuration predictions may depend on, once there are weights."""
    model = copy.deepcopy(dict(config["model"]))
    for key in TRAINING_ONLY:
        model["init_args"].pop(key, None)
    for key in START_WEIGHTS:
        (model["init_args"]["net"].get("init_args") or {}).pop(key, None)
    return {
        "model": model,
        "data": _without_split(config["data"]),
        "trainer": {"precision": config["trainer"].get("precision")},
    }


def _without_split(data: Any) -> Any:
    """A copy of a data module's configuration without the path of the split, whose hash has been compared."""
    if isinstance(data, Mapping):
        return {key: _without_split(value) for key, value in data.items() if key != "split"}
    return data


def _refined_record(
    session: Session,
    refinement: Refinement,
    origins: tuple[Record, Record],
    facts: RefinementFacts,
    command: str | None,
) -> Record:
    """The record of the refined predictions."""
    checkpoint, root = session.required_checkpoint(), session.config.leaderboard
    words = [*without(session.args, "--ckpt_path", "--leaderboard"), "--ckpt_path", checkpoint]
    found = session.again(words, also=["--leaderboard", root])
    protocols = recorded_protocols(session.model.protocols, session.datamodule.ranked_by)
    record = refined_record(
        *origins,
        session.config.variant,
        facts,
        metrics=all_scores(refinement.refined, protocols),
        command=command or found.command,
        provenance=provenance(session.trainer, Path(checkpoint)),
    )
    return replace(record, needs=found.needs)


def _write_refined(session: Session, record: Record, refined: Rows) -> Path:
    """Write the record and the page, and return the record's file."""
    root = Path(session.config.leaderboard)
    protocols = recorded_protocols(session.model.protocols, session.datamodule.ranked_by)
    kept = {name: column for name, column in refined.columns.items() if name in {*MASK_COLUMNS, *columns_of(protocols)}}
    path = write_record(record, image_table(refined._replace(columns=kept), protocols), root)
    write_page(root, record.dataset.name)
    return path
