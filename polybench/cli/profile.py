"""`polybench profile`: parameters, MACs, speed, memory and what a training step waits for, beside the accuracy."""

from pathlib import Path

from lightning.pytorch.cli import LightningArgumentParser
from rich.console import Console
from rich.table import Table

from polybench.experiments.options import add_profile_arguments
from polybench.experiments.profile.measure import LATENCIES
from polybench.experiments.profile.session import ProfileSession, profile
from polybench.experiments.profile.table import Figures, Key, write_row
from polybench.results.readings import title

MEBIBYTE = 2**20

ENOUGH = 59
"""Timings of which the slowest lies above the 95th percentile with a certainty of 95 % (0.95**59 < 0.05)."""


def main(args: list[str]) -> int:
    """Run the command and return its exit code."""
    if {"-h", "--help"} & set(args):
        print(short_help())
        return 0
    session = ProfileSession(args)
    path = Path(session.config.out)
    key, figures = profile(session)
    replaced = write_row(path, key, figures)
    print_profile(key, figures)
    print(f"{'Replaced its row' if replaced else 'Added a row'} in {path}")
    return 0


def short_help() -> str:
    """The text of `polybench profile --help`: its own options, since those of a recipe are `fit`'s."""
    parser = LightningArgumentParser(
        prog="polybench profile",
        usage="polybench profile --config conf/RECIPE.yaml [--OPTION VALUE ...]",
        description="Measure what the recipe's net and training step cost: parameters, MACs, latency, throughput, "
        "memory, and what a step waits for. Each value of the recipe can be changed by an option as in `polybench "
        "fit`, such as --data.size [128,128] or --trainer.precision bf16-mixed; `polybench fit --help` lists them.",
    )
    parser.add_argument("-c", "--config", action="config", help="The recipe; several are laid on each other.")
    add_profile_arguments(parser)
    return parser.format_help().rstrip()


def print_profile(key: Key, figures: Figures) -> None:
    """Print what was measured, where, and the accuracy that goes with it."""
    name = "-".join(part for part in (key.recipe, key.variant) if part)
    table = Table(show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for quantity, value in rows(figures):
        table.add_row(quantity, value)
    console = Console(width=max(Console().width, 132) if not Console().is_terminal else None)
    console.print(
        f"{name} at {key.height}x{key.width}: {key.device}, {key.precision}, {key.threads} thread(s), "
        f"batches of {key.batch_size}, torch {key.torch}",
        highlight=False,
    )
    console.print(table)
    if (timings := figures.rounds * LATENCIES) < ENOUGH:
        console.print(
            f"Note: {timings} timings are too few for a p95, which needs {ENOUGH}: give --steps "
            f"{-(-ENOUGH // LATENCIES)} or more.",
            style="dim",
            highlight=False,
        )


def rows(figures: Figures) -> list[tuple[str, str]]:
    """Quantity and value, as text, of every figure that there is."""
    peak = "device memory" if figures.memory == "device" else "resident set of the process"
    found = [
        ("parameters", f"{figures.parameters:,}"),
        ("MACs for one image", "not countable" if figures.macs is None else f"{figures.macs / 1e9:.4g} G"),
        ("latency of one image, p50 / p95", f"{figures.latency_p50_ms:.4g} / {figures.latency_p95_ms:.4g} ms"),
        ("inference", f"{figures.images_per_second:.4g} images/s, {figures.megapixels_per_second:.4g} Mpx/s"),
        (f"inference, peak of the {peak}", f"{figures.inference_peak_bytes / MEBIBYTE:,.0f} MiB"),
        ("training step, one fixed batch", f"{figures.step_fixed_ms:.4g} ms"),
    ]
    if figures.step_real_ms is not None:
        found += [
            ("training step, real data", f"{figures.step_real_ms:.4g} ms"),
            ("data only", f"{figures.step_data_ms:.4g} ms"),
            ("waiting for data", f"{100 * (figures.waiting_share or 0):.1f} %"),
        ]
    found.append((f"training step, peak of the {peak}", f"{figures.training_peak_bytes / MEBIBYTE:,.0f} MiB"))
    if figures.score is None or figures.metric is None:
        found.append(("accuracy", "no record of this configuration"))
    else:
        interval = "" if figures.score_low is None else f" [{figures.score_low:.4f}, {figures.score_high:.4f}]"
        of = f"mean of {figures.seeds} seeds: " if figures.seeds > 1 else ""
        name = f"{title(figures.metric)}, {figures.protocol} ({of}{figures.record}, {figures.budget})"
        found.append((name, f"{figures.score:.4f}{interval}"))
    return found
