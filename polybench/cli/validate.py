"""`polybench validate`: evaluate a checkpoint on the validation subset and print the table."""

from polybench.cli.report import print_scores
from polybench.errors import ConfigError
from polybench.experiments.session import Session


def main(args: list[str]) -> int:
    """Run the command and return its exit code.

    Raises:
        ConfigError: If no image was evaluated.
    """
    cli = Session("validate", args)
    checkpoint = cli.required_checkpoint()
    cli.call("validate", checkpoint)
    if cli.trainer.is_global_zero:
        rows, protocols = cli.model.rows, cli.model.protocols
        if rows is None:
            raise ConfigError("No validation image was evaluated: leave out --trainer.limit_val_batches.")
        print_scores(cli.config.name, cli.datamodule.facts(), rows, {}, protocols, subset="val")
    return 0
