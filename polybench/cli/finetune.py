"""`polybench finetune`: run a study of fine-tuning, depth x share of the training set x seed, and write its page."""

import argparse

from polybench.cli.launch_options import add_launcher
from polybench.cli.parser import Parser
from polybench.cli.plan_options import add_places, add_what_is_left, parsed, print_cells, run_stages


def main(args: list[str]) -> int:
    """Run the command and return its exit code, 0.

    Raises:
        UserError: If the study, a recipe or an option is wrong, a run fails, or a signal comes.
    """
    options = _options(args)
    from polybench.results.render import terminal
    from polybench.runs.finetune_file import read_study, read_study_plan

    if options.list or options.commands:
        from polybench.runs.plan_table import plan_table
        from polybench.runs.run_plan import cells_to_run

        cells = cells_to_run(options.config, options.folder, options.leaderboard, read_study_plan, options.cell)
        if options.commands:
            print_cells(cells)
        else:
            from polybench.runs.missing_data import missing_data

            at_once = max(len(options.devices), options.jobs or 1)
            terminal.print_table(plan_table(cells, at_once, missing_data(cells)))
        return 0
    from polybench.runs.finetune_page import write_study
    from polybench.runs.finetune_runs import study_runs
    from polybench.runs.finetune_tables import area_table

    ran = run_stages(options, "finetune", read_study_plan)
    if ran is None or ran.report is None:
        return 0
    study = read_study(options.config)
    runs = study_runs(study, ran.outcomes)
    table = area_table(runs)
    terminal.print_table(table)
    page = write_study(runs, ran.report)
    print(f"Report: {ran.report}\nStudy: {page}")
    if options.wandb:
        from polybench.cli.plan_dashboard import send

        send(options.wandb, study.plan.name, table, {"areas": page.with_name(f"{ran.report.stem}_areas.png")})
    return 0


def _options(args: list[str]) -> argparse.Namespace:
    """Parse the command's own options.

    Raises:
        ConfigError: If one is wrong.
    """
    parser = Parser(
        "polybench finetune",
        "Run a study of fine-tuning: each depth with each share of the training set and each seed is an ordinary run. "
        "The same command again skips finished runs and resumes interrupted ones.",
    )
    add_places(parser, "STUDY", "conf/plans/finetune_kvasir_seg_lite0.yaml", "runs/plans")
    add_launcher(parser)
    add_what_is_left(parser)
    shows = parser.add_mutually_exclusive_group()
    shows.add_argument("--list", action="store_true", help="print the runs, their states and times, and run nothing")
    shows.add_argument("--commands", action="store_true", help="print the command of each run, and run nothing")
    return parsed(parser, args)
