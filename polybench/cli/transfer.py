"""`polybench transfer`: run a plan whose stages hand their backbones on, and compare them."""

import argparse
import shlex
from pathlib import Path

from polybench.cli.parser import Parser
from polybench.core.errors import ConfigError


def main(args: list[str]) -> int:
    """Run the command and return its exit code, 0.

    Raises:
        UserError: If the plan, a recipe or an option is wrong, a run fails, or a signal comes.
    """
    options = _options(args)

    from rich.table import Table

    from polybench.experiments.command import again
    from polybench.results.format import plain
    from polybench.results.page import write_page  # pandas and matplotlib, which --help can do without
    from polybench.results.render.terminal import wide_console
    from polybench.runs.cell import cells_of
    from polybench.runs.execute import execute
    from polybench.runs.plan import read_plan
    from polybench.runs.report import COLUMNS, stage_rows, write_report

    plan = read_plan(options.config)
    cells = cells_of(plan, options.folder, options.leaderboard)
    if not all(cell.finished() for cell in cells):
        from polybench.runs.validate_plan import validate_plan  # torch, which a finished plan can do without

        validate_plan(cells, options.config)
    if options.list:
        for cell in cells:
            state = "finished" if cell.finished() else "begun" if (cell.folder / "cell.txt").is_file() else "to do"
            print(f"{cell.name}: {state}; polybench {shlex.join(cell.words())}")
        return 0
    command = again(["transfer", "--config", str(options.config)]).command
    devices = [device for device in (options.devices or "").split(",") if device]
    outcomes = execute(cells, command, devices, options.jobs)
    for dataset in sorted({outcome.record.parent.name for outcome in outcomes}):
        write_page(options.leaderboard, dataset)
    report = write_report(plan, outcomes, options.leaderboard / "plans", command)
    table = Table(title=f"Plan {plan.name}", title_justify="left")
    for name in COLUMNS:
        table.add_column(name, overflow="fold")
    rows = stage_rows(plan, outcomes)
    for row in rows:
        table.add_row(*map(plain, row))
    wide_console().print(table)
    print(f"Report: {report}")
    if options.wandb:
        from polybench.cli.plan_dashboard import send

        send(options.wandb, plan.name, report, rows)
    return 0


def _options(args: list[str]) -> argparse.Namespace:
    """Parse the command's own options.

    Raises:
        ConfigError: If one is wrong.
    """
    parser = Parser(
        "polybench transfer",
        "Run the stages of a plan, each an ordinary recipe that starts from the backbone of an earlier stage. The same "
        "command again skips what is finished and goes on with what was interrupted; a stage that has changed is "
        "refused, and the difference shown.",
    )
    parser.add_argument(
        "--config", type=Path, required=True, metavar="PLAN", help="a plan, such as those of conf/plans"
    )
    parser.add_argument("--folder", type=Path, default=Path("runs/plans"), help="where the runs go (%(default)s)")
    parser.add_argument("--leaderboard", type=Path, default=Path("leaderboards"), help="where records go (%(default)s)")
    parser.add_argument("--devices", help="CUDA devices such as 0,1: independent runs at once, one on each")
    parser.add_argument("--jobs", type=int, default=1, help="runs at once where no devices are named (%(default)s)")
    parser.add_argument("--list", action="store_true", help="say what would be run, and stop")
    parser.add_argument("--wandb", metavar="PROJECT", help="send table, curves and lineage to this W&B project too")
    options = parser.parse_args(args)
    if options.jobs < 1:
        raise ConfigError("--jobs must be at least 1.")
    return options
