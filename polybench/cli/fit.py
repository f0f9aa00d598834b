"""`polybench fit`: train, test the best checkpoint, write the record, the page and the pictures, print the table."""

from pathlib import Path
from typing import Any

from lightning.pytorch import Trainer
from lightning.pytorch.cli import LightningArgumentParser
from lightning.pytorch.utilities.exceptions import SIGTERMException

from polybench.callbacks.record import RunContext, rows_table, trained_record, write_records
from polybench.cli.benchmark import BenchmarkCLI
from polybench.cli.report import log_table, print_scores
from polybench.results.config import config_sha256, portable_command, portable_config
from polybench.results.page import write_pages
from polybench.results.record import Budget
from polybench.results.table import BUDGETS

SIGTERM_EXIT_CODE = 143
"""128 + 15, as a shell reports a process that SIGTERM ended."""


def main(args: list[str]) -> int:
    """Run the command and return its exit code."""
    cli = BenchmarkCLI("fit", args, add_arguments)
    trainer: Trainer = cli.trainer
    try:
        cli.call("fit", cli.config.ckpt_path)
        best = best_checkpoint(trainer)
        cli.call("test", str(best) if best else None)
    except SIGTERMException:
        return SIGTERM_EXIT_CODE
    if trainer.is_global_zero:
        finish(cli, best)
    return 0


def add_arguments(parser: LightningArgumentParser) -> None:
    """Add where the record goes, and how to do without."""
    parser.add_argument("--leaderboard", type=str, default="leaderboards", help="Folder of records and pages.")
    parser.add_argument("--no_leaderboard", action="store_true", help="Write no record and no page.")


def best_checkpoint(trainer: Trainer) -> Path | None:
    """The checkpoint that validation chose; None when nothing was saved (fast_dev_run)."""
    path = getattr(trainer.checkpoint_callback, "best_model_path", "")
    return Path(path) if path else None


def finish(cli: BenchmarkCLI, best: Path | None) -> None:
    """Print the table and, unless something speaks against it, write the record and the pages."""
    config = cli.config
    rows = cli.model.rows
    data = cli.datamodule.facts()
    table = rows_table(rows)
    baselines = {name: rows_table(found) for name, found in cli.baselines.rows.items()}
    scores = print_scores(config.name, data, table, baselines)
    log_table(cli.trainer, scores)
    if cli.previews.paths:
        print(f"Pictures of the worst images: {cli.previews.paths[0].parent}")
    reason = why_no_record(cli, best, len(rows.ids), data.counts.test)
    if reason or best is None:
        print(f"No record: {reason}.")
        return
    portable = portable_config(cli.plain_config())
    context = RunContext(
        name=config.name,
        variant=config.variant,
        seed=config.seed_everything,
        budget=budget(cli),
        config=portable,
        command=portable_command(["fit", *cli.args]),
    )
    root = Path(config.leaderboard)
    record = trained_record(context, cli.trainer, cli.model, data, cli.meter, best, table)
    path = write_records(record, rows, cli.baselines.rows, root)
    write_pages(root)
    print(f"Checkpoint: {best}\nRecord: {path}\nPage: {root / data.name}.md")


def why_no_record(cli: BenchmarkCLI, best: Path | None, tested: int, expected: int) -> str | None:
    """What speaks against a record, or None."""
    if cli.config.no_leaderboard:
        return "--no_leaderboard was given"
    if best is None:
        return "no checkpoint was saved (fast_dev_run)"
    if tested != expected:
        return f"only {tested} of {expected} test images were evaluated"
    return None


def budget(cli: BenchmarkCLI) -> Budget:
    """The budget class that holds: as declared, but lower where the recipe was changed or batches were limited."""
    declared: Budget = cli.config.budget
    limits = [cli.config.trainer.get(f"limit_{kind}_batches") for kind in ("train", "val", "test")]
    whole = (None, 1.0)  # the integer 1 is one batch
    limited = any(limit not in whole or type(limit) is int for limit in limits)
    limited = limited or bool(cli.config.trainer.overfit_batches)
    lowest = "smoke" if limited else "reduced" if changed_on_command_line(cli) else "published"
    return BUDGETS[max(BUDGETS.index(declared), BUDGETS.index(lowest))]


def changed_on_command_line(cli: BenchmarkCLI) -> bool:
    """Whether anything that could move a number differs from the recipe's file."""
    words: list[str] = []
    for word, following in zip(cli.args, [*cli.args[1:], ""], strict=True):
        if word in {"--config", "-c"}:
            words += [word, following]
        elif word.startswith(("--config=", "-c=")):
            words.append(word)
    recipe: Any = cli.parser.parse_args(words)
    return config_sha256(cli.plain_config(recipe)) != config_sha256(cli.plain_config())
