"""Attack polybench: kills, full disks, corrupt inputs, hostile files and servers; say what each attack found.

`python tools/break.py [GROUP ...] [--only NUMBER ...] [--match TEXT] [--short] [--source FOLDER]` runs groups of
attacks, all by default, on the command line of a source tree, this one by default, and prints "n of m" for each: m
attacks, of which n ended as they should. A failed case is printed with the words that run it alone. `--plants` plants
five faults, one at a time, in a copy of the tree and says which are found. Exits with 1 if anything is wrong.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE)] if str(HERE) not in sys.path else []

from breaking.forkserver import Server  # noqa: E402
from breaking.groups import GROUPS  # noqa: E402
from breaking.material import Bench  # noqa: E402
from breaking.plants import run_plants  # noqa: E402
from breaking.report import Choice, line, run_group  # noqa: E402


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the groups.

    Returns:
        0, or 1 if anything is wrong.
    """
    parser = argparse.ArgumentParser(description="Attack polybench, and say how many attacks ended as they should.")
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=f"some of {', '.join(GROUPS)} (all)")
    parser.add_argument("--only", type=int, nargs="+", default=[], metavar="NUMBER", help="cases of one group")
    parser.add_argument(
        "--match",
        default="",
        metavar="TEXT",
        help="regular expression in the names of cases, or plants",
    )
    parser.add_argument("--short", action="store_true", help="a few cases of each group")
    parser.add_argument("--source", type=Path, default=HERE.parent, help="the tree that is attacked (this one)")
    parser.add_argument("--work", type=Path, help="a folder for the cases, which stays (a temporary one)")
    parser.add_argument("--plants", action="store_true", help="plant five faults, one at a time, and find them")
    options = parser.parse_args(arguments)
    unknown = sorted(set(options.groups) - set(GROUPS))
    if unknown or (options.only and len(options.groups) != 1):
        parser.error(f"there is no group {', '.join(unknown)}" if unknown else "--only is for one group")
    with tempfile.TemporaryDirectory() as temporary:
        work: Path = options.work or Path(temporary)
        work.mkdir(parents=True, exist_ok=True)
        if options.plants:
            return run_plants(options.source, work, options.match)
        bench = Bench(Server(options.source, work), work.resolve())
        return attack(bench, options.groups or list(GROUPS), Choice(options.only, options.match, options.short))


def attack(bench: Bench, names: Sequence[str], choice: Choice) -> int:
    """Run groups by name, print what is wrong and a table.

    Returns:
        0, or 1 if anything is wrong.
    """
    lines, wrong = [], 0
    for name in names:
        if choice.short and not GROUPS[name].few:
            continue
        count = run_group(GROUPS[name], bench, choice, lambda text: print(text, flush=True))
        lines.append(line(name, count))
        wrong += count.total - count.right
        print(lines[-1], flush=True)
    if len(lines) > 1:
        print("\n".join(["", *lines]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
