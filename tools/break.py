"""Attack polybench: kills, full disks, corrupt inputs, hostile files and servers; say what each attack found.

`python tools/break.py [GROUP ...] [--only NUMBER ...] [--short] [--source FOLDER]` runs groups of attacks, all by
default, on the command line of a source tree, this one by default, and prints "n of m" for each: m attacks, of which n
ended as they should. A failed case is printed with the words that run it alone. `--plants` plants five faults, one at a
time, in a copy of the tree and says which are found. Exits with 1 if anything is wrong.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE)] if str(HERE) not in sys.path else []

from breaking.groups import GROUPS  # noqa: E402
from breaking.report import line, run_group  # noqa: E402


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the groups.

    Returns:
        0, or 1 if anything is wrong.
    """
    parser = argparse.ArgumentParser(description="Attack polybench, and say how many attacks ended as they should.")
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=f"some of {', '.join(GROUPS)} (all)")
    parser.add_argument("--only", type=int, nargs="+", default=[], metavar="NUMBER", help="cases of one group")
    parser.add_argument("--short", action="store_true", help="a few cases of each group")
    parser.add_argument("--source", type=Path, default=HERE.parent, help="the tree that is attacked (this one)")
    parser.add_argument("--work", type=Path, help="an empty folder for the cases, which stays (a temporary one)")
    options = parser.parse_args(arguments)
    unknown = set(options.groups) - set(GROUPS)
    if unknown or (options.only and len(options.groups) != 1):
        parser.error(f"there is no group {', '.join(sorted(unknown))}" if unknown else "--only is for one group")
    with tempfile.TemporaryDirectory() as temporary:
        return _attack(options, options.work or Path(temporary))


def _attack(options: argparse.Namespace, work: Path) -> int:
    from breaking.forkserver import Server
    from breaking.material import Bench

    work.mkdir(parents=True, exist_ok=True)
    bench = Bench(Server(options.source, work), work.resolve())
    lines, wrong = [], 0
    for name in options.groups or GROUPS:
        count = run_group(GROUPS[name], bench, options.only, options.short, lambda text: print(text, flush=True))
        lines.append(line(name, count))
        wrong += count.total - count.right
        print(lines[-1], flush=True)
    if len(lines) > 1:
        print("\n".join(["", *lines]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
