"""`polybench test`: evaluate a checkpoint on the test subset: table, pictures and per-image rows."""

from polybench.atomic import atomic_write_text
from polybench.cli.benchmark import BenchmarkCLI
from polybench.cli.report import log_tables, print_scores
from polybench.errors import ConfigError
from polybench.metrics.panel import image_table


def main(args: list[str]) -> int:
    """Run the command and return its exit code.

    Raises:
        ConfigError: If no image was evaluated.
    """
    cli = BenchmarkCLI("test", args)
    checkpoint = cli.required_checkpoint()
    cli.call("test", checkpoint)
    if cli.trainer.is_global_zero:
        rows, protocols = cli.model.rows, cli.model.protocols
        if rows is None:
            raise ConfigError("No test image was evaluated: leave out --trainer.limit_test_batches.")
        scores = print_scores(cli.config.name, cli.datamodule.facts(), rows, cli.baselines.rows, protocols)
        table = image_table(rows, protocols)
        path = cli.run_folder / "test_rows.csv"
        atomic_write_text(path, table.to_csv(index=False, float_format="%.6g", lineterminator="\n"))
        log_tables(cli.trainer, scores)
        if cli.previews.paths:
            print(f"Pictures of the worst images: {cli.previews.paths[0].parent}")
        print(f"Row of each image: {path}")
    return 0
