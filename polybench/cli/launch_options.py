"""Options that say where the cells of a plan run: on this machine, in the queue of Slurm, on a Ray cluster."""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from polybench.cli.parser import Parser
from polybench.core.errors import ConfigError

if TYPE_CHECKING:
    from polybench.runs.cell import Cell
    from polybench.runs.launch import Launcher, Needs

MINUTES = 240
OF_LAUNCHERS = {
    "devices": {"local"},
    "cpus": {"slurm", "ray"},
    "gpus": {"slurm", "ray"},
    "mem": {"slurm", "ray"},
    "time": {"slurm"},
    "slurm": {"slurm"},
    "dry_run": {"slurm"},
    "address": {"ray"},
}
"""Option -> the launchers that it is of."""

SHOWS = ("list", "commands", "report")
"""Options of commands with which no cell runs."""


def add_launcher(parser: Parser) -> None:
    """Add the launcher, its options, and the cells that are asked for."""
    group = parser.add_argument_group("where the cells run")
    add = group.add_argument
    add("--cell", action="append", default=[], metavar="NAME", help="run this cell only; repeatable")
    add(
        "--launcher",
        choices=("local", "slurm", "ray"),
        default="local",
        help="local: processes of this machine; slurm: submit job arrays and end, the same command again submits what "
        "failed and, once all are finished, writes the report; ray: tasks of a Ray cluster (%(default)s)",
    )
    add("--jobs", type=int, help="cells at once (local: 1 where no devices are named; slurm, ray: as many as fit)")
    add("--devices", help="local: CUDA devices such as 0,1: independent cells at once, one on each")
    add("--cpus", type=int, help="slurm, ray: CPU cores of each cell (1)")
    add("--gpus", type=int, help="slurm, ray: GPUs of each cell (0)")
    add("--mem", type=float, metavar="GB", help="slurm, ray: memory of each cell")
    add(
        "--time",
        type=int,
        metavar="MINUTES",
        help=f"slurm: of each job ({MINUTES}); a cell that takes longer goes on in a next one",
    )
    add(
        "--slurm",
        action="append",
        metavar="OPTION[=VALUE]",
        help="slurm: further options of sbatch, such as partition=gpu, account=lab; repeatable",
    )
    add("--dry_run", action="store_true", default=None, help="slurm: print the scripts, and submit nothing")
    add("--address", metavar="HOST:PORT", help="ray: a cluster that this machine belongs to, or auto; else its own")


def check_launcher(options: argparse.Namespace) -> None:
    """Refuse options that don't go together, and a launcher that isn't there.

    Raises:
        ConfigError: If so.
    """
    for name, launchers in OF_LAUNCHERS.items():
        if getattr(options, name) is not None and options.launcher not in launchers:
            wanted = " and ".join(f"--launcher {one}" for one in sorted(launchers))
            raise ConfigError(f"--{name} is of {wanted}, not of --launcher {options.launcher}: leave it out.")
    for name, least in {"jobs": 1, "cpus": 1, "gpus": 0, "mem": 0.1, "time": 1}.items():
        value = getattr(options, name)
        if value is not None and not value >= least:
            raise ConfigError(f"--{name} must be at least {least}.")
    options.devices = [device for device in (options.devices or "").split(",") if device]
    if options.launcher == "slurm":
        from polybench.runs.launch.slurm import refuse_without_slurm, sbatch_options

        options.slurm = sbatch_options(options.slurm or [])
        if not _only_shows(options):
            refuse_without_slurm(submits=not options.dry_run)


def _only_shows(options: argparse.Namespace) -> bool:
    """Whether no cell runs."""
    return any(getattr(options, name, False) for name in SHOWS)


@contextmanager
def open_launcher(options: argparse.Namespace, variables: Mapping[str, str]) -> "Iterator[Launcher]":
    """The launcher of cells that this command waits for: Ray, or this machine.

    Args:
        options: Those of the command line.
        variables: Environment variables of the cells.

    Raises:
        ConfigError: If Ray isn't there.
    """
    if options.launcher == "ray" and not _only_shows(options):
        from polybench.runs.launch.ray import ray_launcher

        with ray_launcher(options.address, _needs(options), options.jobs, variables) as launcher:
            yield launcher
    else:
        from polybench.runs.launch import LocalLauncher

        yield LocalLauncher(options.devices, options.jobs or 1, variables)


def submit_cells(
    options: argparse.Namespace, words: Sequence[str], cells: "Sequence[Cell]", variables: Mapping[str, str]
) -> None:
    """Submit cells to Slurm, or print the scripts, and say what was done.

    Args:
        options: Those of the command line.
        words: The words of the command that runs all cells, its name first.
        cells: Those that have no record.
        variables: Their environment variables.

    Raises:
        ConfigError: If Slurm refuses them.
    """
    from polybench.runs.launch.slurm import SlurmJobs
    from polybench.runs.submit import scripts, submit

    name, folder = cells[0].plan.name, (cells[0].folder.parent / "slurm").absolute()
    minutes = options.time or MINUTES
    jobs = SlurmJobs(name, folder, words, _needs(options), minutes, options.jobs, options.slurm, variables)
    if options.dry_run:
        print("\n".join(scripts(cells, jobs)))
        return
    for sentence in submit(cells, jobs):
        print(sentence)
    print(
        f"The jobs' output goes to '{folder}'. `squeue --me` and `polybench runs` show how they stand; this command "
        "again submits those that failed, and writes the report once all are finished."
    )


def _needs(options: argparse.Namespace) -> "Needs":
    from polybench.runs.launch import Needs

    return Needs(options.cpus or 1, options.gpus or 0, options.mem)
