"""`polybench fit`: train, test the best checkpoint, write the record, the page and the pictures, print the table."""

import json
import os
import sys
from pathlib import Path
from typing import Any

from lightning.pytorch import Trainer
from lightning.pytorch.utilities.exceptions import SIGTERMException

from polybench.callbacks.resume import LAST, run_of
from polybench.checksum import file_sha256
from polybench.cli.report import log_tables, print_scores
from polybench.data.patch_module import PatchDataModule
from polybench.environment import COMMAND
from polybench.errors import ConfigError
from polybench.experiments.record import RunContext, trained_record, write_records
from polybench.experiments.scores import all_scores
from polybench.experiments.session import Session
from polybench.results.config import config_sha256, portable_command, portable_config
from polybench.results.page import write_pages
from polybench.results.record import Budget, read_records
from polybench.results.table import BUDGETS

SIGTERM_EXIT_CODE = 143
"""128 + 15, as a shell reports a process that SIGTERM ended."""


def main(args: list[str]) -> int:
    """Run the command and return its exit code."""
    cli = Session("fit", args)
    context = describe(cli)  # whatever would forbid a record is found before the training, not after it
    trainer: Trainer = cli.trainer
    try:
        cli.call("fit", state_to_go_on_from(cli))
        best = best_checkpoint(trainer)
        cli.call("test", str(best) if best else None)
    except SIGTERMException:
        return SIGTERM_EXIT_CODE
    except KeyboardInterrupt:
        if trainer.is_global_zero and (cli.run_folder / "checkpoints" / LAST).exists():
            print("Interrupted: the same command with --ckpt_path last goes on.", file=sys.stderr)
        raise
    if trainer.is_global_zero:
        finish(cli, context, best)
    return 0


def describe(cli: Session) -> RunContext:
    """Describe the run, and make sure that it can be recorded.

    Raises:
        ConfigError: If a value can't be recorded.
        DataError: If an earlier record of the dataset can't be read.
    """
    config = cli.config
    context = RunContext(
        name=config.name,
        variant=config.variant,
        seed=config.seed_everything,
        budget=budget(cli),
        config={**portable_config(cli.plain_config()), "processes": cli.trainer.world_size},
        command=os.environ.get(COMMAND) or portable_command(["fit", *cli.args]),
        lineage=(file_sha256(Path(config.ckpt_path)),) if starts_from_another_run(cli) else (),
    )
    cli.resume.every = config.save_every
    cli.resume.run = cli.mark(cli.trainer.world_size)
    stage = "-".join(part for part in (config.name, config.variant) if part)
    cli.resume.origin = {"task": cli.model.kind, "dataset": cli.datamodule.short_name, "stage": stage}
    margin = cli.datamodule.margin if isinstance(cli.datamodule, PatchDataModule) else 0.0
    model = json.dumps(context.config["model"])
    cli.resume.built_from = {"model": model, "size": list(cli.datamodule.size), "margin": margin}
    if cli.trainer.is_global_zero:
        net = cli.model.net
        parameters = sum(parameter.numel() for parameter in net.parameters())
        print(f"{type(net).__name__}, {parameters:,} parameters; {cli.datamodule.short_name} at {cli.datamodule.size}")
    if not config.no_leaderboard and not config.trainer.fast_dev_run:
        root = Path(config.leaderboard)
        (root / "records").mkdir(parents=True, exist_ok=True)
        read_records(root, cli.datamodule.short_name)
    return context


def starts_from_another_run(cli: Session) -> bool:
    """Whether the run begins with a checkpoint that it did not write itself, in an interrupted part of it."""
    path = cli.config.ckpt_path
    return path is not None and run_of(Path(path)) != cli.mark(cli.trainer.world_size)


def state_to_go_on_from(cli: Session) -> str | None:
    """The checkpoint whose whole state is restored, one of this run; of another run's the weights are loaded, here.

    Raises:
        ConfigError: If the run had another number of processes, on which the order of samples depends.
    """
    path: str | None = cli.config.ckpt_path
    mark = run_of(Path(path)) if path is not None else None
    if path is None:
        return None
    if mark is None or not cli.goes_on_from(Path(path)):
        cli.load_weights(Path(path))
        if cli.trainer.is_global_zero:
            print(f"Starts from the weights of '{path}', which is of another configuration; all else begins anew.")
        return None
    if mark.processes != cli.trainer.world_size:
        raise ConfigError(
            f"'{path}' is of a run with {mark.processes} process(es), and this one has {cli.trainer.world_size}: go on "
            f"with as many (--trainer.devices {mark.processes})."
        )
    return path


def best_checkpoint(trainer: Trainer) -> Path | None:
    """The checkpoint that validation chose; None when nothing was saved (fast_dev_run)."""
    path = getattr(trainer.checkpoint_callback, "best_model_path", "")
    return Path(path) if path else None


def finish(cli: Session, context: RunContext, best: Path | None) -> None:
    """Print the table and, unless something speaks against it, write the record and the pages."""
    config = cli.config
    rows = cli.model.rows
    if rows is None:
        print("No table and no record: no test image was evaluated.")
        return
    data = cli.datamodule.facts()
    scores = print_scores(config.name, data, rows, cli.baselines.rows, cli.model.protocols)
    if cli.previews.paths:
        print(f"Pictures of the worst images: {cli.previews.paths[0].parent}")
    reason = why_no_record(cli, best, rows.ids)
    if reason or best is None:
        print(f"No record: {reason}.")
    else:
        root = Path(config.leaderboard)
        protocols = cli.model.protocols
        metrics = all_scores(rows, protocols)
        record = trained_record(context, cli.trainer, cli.model, data, cli.meter, best, metrics)
        path = write_records(record, rows, cli.baselines.rows, protocols, root)
        write_pages(root)
        print(f"Checkpoint: {best}\nRecord: {path}\nPage: {root / data.name}.md")
    log_tables(cli.trainer, scores)


def why_no_record(cli: Session, best: Path | None, tested: list[str]) -> str | None:
    """What speaks against a record, or None."""
    if cli.config.no_leaderboard:
        return "--no_leaderboard was given"
    if best is None:
        return "no checkpoint was saved (no epoch was finished, or fast_dev_run)"
    expected = cli.datamodule.ids("test")
    if set(tested) != set(expected):
        return f"only {len(set(tested) & set(expected))} of {len(expected)} test images were evaluated"
    return None


def budget(cli: Session) -> Budget:
    """The budget class that holds.

    It is the lowest of what was declared on the command line, what the recipe's file declares, `reduced` where anything
    that could move a number differs from that file (also the batch, which several processes multiply, and the start,
    which a checkpoint of another run changes), and `smoke` where batches were limited.
    """
    config = cli.config
    recipe = recipe_alone(cli)
    limits = [config.trainer.get(f"limit_{kind}_batches") for kind in ("train", "val", "test")]
    whole = (None, 1.0)  # the integer 1 is one batch
    limited = any(limit not in whole or type(limit) is int for limit in limits) or config.trainer.overfit_batches
    changed = (
        recipe is None
        or config_sha256(cli.plain_config(recipe)) != config_sha256(cli.plain_config())
        or cli.trainer.world_size > 1
        or starts_from_another_run(cli)
    )
    ranks = [BUDGETS.index(config.budget), BUDGETS.index("reduced") if changed else 0]
    ranks += [BUDGETS.index(recipe.budget)] if recipe is not None else []
    ranks += [BUDGETS.index("smoke")] if limited else []
    return BUDGETS[max(ranks)]


def recipe_alone(cli: Session) -> Any:
    """The configuration of the files alone, without the options; None where they are no recipe by themselves."""
    words: list[str] = []
    for word, following in zip(cli.args, [*cli.args[1:], ""], strict=True):
        if word in {"--config", "-c"}:
            words += [word, following]
        elif word.startswith(("--config=", "-c=")):
            words.append(word)
    try:
        return cli.parser.parse_args(words)
    except ConfigError:
        return None
