"""`polybench validate`: evaluate a checkpoint on the validation subset and print the table."""

from polybench.cli.report import print_scores
from polybench.experiments.evaluate import run_validation


def main(args: list[str]) -> int:
    """Run the command and return its exit code."""
    done = run_validation(args)
    if done.rows is not None:
        session = done.session
        data = session.datamodule.facts()
        print_scores(session.config.name, data, done.rows, {}, session.model.protocols, subset="val")
    return 0
