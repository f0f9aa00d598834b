"""Run the command of each table of the papers on generated images, one step of each training.

    python tools/paper_tables.py [PLAN ...] [--folder FOLDER]

The commands are those of `polybench list papers` that name a plan. Of each plan a copy is run that has its rows, nets
and datasets, but random weights, images of 64 pixels (unless a row needs others), one step, one seed and the budget
`smoke`; the datasets are written in their own layouts. It ends with a line for each plan, and the exit code 1 if a row
has no record. All of them take about an hour on one core; PLAN, such as `fanet_table_ii`, names some.
"""

import argparse
import importlib
import os
import shlex
import subprocess
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import yaml
from breaking.forked import Forked
from breaking.forkserver import LIBRARIES
from short_plans.datasets import write_datasets
from short_plans.plans import shortened

from polybench.cli.main import run
from polybench.core.atomic import atomic_write_text
from polybench.results.printed.places import places

ROOT = Path(__file__).parent.parent
PLANS = ("matrix", "transfer", "finetune")
"""Commands that run a plan."""


def commands() -> dict[str, str]:
    """Plan -> the command that runs it, of all tables that have one, in the order of the papers."""
    words = [shlex.split(place.command) for place in places() if place.place.startswith("Table") and place.command]
    return {Path(found[found.index("--config") + 1]).stem: found[1] for found in words if found[1] in PLANS}


def run_short(name: str, command: str, folder: Path) -> int:
    """Run the short copy of a plan.

    Args:
        name: Name of the plan.
        command: Command of polybench that runs it.
        folder: Where copy, datasets, runs and records go.

    Returns:
        The command's exit code.
    """
    plan = ROOT / "conf" / "plans" / f"{name}.yaml"
    copy = folder / f"{name}.yaml"
    atomic_write_text(copy, yaml.safe_dump(shortened(plan), sort_keys=False))
    write_datasets(plan, folder / "data" / name)
    os.environ["POLYBENCH_DATA"] = str(folder / "data" / name)
    written = ["--folder", str(folder / "runs"), "--leaderboard", str(folder / "leaderboards")]
    return run([command, "--config", str(copy), *written])


def main(words: Iterable[str] | None = None) -> int:
    """Run the plans of all tables, or those named, and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("plans", nargs="*", metavar="PLAN", help="all by default")
    parser.add_argument("--folder", type=Path, help="keep everything there")
    options = parser.parse_args(None if words is None else list(words))
    known = commands()
    if unknown := sorted(set(options.plans) - known.keys()):
        parser.error(f"no table is made by {', '.join(unknown)}; there are {', '.join(known)}")
    for library in (*LIBRARIES, "polybench.runs", "polybench.experiments.run"):
        importlib.import_module(library)
    subprocess.Popen = Forked  # type: ignore[assignment,misc]  # cells are forks, which have imported everything already
    lines, failed = [], False
    for name in options.plans or known:
        start = time.monotonic()
        with tempfile.TemporaryDirectory() as temporary:
            code = run_short(name, known[name], (options.folder or Path(temporary)).absolute())
        failed |= code != 0
        lines.append(f"{name}: {'every row has a record' if code == 0 else 'FAILED'}, {time.monotonic() - start:.0f} s")
    print("\n".join(lines))
    return int(failed)


if __name__ == "__main__":
    raise SystemExit(main())
