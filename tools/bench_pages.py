"""Measure how long the pages of many records take: each phase, then the whole command, cold and warm, and a fit's page.

Times are seconds of the processor beside those of the clock, since other programs may run. The phases are those of one
process; the command is run with one and with two processes, and the pages of both are compared. Then the last record of
each dataset is taken away and put back, and the page is written as a fit writes it. Records take longer to make than
pages: with --root they are kept, and taken again.

    python tools/bench_pages.py --count 500
    python tools/bench_pages.py --count 10000 --root /tmp/many
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import many_records

import polybench.results.page_text  # noqa: F401 - loads the libraries of pages
from polybench.results.derived.audits import read_audit
from polybench.results.page import checked_records, render_page, write_page
from polybench.results.page_cache import FOLDER
from polybench.results.record import record_paths, recorded_datasets


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Print what a block took, the processes that it started and that have ended included."""
    wall, start = time.perf_counter(), _cpu()
    yield
    print(f"{what:40} {time.perf_counter() - wall:8.2f} s wall {_cpu() - start:8.2f} s of the processor", flush=True)


def phases(root: Path) -> None:
    """The phases of all pages, in this process."""
    checked = {}
    for name in recorded_datasets(root):
        with timed(f"{name}: records read and checked"):
            checked[name] = checked_records(root, name)
        with timed(f"{name}: page of {len(checked[name])} records"):
            render_page(name, checked.pop(name), read_audit(root, name))


def command(root: Path, processes: int, hash_seed: int) -> dict[str, bytes]:
    """Write the pages without a cache, then with it.

    Returns:
        Name of a page -> its bytes.
    """
    shutil.rmtree(root / FOLDER, ignore_errors=True)
    words = [sys.executable, "-m", "polybench", "leaderboard", "--root", str(root), "--processes", str(processes)]
    environment = {**os.environ, "PYTHONHASHSEED": str(hash_seed)}
    for state in ("cold", "warm"):
        with timed(f"polybench leaderboard, {processes} process(es), {state}"):
            subprocess.run(words, check=True, env=environment, stdout=subprocess.DEVNULL)
    return {path.name: path.read_bytes() for path in sorted(root.glob("*.md"))}


def touched(root: Path, pages: dict[str, bytes]) -> None:
    """Write each page with its last record as a new one, in a process that has loaded the libraries, as a fit has.

    Args:
        root: The folder of the leaderboards.
        pages: Name of a page -> its bytes.
    """
    for name in recorded_datasets(root):
        words = [sys.executable, __file__, "--root", str(root), "--page", name]
        paths = record_paths(root, name)
        with tempfile.TemporaryDirectory(dir=root) as folder:
            files = [paths[-1], paths[-1].with_suffix(".csv")]
            for path in files:
                path.rename(Path(folder) / path.name)
            subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
            for path in files:
                (Path(folder) / path.name).rename(path)
        print(f"A new record beside {len(paths) - 1}: ", end="", flush=True)
        subprocess.run(words, check=True)
        if (root / f"{name}.md").read_bytes() != pages[f"{name}.md"]:
            print(f"The page of {name} DIFFERS.")


def _cpu() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the records and print what their pages take."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=500, help="records (%(default)s)")
    parser.add_argument("--root", type=Path, help="folder in which records are kept; those that are there are taken")
    parser.add_argument("--templates", type=Path, default=Path("leaderboards"), help="folder with records")
    parser.add_argument("--page", help="write the page of this dataset alone, and print what it took")
    parser.add_argument("--phases", action="store_true", help="print the phases of each page too")
    options = parser.parse_args(arguments)
    if options.root and options.page:
        with timed(options.page):
            write_page(options.root, options.page)
        return
    with tempfile.TemporaryDirectory() as folder:
        root = options.root or Path(folder)
        if not (root / "records").is_dir():
            with timed(f"{options.count} records made"):
                many_records.make(options.count, root, many_records.templates(options.templates))
        if options.phases:
            phases(root)
        pages = [command(root, processes, hash_seed) for hash_seed, processes in enumerate((2, 1), start=1)]
        print(f"largest process: {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**10:.0f} MiB")
        for name, text in pages[0].items():
            print(f"{name:40} {len(text) / 2**20:8.2f} MiB")
        print("The pages of both are equal." if pages[0] == pages[1] else "The pages of both DIFFER.")
        touched(root, pages[0])


if __name__ == "__main__":
    main()
