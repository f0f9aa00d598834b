"""`polybench validate`: evaluate a checkpoint on the validation subset and print the table."""

from polybench.callbacks.record import rows_table
from polybench.cli.benchmark import BenchmarkCLI
from polybench.cli.report import print_scores


def main(args: list[str]) -> int:
    """Run the command and return its exit code."""
    cli = BenchmarkCLI("validate", args)
    checkpoint = cli.required_checkpoint()
    cli.call("validate", checkpoint)
    if cli.trainer.is_global_zero:
        print_scores(cli.config.name, cli.datamodule.facts(), rows_table(cli.model.rows), {}, subset="val")
    return 0
