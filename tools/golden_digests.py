"""Write the golden numbers of every class that can stand in a configuration, after a change that moves them.

A class's `version` enters the identity of every run that uses it. A change that moves its numbers therefore raises the
version, and this tool then stores the new numbers: `python tools/golden_digests.py [CLASS ...]`.
"""

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from golden import classes, training
from golden.numbers import Golden

from polybench.core.atomic import atomic_write_text

STORED = Path(__file__).parent.parent / "tests" / "experiments" / "golden" / "digests.json"

ENTRIES: dict[str, Callable[[], Golden]] = {**classes.ENTRIES, **training.ENTRIES}


def stored() -> dict[str, Golden]:
    """Read what is stored."""
    content = json.loads(STORED.read_text()) if STORED.is_file() else {}
    return {name: Golden(**entry) for name, entry in content.items()}


def complaint(name: str, now: Golden, before: Golden | None) -> str | None:
    """Say what is wrong with a class's numbers, and what to do; None where nothing is."""
    command = f"python tools/golden_digests.py '{name}'"
    if before is None:
        return f"{name} has no golden numbers: run {command}."
    if now.version != before.version:
        return f"{name} has version {now.version}, its golden numbers are of {before.version}: run {command}."
    moved = now.moved(before)
    if moved:
        return f"The numbers of {name} moved ({'; '.join(moved)}): raise its version and run {command}."
    return None


def main(args: list[str] | None = None) -> int:
    """Store the numbers of all classes, or of those named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="CLASS", help="Such as polybench.models.EFEN; all by default.")
    names = parser.parse_args(args).names or list(ENTRIES)
    if unknown := [name for name in names if name not in ENTRIES]:
        parser.error(f"unknown: {', '.join(unknown)}")
    kept = {name: golden for name, golden in stored().items() if name in ENTRIES}
    for name in names:
        now = ENTRIES[name]()
        before = kept.get(name)
        if before is not None and now.version == before.version and now.moved(before):
            print(f"{name}: numbers moved and the version did not; raise it unless nobody has used it.")
        kept[name] = now
    content = {name: asdict(kept[name]) for name in sorted(kept)}
    atomic_write_text(STORED, json.dumps(content, indent=1) + "\n")
    print(f"{len(names)} of {len(kept)} written to {STORED.name}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
