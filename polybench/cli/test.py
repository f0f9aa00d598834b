"""`polybench test`: evaluate a checkpoint on the test subset: table, pictures and per-image rows.

With `--refine` the same predictions are refined by a classifier of patches and compared with what they were.
"""

import os
from pathlib import Path

from lightning.pytorch.cli import LightningArgumentParser

from polybench.atomic import atomic_write_text
from polybench.callbacks.provenance import device_name, provenance
from polybench.callbacks.scores import all_scores, protocol_scores
from polybench.checksum import file_sha256
from polybench.cli import refine
from polybench.cli.benchmark import BenchmarkCLI
from polybench.cli.refine import Refinement, choose_thresholds, facts_of, refinement_of
from polybench.cli.report import log_tables, print_refinement, print_scores
from polybench.environment import COMMAND
from polybench.errors import ConfigError
from polybench.metrics import Rows
from polybench.metrics.panel import image_table
from polybench.results.config import portable_command
from polybench.results.facts import RefinementFacts
from polybench.results.page import write_pages
from polybench.results.record import Record, write_record
from polybench.results.refinement import refined_record, trained_with


def main(args: list[str]) -> int:
    """Run the command and return its exit code.

    Raises:
        ConfigError: If no image was evaluated, or a record is asked for that can't be written.
    """
    cli = BenchmarkCLI("test", args, add_arguments)
    checkpoint = cli.required_checkpoint()
    refinement = refinement_of(cli)
    trained = record_to_refine(cli, checkpoint)  # whatever would forbid a record is found before the test
    if refinement is not None:
        choose_thresholds(cli, refinement, checkpoint)
    cli.call("test", checkpoint)
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
            if trained is not None:
                write_refined(cli, refinement, trained, facts)
            refined = refinement.refined
            for protocol in (one for one in protocols if one.key in scores):
                scores[protocol.key]["refined"] = protocol_scores(refined, protocol)
        log_tables(cli.trainer, scores)
    return 0


def add_arguments(parser: LightningArgumentParser) -> None:
    """Add what refines the predictions, and where its record goes."""
    refine.add_arguments(parser)
    parser.add_argument(
        "--leaderboard",
        type=str | None,
        default=None,
        help="With --refine: folder of records and pages, which has the record of this checkpoint's training and gets "
        "that of the refined predictions.",
    )


def write_rows(cli: BenchmarkCLI, rows: Rows, name: str) -> Path:
    """Write one line per image into the run's folder."""
    path = cli.run_folder / name
    table = image_table(rows, cli.model.protocols)
    atomic_write_text(path, table.to_csv(index=False, float_format="%.6g", lineterminator="\n"))
    return path


def record_to_refine(cli: BenchmarkCLI, checkpoint: str) -> Record | None:
    """The record of the training whose predictions are refined; None where no record is asked for.

    Raises:
        ConfigError: If nothing is refined, only a part of the images is evaluated, or there is no such record.
    """
    config = cli.config
    if config.leaderboard is None:
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
    return trained_with(Path(config.leaderboard), cli.datamodule.facts(), file_sha256(Path(checkpoint)))


def report_refinement(cli: BenchmarkCLI, refinement: Refinement, tested: Rows) -> RefinementFacts:
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
    return facts


def write_refined(cli: BenchmarkCLI, refinement: Refinement, trained: Record, facts: RefinementFacts) -> None:
    """Write the record of the refined predictions and the pages."""
    root, protocols, rows = Path(cli.config.leaderboard), cli.model.protocols, refinement.refined
    record = refined_record(
        trained,
        cli.config.variant,
        facts,
        metrics=all_scores(rows, protocols),
        command=os.environ.get(COMMAND) or portable_command(["test", *cli.args]),
        provenance=provenance(cli.trainer, Path(cli.required_checkpoint())),
    )
    path = write_record(record, image_table(rows, protocols), root)
    write_pages(root)
    print(f"Record: {path}\nPage: {root / record.dataset.name}.md")
