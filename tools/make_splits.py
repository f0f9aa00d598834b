"""Make the split lists of the package again, byte for byte: `python tools/make_splits.py [--check]`.

The lists themselves are made in `tools/splits/`, one module for each field.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from splits import clinicdb, other, polyp, pools
from splits.common import Makers

SPLITS = Path(__file__).resolve().parents[1] / "polybench" / "datasets" / "splits"
FILES: Makers = {**clinicdb.FILES, **polyp.FILES, **other.FILES, **pools.FILES}


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the lists, or compare them with `--check`.

    Returns:
        0, or 1 if `--check` found a list missing, different, or made by nothing.
    """
    parser = argparse.ArgumentParser(description="Make polybench's split lists.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if a list differs")
    parser.add_argument("--folder", type=Path, default=SPLITS, help="where the lists lie (default: in the package)")
    options = parser.parse_args(arguments)
    status = 0
    for name, make in FILES.items():
        path, content = options.folder / name, make().encode()
        if not options.check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        elif not path.is_file() or path.read_bytes() != content:
            print(f"{path} differs from what tools/make_splits.py makes: run it again.", file=sys.stderr)
            status = 1
    strays = {path.relative_to(options.folder).as_posix() for path in options.folder.rglob("*.csv")} - set(FILES)
    for name in sorted(strays) if options.check else ():
        print(f"{options.folder / name} is made by nothing: remove it or make it in tools/splits/.", file=sys.stderr)
        status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
