"""What the command line can't be pointed at, because it names fixed servers: the download and the unpacking."""

import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any


def _found(name: str) -> Any:
    """A module of the attacked tree, in whichever of its folders it stands."""
    for folder in ("polybench.curation", "polybench.data"):
        try:
            return import_module(f"{folder}.{name}")
        except ModuleNotFoundError:
            continue
    raise ModuleNotFoundError(f"The tree has no module {name}.")


def _as_command(function: Callable[[], object]) -> None:
    """Run a function as the command line would."""
    errors = import_module("polybench.core.errors")
    try:
        function()
    except errors.UserError as error:
        print(f"polybench: error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


def unpack_command(archive: Path, target: Path) -> None:
    """Unpack an archive into a folder."""
    _as_command(lambda: _found("extract").unpack(archive, target, progress=False))


def fetch_command(url: str, into: Path, **known: Any) -> None:
    """Fetch a file of which some facts are known."""
    archive = import_module("polybench.data.card").Archive(url, "set.zip", **known)
    _as_command(lambda: _found("download").fetch(archive, into, progress=False))
