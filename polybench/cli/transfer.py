"""`polybench transfer`: run a plan whose stages take files of each other, and compare them."""

import argparse

from polybench.cli.launch_options import add_launcher
from polybench.cli.parser import Parser
from polybench.cli.plan_options import add_list, add_places, add_what_is_left, parsed, print_cells, run_stages


def main(args: list[str]) -> int:
    """Run the command and return its exit code, 0.

    Raises:
        UserError: If the plan, a recipe or an option is wrong, a run fails, or a signal comes.
    """
    options = _options(args)
    if options.list:
        return _list(options)
    if options.report:
        return _report(options)

    from polybench.results.render import terminal
    from polybench.runs.plan_file import read_plan
    from polybench.runs.report import stage_runs, stage_table

    ran = run_stages(options, "transfer", read_plan)
    if ran is None or ran.report is None:
        return 0
    table = stage_table(ran.plan, stage_runs(ran.plan, ran.outcomes))
    terminal.print_table(table)
    print(f"Report: {ran.report}")
    if options.wandb:
        from polybench.cli.plan_dashboard import send
        from polybench.runs.report import lineage_picture

        pictures = {"curves": ran.report.with_suffix(".png"), "lineage": lineage_picture(ran.report)}
        send(options.wandb, ran.plan.name, table, pictures)
    return 0


def _list(options: argparse.Namespace) -> int:
    """Print the state and the command of each run; return the exit code, 0."""
    from polybench.runs.run_plan import cells_to_run

    print_cells(cells_to_run(options.config, options.folder, options.leaderboard, only=options.cell))
    return 0


def _report(options: argparse.Namespace) -> int:
    """Write the report from records alone, name the runs without one, and return the exit code, 0."""
    from polybench.results.render import terminal
    from polybench.runs.recorded_plan import report_on
    from polybench.runs.report import stage_runs, stage_table

    ran, lacking = report_on(options.config, options.folder, options.leaderboard)
    terminal.print_table(stage_table(ran.plan, stage_runs(ran.plan, ran.outcomes)))
    if lacking:
        print(f"{len(lacking)} run(s) have no record and are left out: {', '.join(lacking)}.")
    print(f"Report: {ran.report}")
    return 0


def _options(args: list[str]) -> argparse.Namespace:
    """Parse the command's own options.

    Raises:
        ConfigError: If one is wrong.
    """
    parser = Parser(
        "polybench transfer",
        "Run the stages of a plan, each an ordinary recipe that takes files of earlier stages, such as their encoder. "
        "The same command again skips finished runs and resumes interrupted ones; a stage that has changed is refused, "
        "and the difference shown.",
    )
    add_places(parser, "PLAN", "those of conf/plans", "runs/plans")
    add_launcher(parser)
    add_what_is_left(parser)
    add_list(parser)
    parser.add_argument(
        "--report",
        action="store_true",
        help="run nothing; write the report of the runs that have a record, wherever they were run",
    )
    return parsed(parser, args)
