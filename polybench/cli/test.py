"""`polybench test`: evaluate a checkpoint on the test subset: table, pictures and per-image rows."""

from polybench.atomic import atomic_write_text
from polybench.callbacks.record import rows_table
from polybench.cli.benchmark import BenchmarkCLI
from polybench.cli.report import log_table, print_scores


def main(args: list[str]) -> int:
    """Run the command and return its exit code."""
    cli = BenchmarkCLI("test", args)
    checkpoint = cli.required_checkpoint()
    cli.call("test", checkpoint)
    if cli.trainer.is_global_zero:
        table = rows_table(cli.model.rows)
        baselines = {name: rows_table(rows) for name, rows in cli.baselines.rows.items()}
        scores = print_scores(cli.config.name, cli.datamodule.facts(), table, baselines)
        path = cli.run_folder / "test_rows.csv"
        atomic_write_text(path, table.to_csv(index=False, float_format="%.6g", lineterminator="\n"))
        log_table(cli.trainer, scores)
        print(f"Pictures of the worst images: {cli.run_folder / 'overlays'}\nRow of each image: {path}")
    return 0
