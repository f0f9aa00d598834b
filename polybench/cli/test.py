"""`polybench test`: evaluate a checkpoint on the test subset: table, pictures and per-image rows.

With `--refine` the same predictions are refined by a classifier of patches and compared with what they were.
"""

import copy
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch.utilities.exceptions import SIGTERMException

from polybench.atomic import atomic_write_text
from polybench.checksum import file_sha256
from polybench.cli.fit import SIGTERM_EXIT_CODE
from polybench.cli.report import log_tables, print_refinement, print_scores
from polybench.environment import COMMAND
from polybench.errors import ConfigError
from polybench.experiments import refinement as refine
from polybench.experiments.parser import START_WEIGHTS
from polybench.experiments.provenance import device_name, provenance
from polybench.experiments.refinement import (
    MASK_COLUMNS,
    Refinement,
    choose_thresholds,
    facts_of,
    recorded_protocols,
    refinement_of,
    refuse_seen_images,
)
from polybench.experiments.scores import all_scores, protocol_scores
from polybench.experiments.session import Session
from polybench.metrics import Rows
from polybench.metrics.panel import image_table
from polybench.metrics.protocols import columns_of
from polybench.refinement.table import regions_csv
from polybench.results.config import first_difference, portable_command, portable_config
from polybench.results.facts import RefinementFacts
from polybench.results.page import write_pages
from polybench.results.record import Record, write_record
from polybench.results.refinement import classifier_with, refined_record, trained_with


def main(args: list[str]) -> int:
    """Run the command and return its exit code.

    Raises:
        ConfigError: If no image was evaluated, or a record is asked for that can't be written.
    """
    cli = Session("test", args)
    checkpoint = cli.required_checkpoint()
    refinement = refinement_of(cli)
    origins = records_to_refine(cli, checkpoint)  # whatever would forbid a record is found before the test
    try:
        if refinement is not None:
            choose_thresholds(cli, refinement, checkpoint)
        cli.call("test", checkpoint)
    except SIGTERMException:
        return SIGTERM_EXIT_CODE
    if cli.trainer.is_global_zero:
        rows, protocols = cli.model.rows, cli.model.protocols
        if rows is None:
            raise ConfigError("No test image was evaluated: leave out --trainer.limit_test_batches.")
        scores = print_scores(cli.config.name, cli.datamodule.facts(), rows, cli.baselines.rows, protocols)
        path = write_rows(cli, rows, "test_rows.csv")
        if cli.previews.paths:
            print(f"Pictures of the worst images: {cli.previews.paths[0].parent}")
        print(f"Row of each image: {path}")
        if refinement is not None:
            facts = report_refinement(cli, refinement, rows)
            recorded = {} if origins is None else write_refined(cli, refinement, origins, facts).metrics
            for protocol in (one for one in protocols if one.key in scores):
                known = recorded.get(protocol.key)
                scores[protocol.key]["refined"] = known or protocol_scores(refinement.refined, protocol)
        log_tables(cli.trainer, scores)
    return 0


def write_rows(cli: Session, rows: Rows, name: str) -> Path:
    """Write one line per image into the run's folder."""
    path = cli.run_folder / name
    table = image_table(rows, cli.model.protocols)
    atomic_write_text(path, table.to_csv(index=False, float_format="%.6g", lineterminator="\n"))
    return path


def records_to_refine(cli: Session, checkpoint: str) -> tuple[Record, Record] | None:
    """The records of both trainings, the segmentation's and the classifier's; None where no record is asked for.

    Raises:
        ConfigError: If nothing is refined, only a part of the images is evaluated, there are no such records, the test
            has other options than the training, or the classifier has seen its images.
    """
    config = cli.config
    if config.leaderboard is None or not cli.trainer.is_global_zero:
        return None
    if config.refine is None:
        raise ConfigError("--leaderboard needs --refine: the record of a plain test is written by `polybench fit`.")
    whole = (None, 1.0)  # the integer 1 is one batch
    for subset in ("val", "test"):
        limit = config.trainer.get(f"limit_{subset}_batches")
        if limit not in whole or type(limit) is int or config.trainer.fast_dev_run:
            raise ConfigError(
                f"--leaderboard is for whole subsets: leave out --trainer.limit_{subset}_batches and fast_dev_run."
            )
    cli.datamodule.prepare_data()
    cli.datamodule.setup("test")
    root = Path(config.leaderboard)
    trained = trained_with(root, cli.datamodule.facts(), file_sha256(Path(checkpoint)))
    refuse_other_options(trained, portable_config(cli.plain_config()))
    classifier = classifier_with(root, file_sha256(Path(config.refine)))
    refuse_seen_images(classifier, cli.datamodule)
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
    for key in refine.TRAINING_ONLY:
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


def report_refinement(cli: Session, refinement: Refinement, tested: Rows) -> RefinementFacts:
    """Print what the refinement changed, write its rows, and return its facts."""
    ranked_by = cli.datamodule.ranked_by
    facts = facts_of(refinement, tested, ranked_by)
    refined = {one.key: one.scores(refinement.refined) for one in refine.shown_protocols(ranked_by)}
    where = (
        f"batches of {cli.datamodule.eval_batch_size} segmented, of at most {refinement.refiner.batch_size} regions of "
        f"an image classified, on {device_name(cli.trainer.strategy.root_device)}"
    )
    print_refinement(facts, refined, refinement.callback.choice, where)
    path = write_rows(cli, refinement.refined, "test_rows_refined.csv")
    print(f"Row of each refined image: {path}")
    regions = cli.run_folder / "test_regions.csv"
    atomic_write_text(regions, regions_csv(refinement.callback.regions))
    print(f"Region by region: {regions}")
    return facts


def write_refined(
    cli: Session, refinement: Refinement, origins: tuple[Record, Record], facts: RefinementFacts
) -> Record:
    """Write the record of the refined predictions and the pages, and return it."""
    root, rows = Path(cli.config.leaderboard), refinement.refined
    again = ["--ckpt_path", cli.required_checkpoint(), "--leaderboard", str(root)]
    protocols = recorded_protocols(cli.model.protocols, cli.datamodule.ranked_by)
    record = refined_record(
        *origins,
        cli.config.variant,
        facts,
        metrics=all_scores(rows, protocols),
        command=os.environ.get(COMMAND) or portable_command(["test", *cli.args], also=again),
        provenance=provenance(cli.trainer, Path(cli.required_checkpoint())),
    )
    kept = {name: values for name, values in rows.columns.items() if name in {*MASK_COLUMNS, *columns_of(protocols)}}
    path = write_record(record, image_table(rows._replace(columns=kept), protocols), root)
    write_pages(root)
    print(f"Record: {path}\nPage: {root / record.dataset.name}.md")
    return record
